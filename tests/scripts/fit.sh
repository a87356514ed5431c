# --fit: `assert memory < ...` is kept by computing again, with the same losses, draws and resumed runs; what cannot be is said.
set -eu
fail() { echo "$*"; exit 1; }
cat >net.nn <<'END'
data d = synthetic(96, seed = 4) {
    x[12, 12, 1] = normal(0, 1)
    k            = class(integer(0, 4), 5)
    split        = random(test = 25%)
}
model net(x[batch, 12, 12, 1]) -> logits[batch, 5] {
    a = x |> conv2d(8, 3, pad = same) |> batch_norm |> relu |> repeat 4 { conv2d(8, 3, pad = same) |> batch_norm |> gelu |> dropout(0.1) }
    logits = a |> flatten |> dense(5)
}
train net on d {
    loss      = cross_entropy(logits, k)
    metrics   = [accuracy(logits, k)]
    optimizer = adam(1e-3)
    batch     = 16
    epochs    = 3
    precision = double
}
END
memory() { "$NNC" explain "$@" | sed -n 's/^memory *\([0-9]*\) bytes.*/\1/p'; }
losses() { grep -o '"loss": [-+0-9.e]*' "$1" | cut -d' ' -f2; }
agree() { # FILE FILE WHAT: the same losses but for the order of sums
    losses "$1" >a.txt && losses "$2" >b.txt
    paste a.txt b.txt | awk -v what="$3" '{d = $1 - $2; if (NF != 2 || d * d > 1e-20 * $1 * $1) {print what ": " $0; bad = 1}} END {exit bad || NR < 9}'
}
all=$(memory net.nn)
[ "$all" -gt 0 ] || fail "no memory is said"
"$NNC" build net.nn -o plain
./plain --quiet --out plain.run --log plain.jsonl
for percent in 75 50; do
    sed "\$ a assert memory < $((all * percent / 100)) B" net.nn >"net$percent.nn"
    ! "$NNC" build "net$percent.nn" -o net 2>err.txt || fail "$percent percent: nothing is computed again"
    grep -q 'memory < .*does not hold' err.txt || fail "$(cat err.txt)"
    "$NNC" build --fit --verify "net$percent.nn" -o net
    now=$(memory --fit "net$percent.nn")
    [ "$now" -lt $((all * percent / 100)) ] || fail "$percent percent of $all: $now"
    ./net --quiet --out "run$percent" --log "net$percent.jsonl"
    agree "net$percent.jsonl" plain.jsonl "$percent percent"
    ./net --quiet --threads 1 --out one
    cmp one/weights.safetensors "run$percent/weights.safetensors" || fail "$percent percent: one thread gives other bits"
    ./net --quiet --epochs 2 --out cut && ./net --quiet --resume --epochs 3 --out cut
    cmp cut/weights.safetensors "run$percent/weights.safetensors" || fail "$percent percent: a resumed run gives other bits"
done

# A budget that holds anyway changes nothing; one that cannot be kept says the least that was reached.
sed "\$ a assert memory < $((all + 1)) B and params > 1" net.nn >loose.nn
"$NNC" build --fit loose.nn -o loose && ./loose --quiet --out loose.run --log loose.jsonl
[ "$(losses loose.jsonl)" = "$(losses plain.jsonl)" ] || fail "a budget that holds changes the bits"
sed "\$ a assert memory < 10 KB" net.nn >tight.nn
! "$NNC" build --fit tight.nn -o tight 2>err.txt || fail "10 KB are enough"
least=$(sed -n 's/.*note: `memory` is \([0-9]*\) B.*/\1/p' err.txt)
[ -n "$least" ] && [ "$least" -lt $((all / 2)) ] || fail "of $all bytes: $(cat err.txt)"
