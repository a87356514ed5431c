# order(x) along a dimension of x: sorted rows in models, losses, metrics and data blocks; equal values, NaN, whole numbers, short last
# batches, long rows, several threads; the derivative goes where the values stood, and `grad` prints what can be read again.
set -eu
fail() { echo "$*"; exit 1; }
cat >net.nn <<'END'
data rows = synthetic(70, seed = 3) {
    x[9]   = normal(0, 1)
    k[9]   = int(integer(0, 3), 4)
    t      = normal(0, 1)
    up[i]  = x[order(x)[i]]
    median = x[order(x)[4]]
    ks[9]  = order(k)
}
layer largest(x[b, n], count = 3) -> y[b, count] {
    at      = order(x)
    y[b, i] = x[b, at[b, n - 1 - i]]
}
layer ranks(x[b, n]) -> y[b, n]: int {
    y = order(order(x))
}
model net(x[batch, 9], k[batch, 9]) -> (y[batch], sorted[batch, 9], rank[batch, 9], whole[batch, 9]) {
    h            = x |> dense(12) |> tanh
    y[b]         = (h |> largest |> dense(1))[b, 0]
    sorted[b, i] = x[b, order(x[b, :])[i]]
    rank[b, i]   = ranks(x)[b, i] + 0
    bad          = sqrt(x)
    whole[b, i]  = order(k)[b, i] + 0.5 * (order(bad)[b, i] == order(bad)[b, 8])
}
metric below(x[b, n]) = mean[b] x[b, order(x)[b, 0]]
train net on rows {
    moved[b, i] = (1 if ks[b, i] == floor(whole[b, i]) else 0)
    loss        = mse(y, t) + mean[b, i] abs(sorted[b, i] - up[b, i]) + mean[b] abs(sorted[b, 4] - median[b])
    optimizer   = sgd(0.1)
    batch       = 32
    epochs      = 2
    metrics     = [below(sorted), same = mean[b, i] moved[b, i]]
}
END
"$NNC" build net.nn
./net --quiet --threads 1 --out one
./net --quiet --threads 3 --out three
cmp one/weights.safetensors three/weights.safetensors || fail 'three threads learn otherwise'
tail -n 1 one/log.jsonl | grep -q '"same": 1[,}]' || fail "the data block sorts otherwise: $(tail -n 1 one/log.jsonl)"
./net data >rows.csv
./net predict --out one --data rows.csv >out.csv
# What the model says of every row, by counting.
paste -d, rows.csv out.csv | awk -F, '
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
{
    for (i = 0; i < 9; i++) { x[i] = $at["x_" i]; k[i] = $at["k_" i] }
    for (i = 0; i < 9; i++) {
        r = c = 0
        for (j = 0; j < 9; j++) { r += x[j] < x[i] || (x[j] == x[i] && j < i); c += k[j] < k[i] || (k[j] == k[i] && j < i) }
        if ($at["rank_" i] != r || $at["sorted_" r] != x[i] || int($at["whole_" c]) != i) bad++
        sorted[r] = x[i]
    }
    if ($at["up_" 4] != sorted[4] || $at["median"] != sorted[4]) bad++
}
END { if (NR != 71 || bad) { print bad + 0, "of", NR - 1, "rows are sorted otherwise"; exit 1 } }' || exit 1
"$NNC" gradcheck net.nn >check.txt 2>&1 || { cat check.txt; exit 1; }
"$NNC" grad net.nn >grad.nn && grep -q 'order(' grad.nn && "$NNC" check grad.nn || fail 'grad prints no order that can be read'

# Long rows, in little memory and time: 300 000 values, sorted.
cat >long.nn <<'END'
data rows = synthetic(3, seed = 3) {
    s = uniform(0, 1)
}
model net(s[batch]) -> (y[batch], wrong[batch]) {
    param w = 1
    x[b, i < 300_000] = mod(w * 7919 * (i + 1) * (1 + s[b]), 100_003)
    at                = order(x)
    wrong[b] = sum[i < 299_999] (x[b, at[b, i]] > x[b, at[b, i + 1]] or (x[b, at[b, i]] == x[b, at[b, i + 1]] and at[b, i] >= at[b, i + 1]))
    y[b] = x[b, at[b, 0]]
}
train net on rows {
    loss      = mean[b] (y[b] + wrong[b])
    optimizer = sgd(0)
    epochs    = 1
    metrics   = [wrong = sum[b] wrong[b]]
}
END
"$NNC" build long.nn && ./long --quiet && tail -n 1 long.run/log.jsonl | grep -q '"wrong": 0[,}]' || fail "long rows: $(tail -n 1 long.run/log.jsonl)"
