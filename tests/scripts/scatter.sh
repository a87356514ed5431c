#!/bin/bash
# Sums that an integer scatters, and updates of touched rows alone: the same bits as with --dense, where every row is
# compared with every position and updated, for any number of threads, over short batches, a resumed run, rows that are
# all the same or all different, positions without a row, a table read twice, settings that say what is touched.
set -u
fail() { echo "$*"; exit 1; }
numbers() { tail -c +$((9 + $(od -An -tu8 -N8 "$1/weights.safetensors"))) "$1/weights.safetensors"; } # without what it was compiled with

# Two tables, one read once and one twice, the second with positions that are left out; 61 rows: batches of 24, 24 and 13.
write_model() { # optimizer, more of `train`
    cat >net.nn <<END
data d = csv("net.csv") {
    one   = int(column("one"), 300)
    k[5]  = int(columns(1 .. 5), 200)
    t     = column("t")
}
model net(one[batch]: int, k[batch, 5]: int) -> y[batch] {
    param first[300, 20]  = uniform(-0.5, 0.5)
    param second[200, 20] = uniform(-0.5, 0.5)
    bias    = embedding(one, 300, 1)
    bag[n, d] = sum[j if k[n, j] != 7] second[k[n, j], d] * second[k[n, 0], d]
    y[n]    = bias[n, 0] + sum[d] first[one[n], d] * bag[n, d]
}
train net on d {
    loss      = mse(y, t)
    optimizer = $1
    $2
    batch     = 24
    epochs    = 4
}
END
}
write_rows() { # an awk expression for the id of row r, column c
    awk "BEGIN {
        srand(3)
        print \"one,a,b,c,d,e,t\"
        for (r = 0; r < 61; r++) { for (c = 0; c < 6; c++) printf \"%d,\", $1; print rand() - 0.5 }
    }" >net.csv
}
build() { # options of nnc
    "$NNC" build net.nn -o net "$@" || fail "nnc build $*"
    "$NNC" build net.nn -o dense --dense "$@" || fail "nnc build --dense $*"
}
same() { # what, options of train
    local what=$1
    shift
    ./dense --threads 1 --out want --quiet "$@" || fail "$what: dense"
    for threads in 1 2 3 7; do
        ./net --threads $threads --out got --quiet "$@" 2>/dev/null || fail "$what: $threads threads"
        cmp <(numbers want) <(numbers got) || fail "$what: weights with $threads threads are not the dense ones"
    done
}

write_rows 'int(200 * rand())'
for optimizer in 'sgd(0.05)' 'adagrad(0.1)' 'adam(0.02)' 'sgd(0.1, momentum = 0.9)'; do
    write_model "$optimizer" ''
    build
    same "$optimizer"
done
write_model 'sgd(0.05)' ''
build --verify
same 'checked code'
for way in strict double; do
    build --precision $way
    same "precision $way"
done
build
for ids in 0 'r' '(r * 7 + c) % 3' 7 'c == 0 ? r : 7'; do
    write_rows "$ids"
    same "ids $ids"
done
same 'weight decay touches all rows' --set optimizer.weight_decay=0.01
# Two tables of equal sizes: their updates are one function, with what commutes in one order.
write_rows 'int(200 * rand())'
write_model 'adam(0.02)' ''
sed -i 's/300/200/g' net.nn
build
same 'equal tables'
write_model 'sgd(0.05)' ''
build
./net --out half --epochs 2 --quiet && ./net --out half --epochs 4 --resume --quiet || fail 'a resumed run'
./dense --out want --quiet
cmp <(numbers want) <(numbers half) || fail 'a resumed run differs'
write_model 'adagrad(0.1)' 'accumulate = 2'
build
same 'accumulated gradients'
write_model 'sgd(0.05)' 'clip = norm(0.1)'
build
same 'clipped gradients'

# What is decided: rows that are touched, where zero gradients change nothing, and no gradient in memory.
write_model 'sgd(0.05)' ''
"$NNC" explain net.nn | grep -c '(registers), net.*new over net.*; touched rows of' >count
[ "$(cat count)" = 2 ] || fail "two tables have touched rows, explain says of $(cat count)" # the bias is too small for it
write_model 'adam(0.02)' 'clip = norm(0.1)'
"$NNC" explain net.nn | grep -q '; all rows of' || fail "Adam moves every row"
"$NNC" explain net.nn --dense | grep -q '; all rows of' && fail "--dense scatters"

# Counts: a matrix of 64 classes over batches of 24, 24 and 13, of which the last metric is made.
cat >net.nn <<'END'
data d = csv("net.csv") {
    k     = int(column("one"), 64)
    label = class(column("a"), 64)
}
model net(k[batch]: int) -> y[batch, 64] = k |> embedding(64, 64)
train net on d {
    loss      = cross_entropy(y, label)
    metrics   = [accuracy(y, label), macro_f1(y, label)]
    optimizer = sgd(5)
    batch     = 24
    epochs    = 4
}
END
write_rows 'c < 2 ? int(64 * rand()) : 0'
build
for way in net dense; do
    ./$way --quiet --out $way.run && ./$way eval --out $way.run --part train --json | grep -v seconds >$way.json || fail "eval of $way"
done
cmp net.json dense.json || fail 'macro_f1 is not that of --dense'
grep -q macro_f1 net.json || fail 'no macro_f1'
"$NNC" explain net.nn | sed -n '/^function evaluate/,/^function/p' | grep -q 'confusion.*; touched rows of' || fail 'a matrix of counts is not scattered'
