# What goes wrong outside the program: a clear message, the exit code of the table, nothing overwritten.
set -u
bad=0
expect() { # CODE PATTERN COMMAND...
    local code=$1 pattern=$2 out status
    shift 2
    out=$("$@" 2>&1)
    status=$?
    if [ $status -ne "$code" ] || ! grep -qiE "$pattern" <<<"$out"; then
        echo "exit $status for $code, wanted /$pattern/: $*"
        echo "$out" | head -n 5
        bad=1
    fi
}
mkdir -p failures && cd failures
cp "$ROOT"/examples/iris/iris.* .
expect 3 "no such file" "$NNC" build missing.nn
expect 2 "did you mean" "$NNC" biuld iris.nn
expect 2 "did you mean" "$NNC" build --preciscion double iris.nn
expect 3 "" "$NNC" build iris.nn -o /nonexistent/iris
TMPDIR=/nonexistent expect 3 "cannot write" "$NNC" gradcheck iris.nn
"$NNC" build iris.nn || { echo "iris does not build"; exit 1; }
expect 2 "did you mean" ./iris --epcohs 3
expect 2 "" ./iris --epochs many
expect 3 "elsewhere" ./iris --data elsewhere
./iris --epochs 1 --quiet || { echo "iris does not train"; exit 1; }
cp iris.run/weights.safetensors kept
sed '5s/,[a-z]*$/,tulip/' iris.csv >four.csv
expect 4 "four.csv" ./iris --data four.csv --out other
sed '7s/^[0-9.]*/long/' iris.csv >word.csv
expect 4 "word.csv:7:1" ./iris --data word.csv --out other
sed '9s/,[^,]*$//' iris.csv >short.csv
expect 4 "short.csv:9" ./iris --data short.csv --out other
: >empty.csv
expect 4 "empty" ./iris --data empty.csv --out other
head -c 100 kept >cut.safetensors
expect 4 "cut.safetensors" ./iris eval --weights cut.safetensors
(head -c 300 kept; printf 'x'; tail -c +302 kept) >changed.safetensors
expect 4 "changed.safetensors" ./iris eval --weights changed.safetensors
expect 3 "" ./iris eval --weights none.safetensors
"$NNC" build "$ROOT/examples/fashion/fashion.nn" || { echo "fashion does not build"; exit 1; }
expect 3 "apt install dataset-fashion-mnist" ./fashion
expect 3 "apt install dataset-fashion-mnist" ./fashion --data nowhere
"$NNC" build "$ROOT/examples/xor/xor.nn" && ./xor --steps 3 --quiet
expect 4 "" ./iris eval --weights xor.run/weights.safetensors
cp iris.run/checkpoint.safetensors saved
head -c 200 saved >iris.run/checkpoint.safetensors
rm -f iris.run/checkpoint.previous.safetensors
expect 4 "checkpoint" ./iris --resume
cmp -s kept iris.run/weights.safetensors || { echo "weights were overwritten"; bad=1; }
exit $bad
