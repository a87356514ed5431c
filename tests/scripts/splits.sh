#!/bin/bash
# Splits: every kind of it by fields of every type, where parts have rows and where they have none. What falls into a part is
# counted by awk; a part without rows that the program reads is an error before the first step.
set -u
. "$ROOT/tests/support/command.sh"
mkdir -p splits && cd splits || exit 1
# NAME ROWS T SPLIT RULE [RATE]: a trainer of this name.
program() {
    awk -v n="$2" 'BEGIN { print "A,Y"; for (i = 0; i < n; i++) print i / 2 "," (i % 5 == 0) }' >"$1.csv"
    cat >"$1.nn" <<END
data d = csv("$1.csv") {
    x     = column("A")
    t     = $3
    split = $4
}
model m(x[batch]) -> y[batch] {
    param w = 0
    y[n] = w * x[n]
}
metric seen(x[n]) = mean[n] x[n]
train m on d {
    loss      = mse(y, x)
    metrics   = [seen = seen(x)]
    optimizer = sgd(${6:-1e-6})
    epochs    = 2
    $5
}
END
    "$NNC" build "$1.nn" --blas none || bad=1
}
# NAME PART ONES ZEROS [OPTION...]: how many rows of the part have t.
counts() {
    local name=$1 part=$2 ones=$3 zeros=$4
    shift 4
    "./$name" data --part "$part" "$@" | awk -F, -v ones="$ones" -v zeros="$zeros" -v what="$name $part $*" '
        NR > 1 { n[$2]++ }
        END { if (n[1] + 0 != ones || n[0] + 0 != zeros) { print what ": " n[1] + 0 " and " n[0] + 0; exit 1 } }' || bad=1
}

# A condition has two groups, and so has a class of two.
for t in 'column("Y") == 1' 'class(column("Y"), 2)'; do
    for rows in 100 800; do
        program random $rows "$t" 'random(test = 20%, validation = 10%, stratify = t)' ''
        ./random train --quiet && ./random eval | grep -q "^test: $((rows / 5)) rows" || bad=1
        counts random test $((rows / 25)) $((rows * 4 / 25))
        counts random validation $((rows / 50)) $((rows * 4 / 50))
        counts random train $((rows * 7 / 50)) $((rows * 28 / 50))
    done
    program folds 42 "$t" 'folds(4, stratify = t)' ''
    expect 0 "over 4 folds" ./folds train --quiet
    counts folds test 2 9 --fold 0 # 33 zeros and then 9 ones are dealt to the folds in turn
    counts folds test 3 8 --fold 1
    counts folds test 2 8 --fold 2
    counts folds test 2 8 --fold 3
done

# Parts without rows.
t='column("Y") == 1'
program empty 3 "$t" 'ordered(test = 10%)' 'stop = plateau(test.loss, patience = 3 epochs)'
expect 4 'the test part has no rows, and a rule of the run reads it: split = ordered\(test = 10%\) of 3 rows leaves none' ./empty
[ ! -e empty.run/log.jsonl ] || { echo "a run without its test part was logged"; bad=1; }
program empty 20 "$t" 'random(test = 10%, validation = 2%)' 'checkpoint = best(validation.seen)'
expect 4 'the validation part has no rows, and a rule of the run reads it: split = random\(validation = 2%\) of 20' ./empty
program empty 7 "$t" 'random(test = 20%, stratify = t)' '' 'reduce_on_plateau(0.1, test.loss)'
expect 0 '' ./empty --quiet
program empty 2 "$t" 'random(test = 20%, stratify = t)' '' 'reduce_on_plateau(0.1, test.loss)'
expect 4 'the test part has no rows, and a rule of the run reads it: .* of 2 rows, in each class,' ./empty
program empty 3 'class(column("Y"), 2)' 'random(test = 10%, stratify = t)' ''
expect 0 'warning: the test part has no rows: split = random\(test = 10%\) of 3 rows, in each class, leaves none' ./empty --quiet
expect 4 'the test part has no rows: split' ./empty eval
expect 4 'the test part has no rows: split' ./empty data --part test
expect 2 'the data have no validation part' ./empty eval --part validation
expect 0 '^train: 3 rows' ./empty eval --part train
expect 0 '^all: 3 rows' ./empty eval --data empty.csv
exit $bad
