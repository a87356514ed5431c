# accumulate: for every loss that it takes, updates of several batches are those of all their rows at once, with short and empty last
# batches, rows without weight, penalties; every other loss is refused, with the reason.
set -u
bad=0
awk 'function u() { s = (s * 16807) % 2147483647; return s / 2147483647 }
    BEGIN { s = 11; print "a,b,c,t,w,k"
        for (i = 0; i < 22; i++) printf "%.4f,%.4f,%.4f,%.4f,%.3f,%d\n", u(), u(), u(), u(), (i % 5 && i < 16) * u(), 3 * u() }' >rows.csv
build() { # NAME LOSS BATCH ACCUMULATE
    cat >"$1.nn" <<END
data rows = csv("rows.csv") {
    x[3] = columns(0 .. 2)
    t    = column("t")
    w    = column("w")
    k    = class(column("k"), 3)
}
fn one(y[b, n]) -> z[b] = y[:, 0]
fn share(a, b) = 0 if b == 0 else a / b
fn faded(y[b, n]) -> z[b] {
    recur j < n from h = 0 {
        h[b, j] = 0.5 * h[b, j - 1] + y[b, j]
    }
    z[b] = h[b, n - 1]
}
fn piled(y[b, n]) -> z {
    c[j] = sum[b] y[b, j]
    recur j < n from h = 0 {
        h[j] = h[j - 1] * c[j] + c[j]
    }
    z = h[n - 1]
}
model net(x[batch, 3]) -> y[batch, 3] = x |> dense(3)
train net on rows {
    loss       = $2
    optimizer  = sgd(0.1, momentum = 0.9)
    batch      = $3
    accumulate = $4
    shuffle    = false
    epochs     = 3
    precision  = double
}
END
    "$NNC" build "$1.nn" 2>"$1.err"
}
losses() { # PROGRAM: the steps' losses, to nine digits
    "./$1" --quiet --out "$1.run" --log "$1.jsonl" >/dev/null && sed -nE 's/.*"event": "step".*"loss": ([^,]*),.*/\1/p' "$1.jsonl" | awk '{ printf "%.9f ", $1 }'
}
same() { # LOSS
    build parts "$1" 4 2 && build whole "$1" 8 1 || { echo "$1: $(cat parts.err whole.err)"; bad=1; return; }
    parts=$(losses parts)
    whole=$(losses whole)
    [ -n "$parts" ] && [ "$parts" = "$whole" ] || { echo "$1:"; echo " $parts"; echo " $whole"; bad=1; }
}
refused() { # LOSS REASON
    build parts "$1" 4 2 && { echo "$1: is accepted"; bad=1; }
    grep -q "cannot be accumulated over batches: $2" parts.err || { echo "$1: $(head -n 1 parts.err)"; bad=1; }
}
penalty='0.01 * square(norm(net.dense_1.w))'
same 'cross_entropy(y, k)'
same "mse(y, x) + 0.3 * cross_entropy(y, k) + $penalty"
same "share(sum[n] w[n] * abs(one(y)[n] - t[n]), sum[n] w[n]) + $penalty"
same 'share(sum[n] (k[n] != 1) * (one(y)[n] - t[n])^2, sum[n] (k[n] != 1))'
same '0.1 * sum[n] (one(y)[n] - t[n])^2'
same "sum[i] (mean[n] y[n, i]^2) + $penalty"
same 'triplet(y, x, -x) + kl_normal(y, x)'
same 'mean[n] (faded(y)[n] - t[n])^2'
refused 'piled(y)' 'a loop carries a sum over the rows from step to step'
refused 'sqrt(mse(y, x))' 'it is no sum or mean over the rows'
refused 'share(sum[n] w[n] * one(y)[n]^2, sum[n] w[n]) + mse(y, x)' 'its terms have different denominators'
refused '(sum[n] one(y)[n] * t[n]) / (sum[n] abs(one(y)[n]))' 'its denominator depends on the parameters'
refused 'mean[n] (one(y)[n] - mean[m] one(y)[m])^2' "a row's own value meets a sum over the rows"
refused 'max[n] abs(one(y)[n])' 'it is no sum over the rows'
refused "sum[n] one(y)[n]^2 + $penalty" 'beside a sum over the rows a term would count once a batch'
refused 'mse(y, x) + sum[n] one(y)[n]^2' 'a sum over the rows stands beside a quotient'
refused '(sum[n] one(y)[n]^2) / max(1, sum[n] w[n])' 'it is no sum or mean over the rows'
exit $bad
