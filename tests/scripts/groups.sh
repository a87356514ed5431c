# Groups: windows stay inside one wherever its rows stand in the file, and splits keep whole ones. What stands where is found by awk.
set -u
. "$ROOT/tests/support/command.sh"
train='train net on d {
    loss      = mse(y, next)
    optimizer = sgd(1e-6)
    batch     = 8
    epochs    = 2
    predict   = [id, last = past[:, 2], y]
}'
# Rows of five stations as they come in, station 4 with two rows only; a row's value says where it stands.
awk 'BEGIN { srand(11); print "id,station,t,text"
    for (k = 0; k < 400; k++) { s = k == 30 || k == 111 ? 4 : int(rand() * rand() * 4); printf "r%d,%s,%d,%s\n", k, substr("north south east west tiny ", s * 6 + 1, 5), k, k % 3 ? "a b" : "" } }' |
    sed 's/ *,/,/g' >d.csv
cat >net.nn <<PROGRAM
data d = csv("d.csv") {
    past[3] = window(column("t"), -2)
    next    = window(column("t"), 1)
    id      = class(column("id"), 400)
    w[2]    = words(column("text"), 4)
    within  = column("station")
    split   = ordered(test = 20%, validation = 10%)
}

model net(past[batch, n]) -> y[batch] = (past |> dense(1))[:, 0]

$train
PROGRAM
"$NNC" build net.nn && ./net --quiet || fail "net.nn"
# part: the rows of each station in order, cut at the end; a window of it is four rows there.
cat >windows.awk <<'AWK'
function share(n, p, k) { k = int(n * p * (1 + 1e-12) + 0.5); return k > n ? n : k }
NR > 1 { of[$2] = of[$2] " " $3 }
END {
    for (s in of) {
        n = split(of[s], row, " "); test = share(n, 0.2); validation = share(n, 0.1)
        first = part == "train" ? 1 : part == "test" ? n - test + 1 : n - test - validation + 1
        last = part == "train" ? n - test - validation : part == "test" ? n : n - test
        if (part == "all") { first = 1; last = n; span = 3 } else span = 4
        for (k = first; k + span - 1 <= last; k++) print row[k] "," row[k + 1] "," row[k + 2] (part == "all" ? "" : "," row[k + 3])
    }
}
AWK
for part in train test validation; do
    awk -F, -v part=$part -f windows.awk d.csv | sort -t, -nk4 >expected
    [ -s expected ] || fail "no windows in $part"
    ./net data --part $part | tail -n +2 | cut -d, -f1-4 | cmp - expected || fail "windows of $part"
done
# Predictions stand in the file's order, with what is carried along; the last row of each station has one.
awk -F, -v part=all -f windows.awk d.csv | sort -t, -nk3 | awk -F, '{ print "r" $3 "," $3 }' >expected
./net predict --data d.csv | tail -n +2 | cut -d, -f1,2 | cmp - expected || fail "predictions"
cut -d, -f1-3 d.csv | ./net predict | tail -n +2 | cut -d, -f1,2 | cmp - expected || fail "predictions without the texts"
cut -d, -f1,3 d.csv >alone.csv
expect 4 'alone.csv:1: expected a column called "station"' ./net predict --data alone.csv
# Stations one behind the other give the same windows.
(head -n 1 d.csv; tail -n +2 d.csv | sort -t, -sk2,2) >sorted.csv
for part in train test; do
    ./net data --part $part --data sorted.csv | sort >one && ./net data --part $part | sort | cmp - one || fail "sorted, $part"
done
# A line stays that of the file.
sed '301s/^\([^,]*,[^,]*\),[^,]*/\1,seven/' d.csv >bad.csv
expect 4 'bad.csv:301:[0-9]*: expected a number' ./net --data bad.csv --quiet
sed '301s/^\([^,]*\),[^,]*/\1,/' d.csv >bad.csv
expect 4 'bad.csv:301:[0-9]*: expected the name of a group, found ""' ./net --data bad.csv --quiet
sed 's/    within/    c       = int(column("t") + 0, 350)\n    within/' net.nn >limit.nn && "$NNC" build limit.nn || fail "limit.nn"
./limit --quiet 2>&1 | awk -F'[: ]+' '{ exit !($2 == "d.csv" && $3 == $NF + 2 && $NF >= 350) }' || fail "a row's line: $(./limit --quiet 2>&1)"
awk -F, 'NR == 1 || !seen[$2]++' d.csv >few.csv
expect 4 'the train part has no rows: a sample reads 4 rows one after another' ./net --data few.csv --quiet

# ---- whole groups: each in one part, as many as the share says ----
awk 'BEGIN { srand(5); print "patient,x,t"; for (k = 0; k < 300; k++) printf "p%d,%.3f,%d\n", int(rand() * 23), rand(), k }' >g.csv
[ "$(tail -n +2 g.csv | cut -d, -f1 | sort -u | wc -l)" = 23 ] || fail "23 patients"
program() { # NAME LINE
    cat >"$1.nn" <<PROGRAM
data d = csv("g.csv") {
    x       = column("x")
    next    = column("t")
    patient = class(column("patient"), 23)
    split   = $2
}

model net(x[batch]) -> y[batch] {
    param w = 0
    y[n] = w * x[n]
}

train net on d {
    loss      = mse(y, next)
    optimizer = sgd(1e-9)
    epochs    = 1
}
PROGRAM
    "$NNC" build "$1.nn" || fail "$1.nn"
}
patients() { ./"$@" | tail -n +2 | cut -d, -f3 | sort -u; }
program random 'random(test = 20%, validation = 10%, group = column("patient"))'
for part in test:5 validation:2 train:16; do patients random data --part ${part%:*} | wc -l | grep -qx "${part#*:}" || fail "patients of $part"; done
[ "$( (patients random data --part test; patients random data --part train; patients random data --part validation) | sort -u | wc -l)" = 23 ] || fail "a patient in two parts"
[ "$(for p in train test validation; do ./random data --part $p | tail -n +2; done | wc -l)" = 300 ] || fail "rows are lost"
./random --quiet && [ "$(./random eval)" = "$(./random eval)" ] || fail "eval of groups"
cut -d, -f2- g.csv >nameless.csv
program other 'random(test = 20%, group = column("patient"), seed = 3)'
[ "$(patients other data --part test)" != "$(patients random data --part test)" ] || fail "another seed"
program folds 'folds(4, group = column("patient"))'
for k in 0 1 2 3; do patients folds data --part test --fold $k; done | sort | uniq -d | grep . && fail "a patient in two folds"
[ "$(for k in 0 1 2 3; do patients folds data --part test --fold $k; done | wc -l)" = 23 ] || fail "patients of folds"
expect 0 "over 4 folds" ./folds --quiet
program many 'folds(24, group = column("patient"))'
expect 4 '23 groups cannot be divided into 24 folds' ./many --quiet
program none 'random(test = 2%, group = column("patient"))'
./none --quiet 2>/dev/null
expect 4 'split = random\(test = 2%\) of 23 groups leaves none' ./none eval

# ---- windows of arrays, whole groups held out ----
octets $(seq 0 59) | npy_file x.npy '|u1' '60,'
octets $(for k in $(seq 0 59); do echo $((200 + k % 6)); done) | npy_file g.npy '|u1' '60,'
cat >arrays.nn <<PROGRAM
data d = npy {
    past[3] = window(file("x.npy"), -2)
    next    = window(file("x.npy"), 1)
    within  = file("g.npy")
    split   = random(test = 34%)
}

model net(past[batch, n]) -> y[batch] = (past |> dense(1))[:, 0]

train net on d {
    loss      = mse(y, next)
    optimizer = sgd(1e-6)
    epochs    = 1
}
PROGRAM
"$NNC" build arrays.nn && ./arrays --quiet || fail "arrays.nn"
(./arrays data; ./arrays data --part test | tail -n +2) >all
awk -F, 'NR > 1 { for (c = 2; c <= 4; c++) if ($c != $(c - 1) + 6) exit 1; n++ } END { exit n != 6 * 7 }' all || fail "windows of arrays"
[ "$(./arrays data --part test | tail -n +2 | awk -F, '{ print $1 % 6 }' | sort -u | wc -l)" = 2 ] || fail "two of six groups"
# Numbers are groups whatever their sign of zero; what is none is an error; a row's place is that of the file.
floats() { for v; do case $v in 0) printf '\0\0\0\0' ;; -0) printf '\0\0\0\200' ;; 1) printf '\0\0\200\77' ;; nan) printf '\0\0\300\177' ;; esac; done; }
octets $(seq 0 11) | npy_file x.npy '|u1' '12,'
floats 0 1 -0 1 0 1 -0 1 0 1 0 1 | npy_file g.npy '<f4' '12,'
sed '/split/d' arrays.nn >zero.nn && "$NNC" build zero.nn || fail "zero.nn"
[ "$(./zero data | tail -n +2 | wc -l)" = 6 ] || fail "groups 0 and -0: $(./zero data)"
floats 0 1 0 1 0 nan 0 1 0 1 0 1 | npy_file g.npy '<f4' '12,'
expect 4 'g.npy: row 5 \(counted from 0\): expected the number of a group, found nan$' ./zero --quiet
floats 0 1 0 1 0 1 0 1 0 1 0 1 | npy_file g.npy '<f4' '12,'
floats 0 1 0 1 0 1 0 nan 0 1 0 1 | npy_file x.npy '<f4' '12,'
expect 5 'x.npy: row 7 \(counted from 0\): field past is nan' ./zero --quiet
exit $bad
