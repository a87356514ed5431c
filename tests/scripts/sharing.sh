# What a program shares stays shared: powers of powers, sums of a value with itself, constants of constants and functions that
# apply themselves twice build in time and give the right numbers; what grows without bound is refused before it is built, with
# its name; memory and stack that do not suffice are a message.
set -u
. "$ROOT/tests/support/command.sh"
mkdir -p sharing && cd sharing
model() { # BODY: a model of one weight 1 on rows of 1.000000001, in double precision; the gradient step shows the derivative
    cat <<END
data rows = table {
    x = [1.000000001, 1.000000001]
}
$2
model net(x[batch]) -> y[batch] {
    param w = 1
    h_0[b] = x[b] * w
$1
}
train net on rows {
    loss      = mean(y)
    optimizer = sgd(0.1)
    precision = double
    batch     = all
    steps     = 1
}
END
}
chain() { # COUNT OPERATOR: h_k = h_(k - 1) OPERATOR h_(k - 1)
    local k
    for k in $(seq "$1"); do echo "    h_$k[b] = h_$((k - 1))[b] $2 h_$((k - 1))[b]"; done
    echo "    y[b] = h_$1[b]"
}
loss() { # NAME EXPECTED: the loss of the only step, to six digits
    gives 0 '' build "$1.nn" --blas none
    "./$1" --quiet --out "$1.out" --log "$1.jsonl" || { fail "$1 does not run"; return; }
    sed -n 's/.*"event": "step".*"loss": \([-0-9.e+]*\).*/\1/p' "$1.jsonl" |
        awk -v want="$2" -v name="$1" '{n++; if (($1 - want) ^ 2 > (1e-6 * want) ^ 2) {print name ": loss " $1 ", not " want; exit 1}} END {if (!n) {print name ": no loss"; exit 1}}' ||
        bad=1
}
model "$(chain 31 '*')" '' >square.nn
loss square 8.5632845409 # (1 + 1e-9)^(2^31)
model "$(chain 40 '+')" '' >double.nn
loss double 1099511628875.51 # 2^40 (1 + 1e-9)
constants=$(echo 'c_0 = 1'; for k in $(seq 30); do echo "c_$k = c_$((k - 1)) + c_$((k - 1))"; done)
model '    y[b] = c_30 * h_0[b]' "$constants" >constants.nn
loss constants 1073741825.07 # 2^30 (1 + 1e-9)
model '    y[b] = f(h_0[b], 40)' 'fn f(x, k) = x if k == 0 else f(x, k - 1) + f(x, k - 1)' >recursion.nn
loss recursion 1099511628875.51
levels=$(for k in $(seq 40); do echo "fn g_$k(x) = g_$((k - 1))(x) * g_$((k - 1))(x)"; done)
model '    y[b] = g_30(h_0[b])' "fn g_0(x) = x
$levels" >levels.nn
loss levels 2.9263090303 # (1 + 1e-9)^(2^30)

cat >deep.nn <<'END'
data rows = synthetic(8) {
    x[4] = uniform(0, 1)
}
model net(x[batch, 4]) -> y[batch, 4] = x |> repeat 300 { dense(4) |> tanh }
train net on rows {
    loss      = mean(y)
    optimizer = sgd(0.1)
    steps     = 1
}
END
for n in 100_000 1_000_000_000; do
    sed "s/repeat 300/repeat $n/" deep.nn >repeat.nn
    gives 1 'cannot be repeated' build repeat.nn
done
sed 's/repeat 300 {.*}/repeat 200 { repeat 200 { dense(4) } }/' deep.nn >repeat.nn
gives 1 'cannot be repeated 200 times here; the most is 50' build repeat.nn
(ulimit -s 64; "$NNC" check deep.nn) || fail 'check on a stack of 64 KB'
gives 2 'takes a whole number' check deep.nn --memory-limit 0
[ -n "${SANITIZED:-}" ] && exit $bad # their memory is beyond bounds
gives 6 'out of memory.*(--memory-limit)' check deep.nn --memory-limit 20
for limit in 80 110 140 170 200; do # somewhere in the passes, and in LLVM
    "$NNC" build deep.nn -o bounded --memory-limit $limit 2>said
    status=$?
    [ $status -eq 0 ] || [ $status -eq 6 ] || fail "nnc build --memory-limit $limit: exit code $status: $(cat said)"
    [ $status -ne 6 ] || grep -q 'out of memory' said || fail "$limit MB without a message"
done
(ulimit -s 64; "$NNC" build deep.nn -o small) || fail 'a build on a stack of 64 KB'
exit $bad
