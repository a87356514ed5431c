#!/bin/bash
# What the compiling commands print, and where they put it: grad, summary, explain, run and its cache, the passes.
set -u
bad=0
fail() { echo "$1"; bad=1; }
gives() {
    local status=$1 pattern=$2 out
    shift 2
    out=$("$NNC" "$@" 2>&1)
    local got=$?
    [ $got -eq "$status" ] || fail "nnc $*: exit code $got, not $status: $out"
    grep -q -e "$pattern" <<<"$out" || fail "nnc $*: no '$pattern' in: $out"
}
digits=$ROOT/examples/digits/digits.nn
xor=$ROOT/examples/xor/xor.nn

# The derivative of dense is three short lines; every example's text is accepted by check.
"$NNC" grad "$digits" >digits_gradient.nn || fail 'grad of digits'
cat >dense.txt <<'END'
fn mlp_dense_1_gradient(x[batch, 64], w[64, 128], b[128], dy[batch, 128]) -> (dx[batch, 64], dw[64, 128], db[128]) {
    dx[n, i] = sum[u] dy[n, u] * w[i, u]
    dw[i, u] = sum[n] dy[n, u] * x[n, i]
    db[u] = sum[n] dy[n, u]
}
END
grep -A4 '^fn mlp_dense_1_gradient' digits_gradient.nn | cmp -s - dense.txt ||
    fail "the derivative of dense is $(grep -A4 '^fn mlp_dense_1_gradient' digits_gradient.nn)"
for model in "$ROOT"/examples/*/*.nn; do
    "$NNC" grad "$model" >gradient.nn && "$NNC" check gradient.nn || fail "grad of $model"
done
"$NNC" build "$digits" --emit grad -o emitted.nn && cmp -s emitted.nn digits_gradient.nn || fail 'build --emit grad writes something else'
gives 0 '^fn loss_gradient(.*) -> dmlp_dense_2_b\[10\] {' grad "$digits" --by dense_2.b
gives 0 '^fn logits_gradient(.*) -> dimage\[batch, 8, 8\] {' grad "$digits" --of logits --by image
gives 1 '`w` could be `mlp.dense_1.w` or `mlp.dense_2.w`' grad "$digits" --by w
gives 1 'did you mean `loss`' grad "$digits" --of los
gives 1 'did you mean `image`' grad "$digits" --by imag

# A library is no run: one message, and nothing written.
echo 'fn twice(x) = 2 * x' >mine.nn
gives 0 '' check mine.nn
for command in build run summary explain grad gradcheck; do gives 1 'mine.nn:1:1: error: this file has no `train` block' $command mine.nn; done
[ ! -e mine ] || fail 'build of a library writes something'

# The passes, by name.
gives 0 '^# after differentiate' check "$xor" --dump-after differentiate --stop-after differentiate
[ "$("$NNC" check "$xor" --dump-after all --verify | grep -c '^# after ')" -ge 19 ] || fail 'not every pass is dumped'
gives 0 'ms  in all' check "$xor" --time-passes
gives 2 'did you mean `tiles`' check "$xor" --stop-after tile
gives 2 'names no pass' check "$xor" --dump-after nothing
exit $bad
