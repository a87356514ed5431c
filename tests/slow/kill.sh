# 200 runs (SERIES=N: so many) killed by SIGKILL and resumed, up to three times each: the weights and the logs are those of the run that nobody
# disturbed. Every second series is killed inside a save: at a random call to the system that writes, renames, links or removes (with
# strace, where it is installed); the others at a random moment. A checkpoint comes every 3 steps; every fifth series begins upon a
# finished run of another seed.
set -u
place=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$PWD")" nn-kill.XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1
series=${SERIES:-200}
sed '/stop *=/d; /checkpoint *=/d; s/^\( *\)loss  *=/\1checkpoint = best(test.loss)\n&/' "$ROOT/examples/digits/digits.nn" >long.nn
"$NNC" build long.nn || exit 1
plain() { sed -E 's/"(samples_per_s|time_s)": [^,}]*(, )?//g' "$1"; }
options="--data $ROOT/examples/digits --quiet --threads 1 --checkpoint 3 --epochs 3"
start=$(date +%s.%N)
./long $options --out whole --log whole.jsonl || exit 1
seconds=$(awk "BEGIN {print $(date +%s.%N) - $start}")
plain whole/log.jsonl >whole.summary
plain whole.jsonl >whole.full
calls=(write rename fsync unlink link openat close)
inside=0
late=0
for k in $(seq "$series"); do
    rm -rf part part.jsonl*
    [ $((k % 5)) != 0 ] || ./long --data "$ROOT/examples/digits" --quiet --threads 1 --epochs 1 --seed 3 --out part --log part.jsonl || exit 1
    resume=
    for round in 1 2 3; do
        if [ $((k % 2)) = 0 ] && command -v strace >/dev/null; then
            call=${calls[$((RANDOM % ${#calls[@]}))]}
            strace -f -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$((1 + RANDOM % 200))" ./long $options --out part --log part.jsonl $resume 2>/dev/null
            [ $? = 137 ] && inside=$((inside + 1))
        else
            ./long $options --out part --log part.jsonl $resume 2>/dev/null &
            pid=$!
            sleep "$(awk -v s="$seconds" -v r=$RANDOM 'BEGIN {print r / 32768 * s}')"
            kill -9 $pid 2>/dev/null
            wait $pid 2>/dev/null
        fi
        # What is there now is another run's until this one has saved.
        if [ -f part/checkpoint.safetensors ] && grep -qa '"option.seed":"0"' part/checkpoint.safetensors; then
            resume=--resume
            late=$((late + 1))
        fi
    done
    ./long eval --data "$ROOT/examples/digits" --out part >/dev/null 2>note || grep -q 'train first' note || { echo "series $k: eval: $(cat note)"; exit 1; }
    ./long $options --out part --log part.jsonl $resume 2>note || { echo "series $k: $(cat note)"; exit 1; }
    cmp -s whole/weights.safetensors part/weights.safetensors || { echo "series $k: other weights"; exit 1; }
    plain part/log.jsonl | cmp -s - whole.summary && plain part.jsonl | cmp -s - whole.full || { echo "series $k: other logs"; exit 1; }
done
echo "$series series of a run of $seconds s; $inside kills inside saves; $late resumes started after step 0"
[ $late -ge $((series / 2)) ] || exit 1
