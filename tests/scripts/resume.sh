# Runs killed or stopped at any moment and resumed end bit for bit where the undisturbed run does, and so do their logs: with
# states of layers, dropout, accumulated gradients, plateaus, best weights, and rows that metrics keep.
set -eu
fail() { echo "$*"; exit 1; }
# In memory, where the machine has a file system there: a killed process loses nothing that it wrote, on any disk.
place=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$PWD")" nn-resume.XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place"
cat >net.nn <<'END'
data points = csv("points.csv") {
    x[3] = standardize(columns(0 .. 2))
    kind = class(column("kind"), 3)
    split = random(test = 20%, stratify = kind)
}

layer carry(x[b, n]) -> y[b, n] {
    state h[b, n] = 0
    h[b, u] = 0.5 * h[b, u] + 0.5 * x[b, u]
    y[b, u] = x[b, u] + 0.1 * h[b, u]
}

model net(x[batch, 3]) -> logits[batch, 3] {
    x |> dense(16) |> batch_norm |> relu |> dropout(0.2) |> carry |> dense(3)
}

train net on points {
    first[b]   = logits[b, 0]
    is_x[b]    = 1 if kind[b] == 0 else 0
    loss       = cross_entropy(logits, kind)
    optimizer  = adam(lr = reduce_on_plateau(1e-2, test.loss, factor = 0.5, patience = 3 epochs))
    metrics    = [accuracy(logits, kind), auc(first, is_x), pearson(first, is_x)]
    batch      = 10
    accumulate = 3
    clip       = norm(0.5)
    checkpoint = best(test.loss)
    epochs     = 40
}
END
awk 'BEGIN {srand(3); print "a,b,c,kind"; for (k = 0; k < 170; k++) printf "%.3f,%.3f,%.3f,%s\n", rand(), rand() * k, k / 50, substr("xyz", k % 3 + 1, 1)}' >points.csv
"$NNC" build net.nn --blas none

# What does not depend on the time.
plain() { sed -E 's/"(samples_per_s|time_s)": [^,}]*(, )?//g' "$1"; }
same() { # DIRECTORY LOG
    cmp -s whole/weights.safetensors "$1/weights.safetensors" || fail "$1: other weights"
    plain "$1/log.jsonl" | cmp -s - whole.summary || fail "$1: another log"
    plain "$2" | cmp -s - whole.full || fail "$2: another log"
}
options="--quiet --threads 1 --checkpoint 3"
run() { ./net $options "$@"; }

start=$(date +%s.%N)
run --out whole --log whole.jsonl
seconds=$(awk "BEGIN {print $(date +%s.%N) - $start}")
plain whole/log.jsonl >whole.summary
plain whole.jsonl >whole.full
for k in 1 2 3 4 5 6; do
    ./net $options --out part --log part.jsonl &
    pid=$!
    sleep "$(awk "BEGIN {print $seconds * $k / 8}")"
    signal=KILL
    case $k in 3) signal=TERM ;; 5 | 6) signal=HUP ;; esac
    ended=0
    kill -$signal $pid 2>/dev/null || echo "it had ended before"
    wait $pid 2>note || ended=$?
    case $signal:$ended in KILL:0 | KILL:137 | TERM:0 | TERM:143 | HUP:0 | HUP:129) ;; *) fail "ended by $signal: exit $ended: $(cat note)" ;; esac
    run --out part --log part.jsonl --resume 2>note || fail "resume: exit $?: $(cat note)"
    same part part.jsonl
    # The next round begins upon a finished run of another seed.
    run --out part --seed "$k"
done

# A run that has ended stays as it is.
run --out whole --log whole.jsonl --resume 2>note
grep -q 'nothing is left' note || fail 'a run that has ended is not said to have'
same whole whole.jsonl
run --out fewer --steps 100
run --out fewer --steps 7 --resume 2>note && grep -q 'nothing is left' note || fail 'fewer steps than were made'

# Another run's checkpoint is never taken for this one's, nor a damaged one kept.
run --out mine --seed 5 --steps 40
run --out mine --steps 2
[ ! -e mine/checkpoint.previous.safetensors ] || fail "another run's checkpoint is kept as the previous one"
run --out mine --steps 30
cp mine/checkpoint.previous.safetensors kept
head -c 1000 kept >mine/checkpoint.safetensors
run --out mine --steps 60 --resume 2>note || fail "a damaged checkpoint: exit $?"
grep -q 'checkpoint.previous.safetensors' note || fail 'the previous checkpoint is taken without a word'
run --out straight --steps 60
cmp -s mine/weights.safetensors straight/weights.safetensors || fail 'from the previous checkpoint, other weights'

# Constant rates do not depend on the length: ended early and made longer, it is the same run.
sed 's/reduce_on_plateau(1e-2, .*)$/1e-2)/; /checkpoint *=/d' net.nn >steady.nn
"$NNC" build steady.nn --blas none
./steady --quiet --out long --epochs 9
for epochs in 1 4 8; do
    ./steady --quiet --out short --epochs $epochs
    ./steady --quiet --out short --epochs 9 --resume
    cmp -s long/weights.safetensors short/weights.safetensors || fail "ended after $epochs epochs and made longer, other weights"
done
for differs in '--seed 9' '--batch 8' '--lr 0.5' '--set optimizer.beta1=0.5'; do
    ./steady --quiet --out short --resume --epochs 12 $differs 2>note && fail "--resume $differs is taken"
    grep -q -e '--resume' note || fail "--resume $differs: $(cat note)"
done

# A schedule that knows the run's length goes on with the new one, and that is said, with what the rate was and is.
sed 's/lr = 1e-2)/lr = cosine(1e-2, floor = 1e-4), weight_decay = 1e-3)/' steady.nn >curved.nn
"$NNC" build curved.nn --blas none
./curved --quiet --out bent --epochs 4
./curved --quiet --out bent --resume --epochs 4 2>note && ! grep -q 'length' note || fail "the same length: $(cat note)"
./curved --quiet --out bent --resume --epochs 10 2>note
line=$(grep -n cosine curved.nn | cut -d: -f1)
per_epoch=5
awk -v n=$per_epoch 'BEGIN {
    was = 4 * n - 1; pi = atan2(0, -1)
    printf "%.5g %.5g\n", 1e-4 + 9.9e-3 / 2 * (1 + cos(pi * was / (4 * n))), 1e-4 + 9.9e-3 / 2 * (1 + cos(pi * (was + 1) / (10 * n)))}' >rates
sed -nE "s/^note: the run has $((10 * per_epoch)) steps now, it had $((4 * per_epoch)); on its length depends: lr = cosine\(1e-2, floor = 1e-4\) \(line $line\); lr was ([^ ]*), is (.*)$/\1 \2/p" note |
    awk '{printf "%.5g %.5g\n", $1, $2}' | cmp -s - rates || fail "another length: $(cat note), expected $(cat rates)"
./steady --quiet --out short --resume --epochs 15 2>note && ! grep -q 'length' note || fail "a constant rate has no length: $(cat note)"
