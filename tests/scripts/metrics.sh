# Metrics over a whole part: exact areas for any scale, imbalance and equal scores; centred sums; sorted rows; short last batches.
# The right values are counted here, pair by pair and in double, from the rows as the trainer prints them.
set -eu
fail() { echo "$*"; exit 1; }
# A generator of our own, so that every awk draws the same: 4 000 rows, 1 % of class 1, logits -9 .. -4 with two decimals.
awk 'function u() { s = (s * 16807) % 2147483647; return s / 2147483647 }
    BEGIN { s = 7; print "l,click,far"
        for (k = 0; k < 4000; k++) { c = u() < 0.01
            printf "%.2f,%d,%.6f\n", -9 + 4 * u() + c, c, 100000 + int(192 * u() + 32 * c) / 64 } }' >rows.csv
cat >rows.nn <<'END'
data rows = csv("rows.csv") {
    l     = column("l")
    click = column("click")
    far   = column("far")
    split = ordered(test = 30%)
}
model net(l[batch], far[batch]) -> (y[batch], z[batch], two[batch, 2]) {
    param s = 1
    y[b]      = s * l[b]
    z[b]      = s * far[b]
    two[b, i] = (y[b] if i == 0 else -z[b])
}
metric smallest(x[b]) = sum[i] x[order(x)[i]] * (i < 3)
metric last_is_nan(x[b]) = sum[i] (order(sqrt(x))[i] * (i == b - 1))
metric ranks(x[b]) -> r {
    rank = order(order(x))
    r    = sum[i] rank[i] * x[i]
}
metric numbered(x[b]) = sum[i] i * x[i]
train net on rows {
    both[b, i < 2] = click[b]
    negative[b] = (-1 if far[b] == 100_000.5 else 1)
    loss       = mse(y, y)
    optimizer  = sgd(0)
    batch      = 64
    epochs     = 1
    shuffle    = false
    metrics    = [
        auc(y, click),
        both = auc(two, both),
        r2(z, far),
        off = r2(y, far),
        pearson(z, y),
        smallest(far),
        last_is_nan(negative),
        ranks(far),
        numbered(click)
    ]
}
END
"$NNC" build rows.nn
./rows --quiet --threads 1 --out one
./rows --quiet --threads 3 --out three
keep() { sed -E '/"event": "start"/d; s/"(samples_per_s|time_s)": [^,}]*(, )?//g' "$1"; }
[ "$(keep one/log.jsonl)" = "$(keep three/log.jsonl)" ] || fail 'three threads measure otherwise'
[ "$(./rows eval --out one | sed -n 's/^auc //p')" = "$(sed -n 's/.*"test.auc": \([^,]*\),.*/\1/p' one/log.jsonl | tail -n 1)" ] ||
    fail 'eval measures otherwise'
awk -F, -v log_line="$(tail -n 1 one/log.jsonl)" '
function area(x, from, to,   i, j, n, p, s) {
    for (i = from; i < to; i++) if (c[i]) for (j = from; j < to; j++) if (!c[j]) s += x[i] > x[j] ? 1 : x[i] == x[j] ? 0.5 : 0
    for (i = from; i < to; i++) p += c[i]
    return s / (p * (to - from - p))
}
function check(name, right, within,   at, v) {
    at = index(log_line, "\"" name "\": ")
    v = substr(log_line, at + length(name) + 4) + 0
    if (!at || v - right > within || right - v > within) { printf "%s is %.15g, and %.15g is right\n", name, v, right; bad = 1 }
}
function part(before, from, to,   i, j, m, my, mf, sy, sf, sc, off, n, a, b, d, s, r) {
    n = to - from
    check(before "auc", a = area(y, from, to), 1e-12)
    for (i = from; i < to; i++) minus[i] = -f[i]
    check(before "both", (a + area(minus, from, to)) / 2, 1e-12)
    check(before "r2", 1, 0)
    for (i = from; i < to; i++) { my += y[i] / n; mf += f[i] / n }
    for (i = from; i < to; i++) {
        sy += (y[i] - my)^2; sf += (f[i] - mf)^2; sc += (y[i] - my) * (f[i] - mf); off += (f[i] - y[i])^2; d += (i - from) * c[i]
    }
    check(before "pearson", sc / sqrt(sy * sf), 1e-8)
    check(before "off", 1 - off / sf, 1e-7 * off / sf)
    check(before "numbered", d, 0)
    for (i = from; i < to; i++) {
        r = 0
        for (j = from; j < to; j++) r += f[j] < f[i] || (f[j] == f[i] && j < i)
        s += r * f[i]
        if (r < 3) m += f[i]
        if (f[i] == 100000.5) b = i - from
    }
    check(before "ranks", s, 1e-13 * s)
    check(before "smallest", m, 1e-9)
    check(before "last_is_nan", b == "" ? n - 1 : b, 0)
}
# The shortest decimal of a single is not always the number itself.
NR > 1 { n = NR - 2; y[n] = $1 + 0; c[n] = $2 + 0; f[n] = int($3 * 64 + 0.5) / 64 }
END { part("test.", 0, NR - 1); exit bad }' <(./rows data --part test) || exit 1

# The last bin holds p = 1; areas and correlations of one class, or of what does not vary, are none.
cat >edges.nn <<'END'
data points = table {
    x[2] = [[200, 0], [0, 200], [200, 0], [0.1, 0]]
    k    = class([0, 0, 0, 0], 2)
}
model net(x[batch, 2]) -> y[batch, 2] {
    param s = 1
    y[b, i] = s * x[b, i]
}
train net on points {
    nothing[b] = 0 * x[b, 0]
    first[b]   = y[b, 0]
    loss       = cross_entropy(y, k)
    optimizer  = sgd(0)
    batch      = 3
    epochs     = 1
    metrics    = [calibration_error(y, k, bins = 4), auc(first, nothing), pearson(first, nothing)]
}
END
"$NNC" build edges.nn && ./edges --quiet
# Three rows in the last bin: (1 - 1) + (1 - 0) + (1 - 1); one in the third: 0.52498 - 1.
tail -n 1 edges.run/log.jsonl | grep -q '"calibration_error": 0.36875[0-9]*, "auc": null, "pearson": null' ||
    fail "edges: $(tail -n 1 edges.run/log.jsonl)"

# Sums over many rows are those of doubles, in one batch and in many; so is the loss of a step.
for batch in all 33; do
    cat >sums.nn <<END
data rows = synthetic(50_000, seed = 3) {
    far = uniform(1000, 1001)
}
model net(far[batch]) -> y[batch] {
    param s = 1
    y[b] = s * far[b]
}
train net on rows {
    loss      = mean[b] y[b]
    optimizer = sgd(0)
    batch     = $batch
    epochs    = 1
    metrics   = [total = sum[b] y[b], middle = mean[b] y[b]]
}
END
    "$NNC" build sums.nn && ./sums --quiet
    ./sums data | awk -v log_line="$(tail -n 1 sums.run/log.jsonl)" -v all="$batch" '
        function check(name, right,   v) {
            v = substr(log_line, index(log_line, "\"" name "\": ") + length(name) + 4) / right - 1
            if (v > 1e-10 || v < -1e-10) { printf "%s in batches of %s is off by %g of it\n", name, all, v; bad = 1 }
        }
        NR > 1 { s += int($1 * 16384 + 0.5) / 16384 }
        END { check("total", s); check("middle", s / (NR - 1)); if (all == "all") check("loss", s / (NR - 1)); exit bad }' || exit 1
done
