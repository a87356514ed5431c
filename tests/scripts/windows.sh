# Windows over rows: samples, statistics and sums as awk finds them; what is held out stays apart; rows are kept once; the last
# window is predicted without what comes after it; a caller of C gives each window by itself.
set -u
. "$ROOT/tests/support/command.sh"
rows() { # WHAT EXPECTED COMMAND...: lines without their head
    local what=$1 expected=$2
    shift 2
    [ "$("$@" 2>&1 | tail -n +2)" = "$expected" ] || fail "$what: $("$@" 2>&1 | head -n 20)"
}
near() { # WHAT FILE FILE: the same numbers, up to the digits of a single
    paste -d, "$2" "$3" | awk -F, -v what="$1" '
        { for (k = 1; k <= NF / 2; k++) { d = $k - $(k + NF / 2); if (d * d > 1e-10 * (1 + $k * $k)) bad = 1 }
          if (NF % 2 || NF == 0) bad = 1 }
        END { if (NR == 0 || bad) { print what ": other numbers"; exit 1 } }' || { fail "$1"; head -n 3 "$2" "$3"; }
}

# ---- samples by hand: rows 0 .. 14, the last six are the test ----
(echo t,h; for k in $(seq 0 14); do echo "$k,$((k * 10))"; done) >hand.csv
cat >hand.nn <<'PROGRAM'
data d = csv("hand.csv") {
    past[3, 2] = window(columns("t", "h"), -2)
    next       = window(column("t"), 1)
    split      = ordered(test = 40%)
}

model net(past[batch, n, k]) -> y[batch] {
    h    = past |> flatten |> dense(1)
    y[i] = h[i, 0]
}

train net on d {
    loss      = mse(y, next)
    optimizer = sgd(1e-6)
    batch     = 4
    epochs    = 2
    predict   = [row = past[:, 2, 0], sum = sum[j] past[.., j, 1], y]
}
PROGRAM
"$NNC" build hand.nn && ./hand --quiet || fail "hand.nn"
rows "training samples" '0,0,1,10,2,20,3
1,10,2,20,3,30,4
2,20,3,30,4,40,5
3,30,4,40,5,50,6
4,40,5,50,6,60,7
5,50,6,60,7,70,8' ./hand data
rows "test samples" '9,90,10,100,11,110,12
10,100,11,110,12,120,13
11,110,12,120,13,130,14' ./hand data --part test
./hand predict --data hand.csv | cut -d, -f1,2 >found
(echo row,sum; for k in $(seq 2 14); do echo "$k,$((30 * k - 30))"; done) | cmp - found || fail "predict: $(cat found)"
[ "$(./hand predict <hand.csv)" = "$(./hand predict --data hand.csv)" ] || fail "predict on standard input"
head -n 2 hand.csv >short.csv
expect 4 'a sample reads 3 rows one after another, from -2 to 0 counted from its own, and of the part.s 1 rows never so many' ./hand predict --data short.csv
head -n 9 hand.csv >few.csv
expect 4 'the test part has no rows: a sample reads 4 rows' ./hand eval --data few.csv --part test
(echo t,h; echo 1,2; echo 3,4; echo 5,6) >three.csv
expect 4 'the train part has no rows: a sample reads 4 rows one after another, from -2 to 1 counted' ./hand --data three.csv --quiet
sed 's/split /stride = 3\n    split /' hand.nn >strided.nn && "$NNC" build strided.nn || fail "strided.nn"
rows "every third" '0,0,1,10,2,20,3
3,30,4,40,5,50,6' ./strided data
rows "every third of the test" '9,90,10,100,11,110,12' ./strided data --part test

# What is asked for a row that is not there yet: windows from the one before, the next row itself.
sed 's/window(columns("t", "h"), -2)/window(columns("t", "h"), -3)/; s/window(column("t"), 1)/column("t")/; s/past\[:, 2, 0\]/past[:, 0, 0]/' hand.nn >own.nn
"$NNC" build own.nn && ./own --quiet || fail "own.nn"
[ "$(./own predict --data hand.csv | tail -n 1 | cut -d, -f1,2)" = 12,390 ] || fail "the row after the last: $(./own predict --data hand.csv | tail -n 1)"
# Windows that all lie ahead, and one far behind.
cat >ahead.nn <<'PROGRAM'
data d = csv("hand.csv") {
    x[4] = window(column("t"), 3)
    y    = window(column("h"), 9)
    z    = window(column("t"), -2)
}

model net(x[batch, n], z[batch]) -> p[batch] = (x |> dense(1))[:, 0] + z

train net on d {
    loss      = mse(p, y)
    optimizer = sgd(1e-6)
    epochs    = 1
    predict   = [a = x[:, 0], z]
}
PROGRAM
"$NNC" build ahead.nn && ./ahead --quiet || fail "ahead.nn"
rows "ahead" '5,6,7,8,110,0
6,7,8,9,120,1
7,8,9,10,130,2
8,9,10,11,140,3' ./ahead data
rows "ahead, predicted" '5,0
6,1
7,2
8,3
9,4
10,5
11,6' ./ahead predict --data hand.csv

# ---- numbers by awk: statistics of the training rows, windows standardized and restored, nothing from another part ----
awk 'BEGIN { srand(7); print "a,b,k"; for (i = 0; i < 500; i++) printf "%.6f,%.6f,%d\n", 20 + rand() * i / 100, rand() ^ 3 * 7, i }' >d.csv
cat >stats.nn <<'PROGRAM'
data d = csv("d.csv") {
    past[7, 2] = window(standardize(columns("a", "b")), -6)
    next       = window(standardize(column("a")), 1)
    k[8]       = window(column("k"), -6)
    split      = ordered(test = 20%, validation = 10%)
}

model net(past[batch, n, c]) -> y[batch] {
    h    = past |> gru(3) |> last |> dense(1)
    y[i] = h[i, 0]
}

train net on d {
    loss      = mse(y, next)
    optimizer = adam(1e-2)
    batch     = 16
    epochs    = 3
    predict   = [mean = mean[t] past[.., t, 0], row = restore(past, past), y = restore(y, next)]
    metrics   = [rmse(restore(y, next), restore(next, next))]
}
PROGRAM
"$NNC" build stats.nn && ./stats --quiet || fail "stats.nn"
awk -F, '
    BEGIN { n = 0 }
    NR > 1 { a[n] = $1; b[n++] = $2 }
    END {
        rows = n - int(n * 0.2 + 0.5) - int(n * 0.1 + 0.5)
        for (i = 0; i < rows; i++) { sa += a[i]; sb += b[i] }
        ma = sa / rows; mb = sb / rows
        for (i = 0; i < rows; i++) { va += (a[i] - ma) ^ 2; vb += (b[i] - mb) ^ 2 }
        da = sqrt(va / rows); db = sqrt(vb / rows)
        for (i = 6; i < n; i++) {
            m = 0; line = ""
            for (j = i - 6; j <= i; j++) { m += (a[j] - ma) / da / 7; line = line "," a[j] "," b[j] }
            printf "%.9f%s\n", m, line
        }
    }' d.csv >expected
./stats predict --data d.csv | tail -n +2 | cut -d, -f1-15 >found
near "standardized windows" expected found
for part in train:0:349 validation:350:399 test:400:499; do
    IFS=: read -r name first last <<<"$part"
    ./stats data --part "$name" | awk -F, -v first="$first" -v last="$last" '
        NR == 1 { for (c = 1; c <= NF; c++) if ($c ~ /^k_/) of[++n] = c }
        NR > 1 { for (c = 1; c <= n; c++) { if ($of[c] < first || $of[c] > last || (c > 1 && $of[c] != $of[c - 1] + 1)) bad = 1 } rows++ }
        END { exit bad || n != 8 || rows != last - first + 1 - 7 }' || fail "rows of another part in $name"
done
./stats eval | grep -q '^test: 93 rows' || fail "eval: $(./stats eval)"
# What stands behind the training rows changes no weight.
head -n 351 d.csv >changed.csv
tail -n 150 d.csv | awk -F, '{ print -$1 * 1000 "," $2 "," $3 }' >>changed.csv
./stats --quiet --data changed.csv --out other && cmp stats.run/weights.safetensors other/weights.safetensors || fail "held-out rows change weights"
./stats --quiet --epochs 1 --out parts && ./stats --quiet --resume --epochs 3 --out parts &&
    cmp stats.run/weights.safetensors parts/weights.safetensors || fail "a run that is resumed is another"

# ---- a table with every window spelled out trains to the same weights, bit for bit ----
awk 'BEGIN { for (c = 0; c <= 8; c++) printf "%sc%d", c ? "," : "", c; print "" }
    NR > 1 { split($0, cell, ","); v[n++] = cell[1] }
    END { for (i = 0; i + 8 < n; i++) for (c = 0; c <= 8; c++) printf "%s%s", v[i + c], c < 8 ? "," : "\n" }' d.csv >wide.csv
both() { # NAME FILE PAST NEXT
    cat >"$1.nn" <<PROGRAM
data d = csv("$2") {
    past[8] = $3
    next    = $4
}

model net(past[batch, n]) -> y[batch] = (past |> dense(7) |> tanh |> dense(1))[:, 0]

train net on d {
    loss      = mse(y, next)
    optimizer = adam(1e-3)
    batch     = 16
    epochs    = 3
}
PROGRAM
    "$NNC" build "$1.nn" && "./$1" --quiet || fail "$1.nn"
}
both one d.csv 'window(column("a"), -7)' 'window(column("a"), 1)'
both wide wide.csv 'columns(0 .. 7)' 'column(8)'
./one predict --data d.csv | head -n 493 >found && ./wide predict --data wide.csv | cmp - found || fail "windows train otherwise than their numbers"

# ---- arrays ----
octets $(for k in $(seq 20); do echo $k $((k * 2)); done) | npy_file x.npy '|u1' '20, 2'
octets $(for k in $(seq 20); do echo $((k % 3)); done) | npy_file k.npy '|u1' '20,'
cat >arrays.nn <<'PROGRAM'
data d = npy {
    x[2, 2] = window(file("x.npy") / 2, -1)
    kind[2] = window(class(file("k.npy"), 3), 0)
    split   = ordered(test = 50%)
}

model net(x[batch, n, k]) -> y[batch, 2, 3] = x |> dense(3)

train net on d {
    loss      = cross_entropy(y, kind)
    optimizer = sgd(1e-2)
    epochs    = 2
}
PROGRAM
"$NNC" build arrays.nn && ./arrays --quiet || fail "arrays.nn"
rows "arrays" '5.5,11,6,12,0,1
6,12,6.5,13,1,2
6.5,13,7,14,2,0
7,14,7.5,15,0,1
7.5,15,8,16,1,2
8,16,8.5,17,2,0
8.5,17,9,18,0,1
9,18,9.5,19,1,2' ./arrays data --part test
./arrays data --part test --format npy --out . && ./arrays data --part test | cut -d, -f1-4 >inputs.csv
./arrays predict <inputs.csv >found && [ "$(wc -l <found)" = 9 ] || fail "windows on standard input"
./arrays predict --data . >all && [ "$(wc -l <all)" = 20 ] || fail "windows of arrays: $(wc -l <all)"
sed -n 12,19p all | cmp - <(tail -n +2 found) || fail "each window by itself: $(paste all found | head -n 3)"

# ---- a caller of C gives each window by itself ----
"$NNC" build hand.nn --emit lib || fail "no library"
cat >host.c <<'C'
#include "hand.h"
#include <stdio.h>
int main(void) {
    float past[4][3][2], row[4], sum[4], y[4];
    hand *model = hand_create(NULL);
    if (model == NULL || hand_load(model, "hand.run/weights.safetensors") != 0) return 1;
    for (int b = 0; b < 4; b++)
        for (int t = 0; t < 3; t++) past[b][t][0] = (float)(3 * b + t), past[b][t][1] = 10 * past[b][t][0];
    if (hand_predict(model, &past[0][0][0], 4, row, sum, y) != 0) return 2;
    for (int b = 0; b < 4; b++) printf("%.9g,%.9g,%.9g\n", (double)row[b], (double)sum[b], (double)y[b]);
    hand_destroy(model);
    return 0;
}
C
cc -I. host.c hand.a -lm -o host || fail "a caller of C does not build"
./host >found || fail "a caller of C: $?"
./hand predict --data hand.csv | sed -n '2p;5p;8p;11p' >expected
near "a caller of C" expected found

# ---- rows are kept once: 200 000 windows of 2 000 rows in less memory than a quarter of them would take ----
if [ -z "${SANITIZED:-}" ]; then
    awk 'BEGIN { print "t"; for (k = 0; k < 202000; k++) print k % 1009 }' >long.csv
    cat >long.nn <<'PROGRAM'
data d = csv("long.csv") {
    past[2000] = window(column("t"), -1999)
    next       = window(column("t"), 1)
    split      = ordered(test = 10%)
}

model net(past[batch, n]) -> y[batch] = (past |> dense(1))[:, 0]

train net on d {
    loss      = mse(y, next)
    optimizer = sgd(1e-9)
    batch     = 256
    steps     = 100
}
PROGRAM
    "$NNC" build long.nn && (ulimit -v 400000 && ./long --quiet --threads 1) || fail "windows are copied"
fi
exit $bad
