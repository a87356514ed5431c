# order = stream: each row of a batch goes on where it ended in the batch before, and so do the states of rows. What is computed
# piece by piece is what one long window gives.
set -u
. "$ROOT/tests/support/command.sh"
words() { for k in $(seq "$1"); do printf 'w%04d ' "$k"; done; } # a word's number is its place
program() { # LENGTH BATCH OPTIMIZER LINES
    cat <<PROGRAM
data d = text("d.txt", unit = word, vocabulary = 400) {
    x[$1] = window(0)
    t[$1] = window(1)
$4
}

model net(x[batch, time]: int) -> y[batch, time, 400] {
    x |> embedding(400, 5) |> stateful_lstm(6) |> stateful_gru(4) |> dense(400)
}

layer stateful_gru(x[b, time, n], units) -> h[b, time, units] {
    state before[b, units] = 0
    keep  = dense(units)
    fresh = dense(units)
    recur t from h = before {
        h[b, t, u] = h[b, t - 1, u] + sigmoid(keep(x[:, t, :])[b, u]) * (tanh(fresh(x[:, t, :])[b, u]) - h[b, t - 1, u])
    }
    before = last(h)
}

train net on d {
    loss      = cross_entropy(y, t)
    optimizer = $3
    batch     = $2
    epochs    = 2
}
PROGRAM
}
# order BATCH EPOCH SIZE FULL COUNT: the rows of an epoch, `full` batches of `size` rows, then others of one less; each begins 8 units
# behind the one that stood there in the batch before.
order() {
    local batch=$1
    ./net data --epoch "$2" | tail -n +2 | cut -d , -f 1 >first
    awk -v size="$3" -v full="$4" -v count="$5" 'BEGIN {m = 0; r = 0}
        {
            if (m > 0 && $1 != before[r] + 8) {print "batch " m ", row " r ": " $1 " after " before[r]; exit}
            before[r] = $1; n++
            if (++r == (m < full ? size : size - 1)) {r = 0; m++}
        }
        END {if (m != count) print m " batches of " n " rows"}' first >said
    [ ! -s said ] || fail "batch $batch, epoch $2: $(cat said)"
}

words 300 >d.txt
# 300 words: 299 - 8 + 1 places for training rows, 36 of them.
for batch in 1:1:36:36 5:5:4:8 7:6:6:6 10:9:4:4 64:36:1:1; do
    IFS=: read -r b size full count <<<"$batch"
    program 8 "$b" 'adam(1e-2)' '    order = stream' >net.nn
    "$NNC" build net.nn || fail "batch $b"
    for epoch in 0 1; do order "$b" $epoch "$size" "$full" "$count"; done
    ./net --quiet --out "of_$b" || fail "batch $b does not train"
done
[ "$(./net data | tail -n +2 | cut -d , -f 1 | head -n 3 | tr '\n' ' ')" = '1 9 17 ' ] || fail "rows as they stand in the text"

# ---- one long window: what predict says, piece by piece, and what training measures without learning ----
program 8 2 'sgd(0)' '    order = stream' >net.nn && "$NNC" build net.nn || fail "short windows"
words 264 >d.txt
words 257 >short.txt
seed=0
while [ "$(./net data --epoch 0 --seed $seed | sed -n 2p | cut -d , -f 1)" != 1 ]; do seed=$((seed + 1)); done
./net --quiet --epochs 1 --seed $seed || fail "train"
./net predict --data short.txt | tail -n +2 | tr ',' '\n' >pieces
program 256 2 'sgd(0)' '' >long.nn && "$NNC" build long.nn || fail "one long window"
./long predict --data short.txt --weights net.run/weights.safetensors | tail -n +2 | tr ',' '\n' >whole
agree() { paste "$1" "$2" | awk '{d = $1 - $2; d = d < 0 ? -d : d; if (d > 1e-5) bad = $0} END {if (bad != "" || NR == 0) print NR " numbers, " bad}'; }
[ -z "$(agree pieces whole)" ] || fail "predict: $(agree pieces whole)"
# Two pieces of 16 rows.
program 128 2 'sgd(0)' '' >half.nn && "$NNC" build half.nn || fail "two long windows"
./half eval --data d.txt --weights net.run/weights.safetensors | sed -n 's/^loss //p' >whole
sed -n 's/.*"event": "end".*"loss": \([^,]*\), "lr".*/\1/p' net.run/log.jsonl >pieces
[ -z "$(agree pieces whole)" ] || fail "training: $(agree pieces whole)"
./net eval | sed -n 's/^loss //p' >pieces
[ -z "$(agree pieces whole)" ] || fail "evaluation: $(agree pieces whole)"

# ---- resumed inside an epoch and at its end: the same bits ----
program 8 3 'adam(1e-2)' '    order = stream
    split = ordered(test = 30%)' >net.nn && "$NNC" build net.nn || fail "with a test part"
./net --quiet --epochs 3 --out whole_run
for steps in 3 7 8 11; do
    ./net --quiet --steps $steps --out part && ./net --quiet --resume --epochs 3 --out part || fail "resume after $steps"
    cmp -s whole_run/weights.safetensors part/weights.safetensors || fail "resumed after $steps steps, other weights"
    rm -r part
done
[ "$(./net eval --out whole_run | tail -n 1)" = "loss $(tail -n 1 whole_run/log.jsonl | sed 's/.*"test.loss": \([^,]*\),.*/\1/')" ] || fail "eval"
exit $bad
