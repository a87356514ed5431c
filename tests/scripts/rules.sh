# Averages of the weights in a run: what held-out parts, `eval` and weights files use, a run that is killed and resumed, the best
# weights, object files; a watch of a file's own that stops a run.
set -u
mkdir -p rules && cd rules || exit 1
bad=0
fail() { echo "FAIL: $1"; bad=1; }
cp "$ROOT/tests/library/rows.csv" .
program() { # NAME: the train block's further lines from standard input
    {
        cat <<'END'
data rows = csv("rows.csv") {
    x[4]  = columns(0 .. 3)
    label = class(column("label"), 3)
    split = ordered(test = 25%)
}
watch rises(v) -> times {
    state before = inf
    state times  = 0
    times  = times + 1 if v > before else 0
    before = v
}
model net(x[batch, 4]) -> out[batch, 3] = x |> dense(8) |> batch_norm |> tanh |> dropout(0.2) |> dense(3)
train net on rows {
    loss      = cross_entropy(out, label)
    batch     = 5
END
        cat
        echo '}'
    } >"$1.nn"
    "$NNC" build "$1.nn" || fail "$1 does not compile"
}

# Killed in the middle of an epoch and resumed: the same weights, checkpoint and log as in one go.
for average in 'ema(0.9)' 'swa(7 steps)'; do
    for more in '' '    checkpoint = best(test.loss)' '    accumulate = 2'; do
        rm -rf whole parts
        printf '    optimizer = adam(0.05)\n    average   = %s\n    epochs    = 30\n%s\n' "$average" "$more" | program killed
        ./killed --quiet --out whole || fail "$average"
        ./killed --quiet --out parts --steps 11 || fail "$average: a first part"
        ./killed --quiet --out parts --resume --epochs 17 || fail "$average: a second part"
        ./killed --quiet --out parts --resume --epochs 30 || fail "$average: the rest"
        cmp -s whole/weights.safetensors parts/weights.safetensors || fail "$average $more: resumed, other weights"
        # eval on the file gives what the log says of the same weights
        loss=$(./killed eval --part test --weights whole/weights.safetensors --json | sed 's/.*"loss": \([^,}]*\).*/\1/')
        grep -q "\"test.loss\": $loss[,}]" whole/log.jsonl || fail "$average $more: eval says $loss, and the log does not"
        ./killed eval --part test --weights whole/checkpoint.safetensors >out || fail "$average: the checkpoint's weights"
    done
done

# The averages are not the weights: without them the same run, but for rounding, has other weights in its file.
printf '    optimizer = adam(0.05)\n    average   = ema(0.99)\n    epochs    = 30\n' | program with
printf '    optimizer = adam(0.05)\n    epochs    = 30\n' | program without
./with --quiet --out with.run && ./without --quiet --out without.run || fail "two runs"
cmp -s with.run/weights.safetensors without.run/weights.safetensors && fail "the weights file does not hold the average"
losses() { sed -n 's/.*"event": "epoch".* "loss": \([^,]*\),.*/\1/p' "$1/log.jsonl"; }
losses with.run >with.txt
losses without.run | paste -d ' ' with.txt - >both.txt
awk 'function abs(x) { return x < 0 ? -x : x } abs($1 - $2) > 1e-4 { far = 1 } END { exit far || NR != 30 }' both.txt ||
    fail "an average changes the training"

# A file's own watch stops the run: at the first epoch that ends four rises of the test loss in a row.
printf '    optimizer = sgd(0.3)\n    epochs    = 400\n    stop      = rises(test.loss) >= 4\n' | program stops
./stops --quiet --out stops.run --log stops.jsonl || fail "a run that stops"
sed -n 's/.*"event": "epoch", "step": [0-9]*, "epoch": \([0-9]*\),.*"test.loss": \([^,}]*\).*/\1 \2/p' stops.jsonl >seen
expected=$(awk 'BEGIN { before = "inf" + 0; first = 1 } { r = !first && $2 > before ? r + 1 : 0; before = $2; first = 0; if (r >= 4) { print $1; exit } }' seen)
last=$(tail -n 1 seen | cut -d ' ' -f 1)
[ -n "$expected" ] && [ "$expected" = "$last" ] || fail "the watch stopped at epoch $last, not $expected"

# Two calls with the same arguments are one watch, and a checkpoint may be kept by a watch of the file's own.
printf '    optimizer = sgd(0.3 if plateaus(loss, 3 epochs) > 0 else 0.1)\n    epochs    = 9\n    stop      = plateaus(loss, 3 epochs) > 4\n    checkpoint = change(test.loss)\n' |
    program calls
states=$("$NNC" build calls.nn --dump-after emit --stop-after emit | grep -c '^run ')
[ "$states" = 5 ] || fail "two equal watches keep $states states"
./calls --quiet --out calls.run || fail "a run whose checkpoint is a watch of its own"
exit $bad
