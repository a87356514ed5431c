#!/bin/bash
# Numbers of the data block: calculated in double from the file to the one rounding of a field, statistics included, kept whole in
# the weights file. awk computes the same in double. Constant columns, resumed runs, predictions, object files; blocks of rows.
set -u
. "$ROOT/tests/support/command.sh"
mkdir -p statistics && cd statistics || exit 1

# ---- against awk, in both precisions ----
# Seconds since 1970, an id of 16 digits, a value on a large offset, small ones, and columns that are constant.
awk 'BEGIN { print "time,id,offset,small,a,b,c,d,e,f,sum1,sum2"
    for (i = 0; i < 1500; i++) { u = (i * 7919) % 1500 / 1500; v = (i * 104729) % 1499 / 1499
        printf "%.17g,%.0f,%.17g,%.17g,14.62,0.1,3.3,21.7,-0.05,100,%.17g,%.17g\n", 1.7e9 + 2000 * u - 1000, 1e15 + int(5000 * v),
            5e4 + v / 1000, (u - 0.5) * 1e-30, u, 0.7 - u } }' >d.csv
program() { # NAME SOURCE READER
    cat >"$1.nn" <<END
data d = $2 {
    x[10]  = $3
    s[10]  = standardize(x)
    m[10]  = minmax(x)
    day    = mod(x[0], 86400)
    gap[i] = x[i] - x[0]
    ulp    = standardize($4)
}
model net(s[batch, 10], ulp[batch]) -> y[batch] {
    param w = 1
    y[n] = w * s[n, 4] + ulp[n]
}
train net on d {
    loss      = mse(y, m[:, 0])
    optimizer = sgd(1e-30)
    batch     = 32
    epochs    = 3
}
END
}
program csv 'csv("d.csv")' 'columns(0 .. 9)' 'column("sum1") + column("sum2")'
compare() { # WHAT TOLERANCE FILE
    awk -F, -v what="$1" -v most="$2" '
        function check(name, want, slack) {
            slack += most * (want < 0 ? -want : want)
            if ((!(name in column) || $column[name] - want > slack || want - $column[name] > slack) && wrong++ < 5)
                printf "%s, row %d: %s is %s, not %.17g\n", what, rows, name, $column[name], want }
        NR == FNR && FNR > 1 { n++; for (i = 0; i < 10; i++) { x[n, i] = $(i + 1) + 0
            if (n == 1) low[i] = high[i] = x[n, i]
            low[i] = x[n, i] < low[i] ? x[n, i] : low[i]; high[i] = x[n, i] > high[i] ? x[n, i] : high[i]; sum[i] += x[n, i] - x[1, i] } }
        NR == FNR { next }
        FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i
            for (i = 0; i < 10; i++) { mean[i] = x[1, i] + sum[i] / n
                for (r = 1; r <= n; r++) square[i] += (x[r, i] - mean[i])^2; deviation[i] = sqrt(square[i] / n) }; next }
        { rows++
          for (i = 0; i < 10; i++) { v = x[rows, i]; constant = i >= 4
              check("x_" i, v); check("s_" i, constant ? 0 : (v - mean[i]) / deviation[i], constant ? 0 : mean[i] / deviation[i] * 2^-52)
              check("m_" i, constant ? 0 : (v - low[i]) / (high[i] - low[i])); check("gap_" i, v - x[rows, 0]) }
          check("day", x[rows, 0] % 86400); check("ulp", 0) }
        END { if (rows != n || n != 1500) { print what ": " rows " rows"; wrong = 1 }; exit wrong }' d.csv "$3" || bad=1
}
for precision in single double; do
    "$NNC" build csv.nn --precision $([ $precision = single ] && echo default || echo double) --blas none || exit 1
    ./csv data >data.csv 2>said && [ ! -s said ] || fail "data says: $(cat said)"
    # A single is rounded once, and printed with the digits that tell it from its neighbours.
    compare "$precision" $([ $precision = single ] && echo 1.2e-7 || echo 2e-11) data.csv
done

# ---- constant columns ----
./csv train --quiet 2>said || fail "constant columns do not train"
for text in 'field s: 6 of 10 elements are the same in every training row (the first, number 4, is 14.62); standardize makes them 0' \
    'field m: 6 of 10 elements are the same in every training row (the first, number 4, is 14.62); minmax makes them 0' \
    'field ulp: 1 of 1 elements are the same in every training row (the first, number 0, is 0.7); standardize makes them 0'; do
    grep -qF "warning: $text" said || fail "no warning: $text, but $(cat said)"
done
[ "$(wc -l <said)" = 3 ] || fail "warnings: $(cat said)"
{ head -n 1 d.csv; echo '1.7e9,1e15,5e4,0,14.63,0.1,3.3,21.7,-0.05,100,0.25,0.45'; } >new.csv
./csv predict --data new.csv | awk 'NR == 2 && $1 > 0.00999999 && $1 < 0.01000001 { ok = 1 } END { exit !ok }' ||
    fail "a new value of a constant column: $(./csv predict --data new.csv)"
# ---- missing = mean, of large values ----
{ echo a; for k in 1 2 3 4 5 6; do echo "170000000$k.25"; echo NA; done; } >gaps.csv
cat >gaps.nn <<'END'
data d = csv("gaps.csv", missing = mean) {
    x = column("a") - 1.7e9
}
model net(x[batch]) -> y[batch] {
    param w = 1
    y[n] = w * x[n]
}
train net on d {
    loss      = mse(y, x)
    optimizer = sgd(0.1)
    epochs    = 2
}
END
"$NNC" build gaps.nn --precision double && ./gaps data | awk -F, 'NR > 1 && NR % 2 && $1 != 3.75 { print "missing is " $1; bad = 1 } END { exit bad }' || bad=1

# ---- kept whole: predictions, eval, resumed runs ----
cat >clock.nn <<'END'
data d = csv("time.csv") {
    s     = standardize(column("time"))
    k     = class(column("kind"), 2)
    split = ordered(test = 20%)
}
model net(s[batch]) -> y[batch] {
    param w = 1
    y[n] = w * s[n]
}
train net on d {
    loss      = mean[n] ((y[n] - 1)^2 if k[n] == 1 else 0)
    optimizer = sgd(1e-30)
    batch     = 8
    epochs    = 4
}
END
awk 'BEGIN { print "time,kind"; for (i = 0; i < 100; i++) printf "%.3f,%s\n", 1.7e9 + (i * 37) % 100 + 0.125, i % 3 ? "on" : "off" }' >time.csv
"$NNC" build clock.nn --blas none && ./clock train --quiet || bad=1
./clock data | awk -F, '{ print $1 }' >seen
head -n 81 time.csv | ./clock predict >predicted
tail -n +2 seen >a && tail -n +2 predicted | cmp - a || fail "a prediction does not see what training saw"
./clock eval >whole
rm -r clock.run && ./clock train --epochs 2 --quiet && ./clock train --resume --epochs 4 --quiet && ./clock eval | cmp - whole || fail "resumed"
# Other data of as many rows: the run goes on with its own statistics and classes.
rm -r clock.run && ./clock train --epochs 2 --quiet && cp clock.run/weights.safetensors before
awk -F, 'NR == 1; NR > 1 { printf "%.3f,%s\n", $1 + 50, $2 }' time.csv >moved.csv && mv moved.csv time.csv
./clock train --resume --epochs 4 --quiet && cmp before clock.run/weights.safetensors || fail "statistics of a resumed run are others"
sed 's/off/zero/' time.csv >other.csv && mv other.csv time.csv
./clock train --resume --epochs 6 --quiet 2>said && fail "classes of a resumed run are others"
grep -q 'expected one of the classes that the model was trained with, found "zero"' said || fail "$(cat said)"

# ---- object files: a statistic is given as a number of the header's type ----
"$NNC" build clock.nn --emit obj -o clock.o && cat >host.c <<'END' && ${CC:-cc} host.c clock.o "$BUILD/libnn.a" -lm -lpthread -o host && ./host || bad=1
#include "clock.h"
#include <stdio.h>
int main(void) {
    float values[3] = {1, 2, 3}, set = 7.5f;
    clock *m = clock_create(NULL);
    int bad = clock_load(m, "before") != NN_OK || clock_get_parameter(m, "data.s.mean", values + 1, 1) != NN_OK ||
              values[0] != 1 || values[2] != 3 || values[1] < 1.7e9f || values[1] > 1.7001e9f ||
              clock_set_parameter(m, "data.s.mean", &set, 1) != NN_OK ||
              clock_get_parameter(m, "data.s.mean", values, 1) != NN_OK || values[0] != 7.5f || values[1] < 1.7e9f;
    if (bad) printf("the mean is %.9g, beside %g and %g\n", values[1], values[0], values[2]);
    clock_destroy(m);
    return bad;
}
END

# ---- blocks of rows: as many as fit, and the draws are the same whatever fits ----
draws() { # NAME FIELD
    cat >"$1.nn" <<END
data d = synthetic(300, seed = 4) {
    k      = int(integer(0, 9), 10)
    z[i<3] = uniform(-1, 1)
    u[2]   = uniform(0, 4)
    j      = int(mod(k + integer(0, 3), 5), 5)
    n      = noisy(u)
$2
}
fn noisy(x[n]) -> y {
    e[i<n] = normal(0, 0.1)
    y = sum[i] x[i] * e[i]
}
model net(u[batch, 2]) -> y[batch, 1] = u |> dense(1)
train net on d {
    loss      = mse(y[:, 0], u[:, 0])
    optimizer = sgd(0.1)
    epochs    = 2
}
END
    "$NNC" build "$1.nn" --blas none && "./$1" data --format npy || bad=1
}
draws narrow ''
[ "$(./narrow data | cut -d, -f1-7 | cksum)" = '544185810 17248' ] || fail "synthetic data are not what they were: $(./narrow data | head -n 3)"
for wide in 40000 3000; do # 64 rows of them take 20 and 1.5 MB
    draws wide "    wide[$wide] = uniform(0, 1)"
    for field in k z u j n; do cmp narrow.run/train.$field.npy wide.run/train.$field.npy || fail "blocks of rows of $wide numbers: other draws"; done
    bytes=$(./wide info --json | sed 's/.*"memory": \([0-9]*\).*/\1/')
    [ "$bytes" -lt 1000000 ] || fail "rows of $wide numbers take $bytes bytes"
done
tail -c +129 wide.run/train.wide.npy | od -An -v -w12000 -tf4 | awk 'seen[$1]++ { print "rows draw the same: " $1; bad = 1 } END { exit bad || NR != 300 }' || bad=1
exit $bad
