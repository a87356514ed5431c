# order = balanced(FIELD): every batch has as many rows of each class, and each class goes through its rows before any comes again.
set -u
. "$ROOT/tests/support/command.sh"
# 300 rows: 250 of class 0, 40 of 1, 10 of 2; x is the row's number.
awk 'BEGIN { print "x,kind"; for (k = 0; k < 300; k++) print k "," (k % 30 == 7 ? "c" : k % 6 == 1 ? "b" : "a") }' >d.csv
program() { # LINES
    cat <<PROGRAM
data d = csv("d.csv") {
    x     = column("x")
    kind  = class(column("kind"), 3)
    $1
}

model net(x[batch]) -> y[batch, 3] {
    param w[3] = 1e-4
    y[n, k] = x[n] * w[k]
}

train net on d {
    loss      = cross_entropy(y, kind)
    optimizer = sgd(1e-7)
    batch     = 30
    epochs    = 4
    $2
}
PROGRAM
}
program 'order = balanced(kind)' 'metrics = [share = mean[n] (1 if kind[n] == 2 else 0)]' >net.nn
"$NNC" build net.nn && ./net --quiet --log log.jsonl || fail "net.nn"
for epoch in 0 1 2 3; do
    ./net data --epoch $epoch | tail -n +2 >epoch$epoch
    awk -F, -v epoch=$epoch '
        { batch = int((NR - 1) / 30); n[batch, $2]++; times[$1]++; of[$1] = $2; all[$2]++ }
        END {
            for (b = 0; b < 10; b++) for (c = 0; c < 3; c++) if (n[b, c] != 10) bad = 1
            # 100 rows of each: of 250 no row twice, of 40 each twice or three times, of 10 each ten times.
            for (x in times) if (of[x] == 1 ? times[x] < 2 || times[x] > 3 : times[x] != (of[x] ? 10 : 1)) bad = 1
            exit bad || NR != 300
        }' epoch$epoch || fail "epoch $epoch"
done
cmp -s epoch0 epoch1 && fail "two epochs are the same"
[ "$(cat epoch? | awk -F, '$2 == 0 { seen[$1] } END { n = 0; for (x in seen) n++; print n }')" -gt 190 ] || fail "a class has other rows in each epoch"
[ "$(./net data --epoch 1 --seed 5 | tail -n +2)" != "$(cat epoch1)" ] || fail "another seed"
# Held-out parts and the rows themselves are as they were.
[ "$(./net data | tail -n +2 | cut -d, -f1)" = "$(seq 0 299)" ] || fail "the rows"
# What the training part's metric sees is what the batches have.
grep -o '"share": *[0-9.e-]*' log.jsonl | awk -F': *' '{ if ($2 < 0.3333 || $2 > 0.3334) bad = 1; n++ } END { exit bad || n < 4 }' || fail "the share of a class: $(head -n 2 log.jsonl)"
./net --quiet --epochs 2 --out parts && ./net --quiet --resume --epochs 4 --out parts && cmp net.run/weights.safetensors parts/weights.safetensors || fail "resumed"
program 'order = balanced(kind)' 'shuffle = false' >plain.nn && "$NNC" build plain.nn || fail "plain.nn"
[ "$(./plain data --epoch 2 | sed -n '2,7p' | tr '\n' ' ')" = "0,0 1,1 7,2 2,0 13,1 37,2 " ] || fail "not shuffled: $(./plain data --epoch 2 | head -n 7)"
# Over the training part alone, of a condition, and of classes that have no rows there.
program 'rare = column("kind") == "c"
    order = balanced(rare)
    split = ordered(test = 50%)' '' >split.nn && "$NNC" build split.nn && ./split --quiet || fail "split.nn"
./split data --epoch 0 | awk -F, 'NR > 1 { n[$3]++; if ($1 >= 150) bad = 1 } END { exit bad || n[0] != 75 || n[1] != 75 }' || fail "a condition in halves"
exit $bad
