# What a run leaves of itself: the beginning and the best in its log, the same as a table, and `history`, which reads them again.
set -u
. "$ROOT/tests/support/command.sh"
cp "$ROOT"/examples/digits/digits.nn "$ROOT"/examples/digits/digits.csv "$ROOT"/examples/iris/iris.* .
"$NNC" build --cpu x86-64-v2 digits.nn || fail "digits does not build"
run() { ./digits --threads 1 --quiet "$@"; }
has() { grep -q -- "$2" <<<"$1" || fail "no '$2' in: $(head -c 2000 <<<"$1")"; } # TEXT PATTERN
field() { sed -nE "s/.*\"$1\": ([^,}]*).*/\1/p"; }

# ---- the beginning, and the best ----
run --epochs 12 --lr 0.03 --seed 7 --log all.jsonl || fail "digits does not train"
start=$(head -n 1 digits.run/log.jsonl)
[ "$start" = "$(head -n 1 all.jsonl)" ] || fail "two logs begin otherwise"
for what in '"event": "start", "step": 0, "epoch": 0, "program": "digits", "model": "mlp", "digest": "[0-9a-f]\{32\}", "nnc": "[0-9.]*"' '"cpu": "x86-64-v2"' \
    '"params": 9610, "memory": [0-9]*, ' '"seed": 7, "batch": 32, "epochs": 12, "steps": 540, "threads": 1, "cores": [0-9]*' \
    '"train_rows": 1438, "test_rows": 359, "validation_rows": 0' '"options": {"epochs": "12", "lr": "0.03"}' '"settings": {"lr.peak": 0.03, '; do
    has "$start" "$what"
done
[ "$(grep -c '"event": "start"' digits.run/log.jsonl)" = 1 ] || fail "not one beginning"
# Each epoch whose test loss is below all before it is marked, and the end has the last of them whole.
marked=$(grep '"best": true' digits.run/log.jsonl | field epoch | paste -sd,)
low=$(grep '"event": "epoch"' digits.run/log.jsonl | sed -E 's/.*"epoch": ([0-9]*),.*"test.loss": ([^,}]*).*/\1 \2/' |
    awk 'NR == 1 || $2 < low { low = $2; out = out (out ? "," : "") $1 } END { print out }')
[ -n "$low" ] && [ "$marked" = "$low" ] || fail "best epochs: $marked, not $low"
best=$(grep "\"event\": \"epoch\".*\"epoch\": ${low##*,}," digits.run/log.jsonl)
has "$(tail -n 1 digits.run/log.jsonl)" "\"best\": {\"epoch\": ${low##*,}, \"step\": $((45 * ${low##*,})), \"loss\": $(field loss <<<"$best" | head -n 1), .*\"test.loss\": $(field test.loss <<<"$best")"

# ---- as a table: the same numbers, in the same order ----
run --epochs 12 --lr 0.03 --seed 7 --out table --log all.csv || fail "a table is refused"
[ "$(head -n 1 all.csv)" = event,step,epoch,loss,lr,samples_per_s,time_s,accuracy,test.loss,test.accuracy,reason ] || fail "columns: $(head -n 1 all.csv)"
timeless() { cut -d, -f1-5,8-; }
sed 1d all.csv | timeless >rows
grep -v '"start"' all.jsonl | awk -v FS=', "' '{
    split("event step epoch loss lr accuracy test.loss test.accuracy reason", names, " ")
    sub(/^\{"/, ""); sub(/, "best".*/, ""); sub(/\}$/, ""); line = ""
    for (k = 1; k <= 9; k++) { value = ""; for (f = 1; f <= NF; f++) if (index($f, names[k] "\": ") == 1) { value = substr($f, length(names[k]) + 4) } gsub(/"/, "", value); line = line (k > 1 ? "," : "") value }
    print line }' >wanted
cmp rows wanted || fail "the table has other numbers: $(diff rows wanted | head -n 4)"
# Cut off and resumed, beside a line that a kill left half.
run --epochs 12 --lr 0.03 --seed 7 --out part --log part.csv --steps 100 && printf 'step,101,2,0.5' >>part.csv
run --out part --resume --epochs 12 || fail "a table is not gone on with: $?"
sed 1d part.csv | timeless | grep -v ^end >rows
grep -v ^end wanted | cmp - rows || fail "a resumed run has another table: $(grep -v ^end wanted | diff - rows | head -n 4)"
[ "$(grep -c ^event part.csv)" = 1 ] || fail "not one head"
run --epochs 1 --out part --log part.csv && [ "$(grep -c . part.csv)" = 48 ] || fail "a new run does not begin a new table"
printf 'event,name\nstep,1\nfair,2\n' >own.csv
cp own.csv kept.csv
expect 3 'own.csv is not a log: it is left as it is' ./digits --epochs 1 --out other --log own.csv
cmp -s own.csv kept.csv || fail "somebody's table is written over"

# ---- folds share one file ----
sed 's/split .*/split = folds(3)/' iris.nn >folds.nn && "$NNC" build folds.nn || fail "folds do not build"
./folds --quiet --epochs 2 --log folds.csv >/dev/null && ./folds --quiet --epochs 2 --fold 1 --log folds.csv >/dev/null || fail "folds: $?"
[ "$(grep -c ^event,fold, folds.csv)" = 1 ] && [ "$(grep ^end folds.csv | cut -d, -f2 | paste -sd,)" = 0,2,1 ] || fail "folds: $(grep -c ^event folds.csv) heads, $(grep ^end folds.csv)"
[ "$(./folds history | sed 1d | cut -d' ' -f1 | paste -sd,)" = folds.run/fold_0,folds.run/fold_1,folds.run/fold_2 ] || fail "history of folds: $(./folds history)"

# ---- history ----
run --epochs 30 --seed 2 --out wide
{ ./digits history; ./digits history digits.run wide/log.jsonl table; } | sed -E 's/digest [0-9a-f]{32}/digest D/; s/nnc [0-9.]+/nnc N/; s/ +[0-9]+\.[0-9]( +[a-z]+)?$/  S\1/; s/seconds/S/; s/memory [0-9]+/memory M/' >said
diff -u "$ROOT/tests/scripts/history.txt" said || fail "another history"
expect 3 'cannot find the log none/log.jsonl' ./digits history none
printf '{"event": "start", "step": 0}\n{"event"\n' >broken.jsonl
expect 4 'broken.jsonl:2: this is no line of a log' ./digits history broken.jsonl
printf '{"event": "epoch", "step": 1, "epoch": 1, "loss": null, "x": [1, {}]}\n' >odd.jsonl
expect 0 'not ended' ./digits history odd.jsonl
: >empty.jsonl
expect 4 'empty.jsonl:1: this is no line of a log' ./digits history empty.jsonl
expect 2 'no option --epochs' ./digits history --epochs 3
exit $bad
