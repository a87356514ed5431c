# Twenty runs killed by SIGKILL at a random moment and resumed: the weights are those of the run that nobody disturbed.
# The run takes ten seconds or more on this machine, with a checkpoint every 50 steps.
set -u
mkdir -p kill && cd kill
sed '/stop *=/d' "$ROOT/examples/digits/digits.nn" >long.nn
"$NNC" build long.nn || exit 1
epochs=100
seconds=0
while awk "BEGIN {exit !($seconds < 10)}"; do
    epochs=$((epochs * 2))
    options="--data $ROOT/examples/digits --quiet --checkpoint 50 --epochs $epochs"
    start=$(date +%s.%N)
    ./long $options --out whole || exit 1
    seconds=$(awk "BEGIN {print $(date +%s.%N) - $start}")
done
late=0
for k in $(seq 20); do
    rm -rf part
    ./long $options --out part &
    pid=$!
    sleep "$(awk -v s="$seconds" -v r=$RANDOM 'BEGIN {print 0.02 + r / 32768 * s * 0.95}')"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ -f part/checkpoint.safetensors ] && late=$((late + 1))
    ./long $options --out part --resume || exit 1
    cmp -s whole/weights.safetensors part/weights.safetensors || { echo "kill $k: other weights"; exit 1; }
done
echo "20 kills of a run of $seconds s ($epochs epochs); $late resumes started after step 0"
[ $late -ge 15 ] || exit 1
