#!/bin/bash
# What the compiling commands print, and where they put it: grad, summary, explain, run and its cache, the passes.
set -u
. "$ROOT/tests/support/command.sh"
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

# explain: every value in force and where it came from.
"$NNC" explain "$xor" -O1 -g --blas none --target x86_64-linux-gnu >explain.txt || fail 'explain with options'
"$NNC" explain "$xor" >>explain.txt
while read -r line; do grep -q "^$line" explain.txt || fail "explain has no line '$line'"; done <<'END'
target  *= x86_64-[a-z-]*linux-gnu  *--target
target  *= .*  *default
blas  *= none  *--blas
blas  *= auto  *default
optimization  *= 1  *-O
optimization  *= 2  *default
debug  *= true  *-g
debug  *= false  *default
END
"$NNC" explain "$digits" --batch 16 >explain.txt || fail 'explain'
while read -r line; do grep -q "^$line" explain.txt || fail "explain has no line '$line'"; done <<'END'
mlp.dense_1.units  *= 128  *line 10
mlp.dense_1.bias  *= true  *default of the library
mlp.dense_1.weights  *= torch_uniform  *default of the library
mlp.dropout_1.rate  *= 0.2  *line 10
cross_entropy.smoothing  *= 0  *default of the library
optimizer.beta1  *= 0.9  *default of the library
lr.peak  *= 1e-3  *line 15
batch  *= 16  *--batch
seed  *= 0  *default
data.header  *= true  *default
data.separator  *= ","  *default
cpu  *= x86-64-v
END

# Of arguments each application says its own: of layers that were handed on where they are made, of defaults where they are declared;
# the model's first, then what the loss needs and applies, then the metrics, each name once.
cat >arguments.nn <<'END'
act = dense(6) |> relu |> leaky_relu
fn ramp(s, to = 3, len: steps) = s + (to - s) * min(step / len, 1)
fn half(v, by = 2) = v / by
fn first(y[b, n]) = y[:, 0]
layer twice(x[b, n], inner, squash = relu, by = 1 + 1, init = normal(0, 0.02)) -> y[b, n] {
    param w[n] = init
    y[p, i] = x[p, i] + by * squash(w[i] * inner(x)[p, i])
}
data d = table {
    x[2] = [[0, 1], [1, 2]]
    t    = [1, 0]
}
model m(x[batch, 2]) -> y[batch, 6] {
    h = x |> dense(6, bias = false) |> twice(dense(6))
    y = h |>
        twice(dense(6), by = 3,
              squash = tanh) |> repeat 1 { twice(dense(6), init = uniform(0, 1)) } |> act
}
train m on d {
    late      = ramp(0.1, len = 4 steps)
    loss      = huber(q, t) * late + half(mse(q, t), by = 4)
    q         = half(first(y)) |> half
    metrics   = [mae(q, t), e = mse(q, t)]
    optimizer = sgd(0.1, momentum = 0.9)
    steps     = 3
}
END
cat >wanted.txt <<'END'
m.dense_1.units = 6 line 14
m.dense_1.bias = false line 14
m.dense_1.weights = torch_uniform default of the library
m.dense_1.through = unchanged default of the library
m.twice_1.inner = dense line 14
m.twice_1.squash = relu default, line 5
m.twice_1.by = 2 default, line 5
m.twice_1.init = normal(0, 0.02) default, line 5
m.dense_2.units = 6 line 14
m.dense_2.bias = true default of the library
m.dense_2.weights = torch_uniform default of the library
m.dense_2.through = unchanged default of the library
m.twice_2.inner = dense line 16
m.twice_2.squash = tanh line 17
m.twice_2.by = 3 line 16
m.twice_2.init = normal(0, 0.02) default, line 5
m.dense_3.units = 6 line 16
m.dense_3.bias = true default of the library
m.dense_3.weights = torch_uniform default of the library
m.dense_3.through = unchanged default of the library
m.twice_3[0].inner = dense line 17
m.twice_3[0].squash = relu default, line 5
m.twice_3[0].by = 2 default, line 5
m.twice_3[0].init = uniform(0, 1) line 17
m.dense_4[0].units = 6 line 17
m.dense_4[0].bias = true default of the library
m.dense_4[0].weights = torch_uniform default of the library
m.dense_4[0].through = unchanged default of the library
act.dense_1.units = 6 line 1
act.dense_1.bias = true default of the library
act.dense_1.weights = torch_uniform default of the library
act.dense_1.through = unchanged default of the library
act.relu.x = a number line 1
act.leaky_relu.x = a number line 1
act.leaky_relu.slope = 0.01 default of the library
ramp.s = 0.1 line 20
ramp.to = 3 default, line 2
ramp.len = 4 line 20
half.v = a number line 22
half.by = 2 default, line 3
huber.delta = 1 default of the library
mse.weight = 1 default of the library
mae.weight = 1 default of the library
END
"$NNC" explain arguments.nn | sed -n '/^m.dense_1.units/,/^cpu/p' | sed '$d; s/  */ /g' | diff - wanted.txt || fail 'explain says other arguments'

# summary: parameters and operations as counted by hand, the memory as asserted.
"$NNC" summary "$digits" >summary.txt || fail 'summary'
grep -q '^  mlp.dense_1  *\[batch, 128\]  *8320  *528384$' summary.txt || fail "summary of dense: 32 * 128 * (2 * 64 + 1): $(grep dense_1 summary.txt)"
grep -q '^parameters  9610$' summary.txt || fail 'summary: parameters'
grep -q '^mlp.dense_1.w  *\[64, 128\]  *8192$' summary.txt && grep -q '^mlp.dense_2.b  *\[10\]  *10$' summary.txt || fail 'summary: names of parameters'
grep -q '^  mlp.dropout_1 .* 0$' summary.txt || fail 'summary: dropout costs nothing in prediction'
"$NNC" summary "$ROOT/tests/models/lenet.nn" >lenet.txt || fail 'summary of lenet'
grep -q "conv2d_2  *\[batch, 10, 10, 16\]  *2416  *$((128 * 10 * 10 * 16 * (2 * 5 * 5 * 6 + 1)))\$" lenet.txt || fail "summary of conv2d: $(grep conv2d_2 lenet.txt)"
sed 's/^    loss .*/    minimize cross_entropy(logits, label) over mlp.dense_2 with adam(1e-3)/; /optimizer/d' "$digits" >frozen.nn
"$NNC" summary frozen.nn >frozen.txt && grep -q '^mlp.dense_1.w  *\[64, 128\]  *8192  not trained$' frozen.txt && grep -q '^mlp.dense_2.w .* 1280$' frozen.txt || fail "summary: what is not trained: $(cat frozen.txt)"
"$NNC" summary "$ROOT/examples/text/letters.nn" | grep -q '^letters.stateful_lstm_1.h  *\[8, 128\]  *1024  a state$' || fail 'summary: states'
"$NNC" summary "$ROOT/tests/models/vit.nn" >vit.txt || fail 'summary of vit'
attention=$((128 * (4 * 65 * 192 * (2 * 192 + 1) + 65 * 65 * (2 * 2 * 192 + 3 + 24))))
grep -q "block_1\[0\].multi_head_attention_1.attention_1  *\[batch, 65, 192\]  *148224  *$attention\$" vit.txt ||
    fail "summary of attention, not $attention: $(grep -m 1 attention_1.attention vit.txt)"
bytes=$(sed -n 's/^memory  *\([0-9]*\) bytes.*/\1/p' summary.txt)
sed "s/^assert.*/assert memory == $bytes B/" "$digits" >exact.nn
gives 0 '' check exact.nn
sed "s/^assert.*/assert memory < $bytes B/" "$digits" >less.nn
gives 1 "\`memory\` is $bytes B" check less.nn

# run: what it built stays in the cache and is run again; other options give another one.
cp "$digits" "${digits%.nn}.csv" .
export XDG_CACHE_HOME=$PWD/cache
"$NNC" run digits.nn -- --epochs 0 --quiet || fail 'run'
"$NNC" run digits.nn -- --epochs 0 --quiet || fail 'run again'
[ "$(find cache/nnc -name digits -type f | wc -l)" = 1 ] || fail 'the second run built anew'
"$NNC" run digits.nn --batch 16 -- --epochs 0 --quiet || fail 'run with other options'
[ "$(find cache/nnc -name digits -type f | wc -l)" = 2 ] || fail 'another batch is not another trainer'
mkdir -p elsewhere && (cd elsewhere && "$NNC" run ../digits.nn -- --epochs 0 --quiet) || fail 'run from another folder does not find the data'
rm -rf cache
for i in 1 2 3; do "$NNC" run digits.nn -- --epochs 0 --quiet --out run$i & done
wait
for i in 1 2 3; do cmp -s run1/weights.safetensors run$i/weights.safetensors || fail "runs at the same time: run $i"; done
exit $bad
