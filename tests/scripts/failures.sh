# What goes wrong outside the program: a clear message, the exit code of the table, nothing overwritten.
set -u
. "$ROOT/tests/support/command.sh"
mkdir -p failures && cd failures
cp "$ROOT"/examples/iris/iris.* .
expect 3 "No such file" "$NNC" build missing.nn
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
printf 'a,b,c,d,species\n1,2,3,4\0,x\n' >zero.csv
expect 4 "zero.csv:2:8: .*zero byte" ./iris --data zero.csv --out other
printf 'a,b,c,d,species\n1,2,3,\033[31m4,x\n' >escape.csv
expect 4 'escape.csv:2:7: .*"[?][[]31m4"' ./iris --data escape.csv --out other
expect 2 "found nothing" ./iris --data "" --out other
expect 2 "did you mean optimizer.beta1.*nnc build --set" ./iris --set optimizer.beta=1 --out other
expect 2 "no number of that name; .*nnc build --set optimizer.amsgrad" ./iris --set optimizer.amsgrad=true --out other
# Numbers out of range, and a value that was forgotten: the next option is none.
for number in -1 -1e-9 1e39 1e999 nan inf -inf; do expect 2 "^error: --lr: .*(is out of range|expected a number)" ./iris --lr $number --out other; done
expect 2 "out of range" ./iris --set optimizer.eps=-1e39 --out other
expect 2 "expected a whole number of 0 or more, found -1" ./iris --epochs -1 --out other
expect 2 "expected a whole number of 1 or more, found 0" ./iris --threads 0 --out other
expect 2 "^error: --out needs a value, and --quiet looks like an option .--out=--quiet" ./iris --out --quiet
expect 2 "^error: --log needs a value, and --resume" ./iris --log --resume --out other
expect 2 "takes FILE, and .--emit. looks like an option" "$NNC" build iris.nn -o --emit obj
expect 2 "takes FILE, and .-g. looks like an option" "$NNC" build iris.nn -o -g
[ ! -e ./--quiet ] && [ ! -e ./--resume ] && [ ! -e ./--emit ] && [ ! -e ./-g ] || { echo "an option became a name: $(ls)"; bad=1; }
# A state that becomes infinite, of the model or of its optimizer, is said like a loss that does; one that begins so is meant so.
diverge() { # STATE OPTIMIZER
    cat <<END
data points = table {
    x[2] = [[0, 0], [0, 1], [1, 0], [1, 1]]
    t    = [0, 0, 0, 1]
}
optimizer slow(w, g, lr = 0.1) {
    state m = 1
    m  = m $2
    w -= lr * g
}
layer grow(x[batch, 2]) -> y[batch, 2] {
    state s = $1
    s = s * 1e10
    y = x
}
model net(x[batch, 2]) -> y[batch] { y = (x |> grow |> dense(1))[:, 0] }
train net on points {
    loss      = mse(y, t)
    optimizer = slow()
    batch     = 4
    steps     = 10
}
END
}
diverge 1 '* 1' >state.nn && "$NNC" build state.nn || bad=1
expect 5 "the state net.*s is not finite after step 10; nothing was saved" ./state --quiet
expect 0 "" ./state --quiet --steps 3
diverge 0 '* 1e10' >slot.nn && "$NNC" build slot.nn || bad=1
expect 5 "the optimizer's state .*m is not finite after step 10" ./slot --quiet
diverge inf '* 1' >meant.nn && "$NNC" build meant.nn || bad=1
expect 0 "" ./meant --quiet
head -c 100 kept >cut.safetensors
expect 4 "cut.safetensors" ./iris eval --weights cut.safetensors
(head -c 300 kept; printf 'x'; tail -c +302 kept) >changed.safetensors
expect 4 "changed.safetensors" ./iris eval --weights changed.safetensors
expect 3 "" ./iris eval --weights none.safetensors
expect 3 "standard output" bash -c './iris eval >/dev/full'
expect 3 "standard output" bash -c './iris predict <iris.csv >&-'
expect 3 "standard input" bash -c './iris predict <&-'
expect 0 "training goes on without it" ./iris --epochs 2 --out other --log /dev/full
expect 3 "too large" bash -c 'ulimit -f 1; ./iris --epochs 2 --out large --seed 1'
[ -z "$(ls large | grep safetensors)" ] || { echo "half a file is left: $(ls large)"; bad=1; }
mkdir looped && ln -s weights.safetensors looped/weights.safetensors
expect 3 "cannot write looped/weights.safetensors: Too many levels" ./iris --epochs 2 --out looped
# Nothing that is said lands in a file that took a closed stream's number; a reader that leaves ends no run.
./iris --epochs 2 --out closed 2>&- >&- <&- && ! grep -v '^{"event"' closed/log.jsonl || { echo "closed streams"; bad=1; }
./iris --epochs 60 --out piped 2>&1 | head -n 1 >first
[ "$(grep -c '"reason": "epochs"' piped/log.jsonl)" = 1 ] || { echo "a closed pipe ends the run"; bad=1; }
[ -z "$(./iris data 2>&1 >/dev/null | head -n 1)" ] || { echo "data says something"; bad=1; }
[ -z "$( (./iris data | true) 2>&1)" ] || { echo "a reader of data that leaves is an error"; bad=1; }
# The end of a run that cannot go on is in its log.
expect 5 "not finite" ./iris --lr 1e38 --out wild --log wild.jsonl
grep -q '"loss": null.*"reason": "not finite"' wild.jsonl || { echo "the log of a run that fails has no end"; bad=1; }
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
