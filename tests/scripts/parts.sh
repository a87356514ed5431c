# Parts in files of their own: read as the block's file is, with its classes, statistics, groups and windows.
set -u
. "$ROOT/tests/support/command.sh"
mkdir -p files
awk 'BEGIN { srand(2); print "a,kind,day,site,y"
    for (k = 0; k < 60; k++) printf "%s,%s,2024-01-%02d,%s,%d\n", k % 7 ? rand() * 9 : "", substr("redblugrn", k % 3 * 3 + 1, 3), k % 28 + 1, k % 2 ? "N" : "S", k }' >files/train.csv
awk 'BEGIN { srand(4); print "y,site,kind,a,day,more"
    for (k = 0; k < 25; k++) printf "%d,%s,%s,%s,2023-02-%02d,?\n", 100 + k, k < 12 ? "N" : "S", k % 2 ? "grn" : "blu", k % 5 ? rand() : "NA", k % 28 + 1 }' >files/test.csv
cat >net.nn <<'PROGRAM'
data d = csv("train.csv") {
    a          = standardize(column("a", missing = mean))
    kind       = class(column("kind"), 3)
    day        = date(column("day"), day)
    n          = column(4)
    test       = csv("test.csv")
    split      = ordered(validation = 20%)
}

model net(a[batch], day[batch]) -> y[batch, 3] {
    param w[3] = 1
    y[n, k] = (a[n] + day[n]) * w[k]
}

train net on d {
    loss      = cross_entropy(y, kind)
    optimizer = sgd(1e-3)
    epochs    = 2
    metrics   = [accuracy(y, kind)]
    stop      = test.loss < 0
}
PROGRAM
"$NNC" build net.nn || fail "net.nn"
expect 3 'cannot find the data file train.csv' ./net --quiet
./net --quiet --data files || fail "net does not train"
./net eval --data files | grep -q '^test: 25 rows' || fail "eval: $(./net eval --data files)"
for part in train:48 validation:12 test:25; do
    [ "$(./net data --data files --part ${part%:*} | tail -n +2 | wc -l)" = "${part#*:}" ] || fail "rows of $part"
done
# The mean and deviation are those of the rows that train, a missing cell is their mean, kinds are numbered as there.
awk -F, 'FNR == 1 { for (c = 1; c <= NF; c++) at[FILENAME, $c] = c; next }
    FILENAME ~ /train/ && FNR <= 49 && $1 != "" { v[n++] = $1; sum += $1 }
    FILENAME ~ /test/ {
        if (FNR == 2) { m = sum / n; for (i = 0; i < 48; i++) { x = i < n ? v[i] : m; d += (x - m) ^ 2 }; d = sqrt(d / 48) }
        x = $at[FILENAME, "a"]; if (x == "NA") x = m
        split($at[FILENAME, "day"], day, "-")
        printf "%.5f,%d,%d,%d\n", (x - m) / d, $at[FILENAME, "kind"] == "blu" ? 0 : $at[FILENAME, "kind"] == "grn" ? 1 : 2, day[3], $at[FILENAME, "y"]
    }' files/train.csv files/test.csv >expected
./net data --data files --part test | tail -n +2 | awk -F, '{ printf "%.5f,%d,%d,%d\n", $1, $2, $3, $4 }' | sed 's/^-0.00000/0.00000/' | cmp - expected || fail "the test part: $(./net data --data files --part test | head -n 3) $(head -n 2 expected)"
# Another file for all of it: for eval and predict; not to train.
./net eval --data files/test.csv | grep -q '^all: 25 rows' || fail "eval on a file: $(./net eval --data files/test.csv 2>&1)"
[ "$(./net predict --data files/test.csv | wc -l)" = 26 ] || fail "predict on a file"
expect 2 'names several files, so a directory is needed' ./net --quiet --data files/test.csv
sed 's/grn/gray/' files/test.csv >files/other.csv && mv files/test.csv files/kept.csv && mv files/other.csv files/test.csv
expect 4 'test.csv:[0-9]*:[0-9]*: expected one of the classes that the model was trained with, found "gray"' ./net --quiet --data files
rm files/test.csv
expect 3 'cannot find the data file test.csv' ./net --quiet --data files
mv files/kept.csv files/test.csv

# Windows and groups of a part of its own.
cat >series.nn <<'PROGRAM'
data d = csv("train.csv") {
    past[3]    = window(column("y"), -2)
    next       = window(column("y"), 1)
    within     = column("site")
    test       = csv("test.csv")
    validation = csv("test.csv")
}

model net(past[batch, n]) -> y[batch] = (past |> dense(1))[:, 0]

train net on d {
    loss      = mse(y, next)
    optimizer = sgd(1e-6)
    epochs    = 1
}
PROGRAM
"$NNC" build series.nn && ./series --quiet --data files || fail "series.nn"
./series data --data files | tail -n +2 | awk -F, '{ for (c = 2; c <= 4; c++) if ($c != $(c - 1) + 2) exit 1; n++ } END { exit n != 54 }' || fail "windows of the block"
for part in test validation; do
    ./series data --data files --part $part | tail -n +2 | awk -F, '
        { for (c = 2; c <= 4; c++) if ($c != $(c - 1) + 1) exit 1; if ($1 < 112 && $4 >= 112) exit 1; n++ } END { exit n != 12 - 3 + 13 - 3 }' || fail "windows of $part"
done
exit $bad
