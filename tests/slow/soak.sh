# Runs that go on for long need no more memory than after their first minute: SECONDS_EACH (2400) for each of PROGRAMS (digits letters
# tables), with checkpoints, a log of every step and event files, which are beside it on the disk. What is compared is the memory that is the
# process's own (RssAnon); allocators may round it to some pages.
set -u
place=$(mktemp -d -p "$PWD" nn-soak.XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1
. "$ROOT/tests/support/models.sh"
cp "$ROOT"/examples/digits/digits.csv "$ROOT"/examples/text/harbour.txt . && cp data/matrix_factorization/ratings.csv . || exit 1
sed '/stop *=/d' "$ROOT/examples/digits/digits.nn" >digits.nn && cp "$ROOT/examples/text/letters.nn" letters.nn && cp "$ROOT/tests/models/matrix_factorization.nn" tables.nn || exit 1
memory() { sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }
bad=0
for name in ${PROGRAMS:-digits letters tables}; do
    "$NNC" build $name.nn || exit 1
    ./$name --quiet --epochs 100000000 --threads 2 --checkpoint 500 --log /dev/null --tensorboard >said 2>&1 &
    process=$!
    start=$SECONDS
    sleep $((${SECONDS_EACH:-2400} < 600 ? ${SECONDS_EACH:-2400} / 10 : 60))
    first=$(memory $process) most=$first
    while [ $((SECONDS - start)) -lt "${SECONDS_EACH:-2400}" ] && kill -0 $process 2>/dev/null; do
        sleep 5
        now=$(memory $process)
        [ "${now:-0}" -le "$most" ] || most=$now
    done
    kill -TERM $process && wait $process
    [ $? = 143 ] || { echo "$name: did not end as it was asked: $(tail -n 3 said)"; bad=1; }
    steps=$(sed -n 's/.*"event": "end", "step": \([0-9]*\).*/\1/p' $name.run/log.jsonl)
    echo "$name: $((SECONDS - start)) s, $steps steps: $first kB after the beginning, at most $most kB"
    [ "$most" -le $((first + 64)) ] || bad=1
done
exit $bad
