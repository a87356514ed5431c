# A sweep: every combination with every seed, as single runs have them; one table; killed and begun again the same; what is wrong is
# said once.
set -u
. "$ROOT/tests/support/command.sh"
cp "$ROOT"/examples/digits/digits.csv .
sed 's/dense(128)/dense(width)/; s/^data digits/width = 64\n\ndata digits/; s/^assert.*//' "$ROOT"/examples/digits/digits.nn >digits.nn
sweep() { "$NNC" sweep digits.nn "$@"; }
grid="--set lr=1e-3..1e-2:log:2 --set width=16,24 --seed 3..5"
sweep $grid -- --epochs 4 >table || fail "a sweep fails: $?"
[ "$(ls digits.sweep | grep -c '^lr=.*,width=.*,seed=')" = 12 ] || fail "folders: $(ls digits.sweep)"

# A run of it is the same as one that was begun by hand.
"$NNC" build digits.nn --set width=24 -o by_hand && ./by_hand --lr 0.01 --seed 4 --epochs 4 --quiet --out by_hand.run || fail "by hand"
cmp by_hand.run/weights.safetensors digits.sweep/lr=0.01,width=24,seed=4/weights.safetensors || fail "a run of a sweep has other weights"

# Mean and deviation of the test loss over the seeds, the least first.
for lr in 0.001 0.01; do
    for width in 16 24; do
        for seed in 3 4 5; do sed -nE 's/.*"event": "end".*"test.loss": ([^,]*), "test.acc.*"reason".*/\1/p' digits.sweep/lr=$lr,width=$width,seed=$seed/log.jsonl; done |
            awk -v lr=$lr -v width=$width '{ v[NR] = $1; m += $1 / 3 } END { for (k = 1; k <= 3; k++) d += (v[k] - m) ^ 2; printf "%s %s %.6g %.3g %d\n", lr, width, m, sqrt(d / 2), NR }'
    done
done | sort -g -k 3 >wanted
sed 1d table | awk '{ $1 = $1 } 1' | diff wanted - || fail "another table"
[ "$(head -n 1 table | awk '{ $1 = $1 } 1')" = "lr width test.loss deviation runs" ] || fail "head: $(head -n 1 table)"

# By another value, the most first: nothing is run again.
touch now && sweep $grid --by test.accuracy:most -- --epochs 4 >by || fail "--by"
[ -z "$(find digits.sweep -name weights.safetensors -newer now)" ] || fail "what has ended is run again"
sed 1d by | awk '{ print $3 }' | sort -gr -c || fail "not the most first: $(cat by)"

# Killed at any moment, and begun again.
for part in 1 3 5; do
    rm -rf killed
    { timeout -s KILL 0.$part "$NNC" sweep digits.nn $grid -o killed -- --epochs 4 >/dev/null; } 2>/dev/null
    sweep $grid -o killed -- --epochs 4 >again 2>said || fail "killed after 0.$part s, it does not go on: $(cat said)"
    cmp table again || fail "killed after 0.$part s, another table"
done

# Drawn combinations, the same each time; values that go to `nnc run`.
sweep --set lr=1e-4..1e-1:log:50 --set width=8,12 --trials 3 -o drawn -- --steps 5 >drawn.txt && [ "$(sed 1d drawn.txt | sort -u | wc -l)" = 3 ] || fail "--trials: $(cat drawn.txt)"

# Halving: all for one epoch, the better half for two, a quarter for four, the last for eight, each as a run that is resumed by hand;
# killed and begun again the same, though those that went on have other values now.
half() { sweep --set lr=1e-4..1e-1:log:4 --set width=16,24 --halving 1 --seed 0,1 "$@"; }
half -o halved >halved.txt 2>said && [ ! -s said ] || fail "--halving: $(cat said)"
[ "$(sed 1d halved.txt | awk '{ print $6 }' | paste -sd,)" = 8,4,2,2,1,1,1,1 ] || fail "--halving: $(cat halved.txt)"
"$NNC" build digits.nn --set width=24 -o by_hand
for epochs in 1 2 4 8; do
    resume=--resume
    [ $epochs = 1 ] && resume= && rm -rf by_hand.run
    ./by_hand --lr 0.1 --seed 1 --epochs $epochs --quiet --out by_hand.run $resume 2>said || fail "by hand: $(cat said)"
done
cmp by_hand.run/weights.safetensors halved/lr=0.1,width=24,seed=1/weights.safetensors || fail "a run of --halving has other weights"
for part in 2 5 9; do
    rm -rf killed
    { timeout -s KILL 0.$part "$NNC" sweep digits.nn --set lr=1e-4..1e-1:log:4 --set width=16,24 --halving 1 --seed 0,1 -o killed >/dev/null 2>said; } 2>/dev/null
    half -o killed >again 2>said || fail "--halving killed after 0.$part s does not go on: $(cat said)"
    cmp halved.txt again || fail "--halving killed after 0.$part s, another table"
done
half -o halved >again && cmp halved.txt again || fail "--halving once more, another table"
expect 2 'holds another sweep' "$NNC" sweep digits.nn --set lr=1e-4..1e-1:log:4 --set width=16,24 --seed 0,1 -o halved

# More of them than there are are all there are, each once; what is swept twice is refused.
sweep --set width=8,12 --trials 9 -o all -- --steps 5 >all.txt && [ "$(sed 1d all.txt | cut -d' ' -f1 | sort | paste -sd,)" = 12,8 ] || fail "--trials of all: $(cat all.txt)"
expect 2 'lr=0.1,0.2,0.1: 0.1 is given twice' "$NNC" sweep digits.nn --set lr=0.1,0.2,0.1 -o twice

# What the trainer takes when it begins is not compiled again, and has the bits that it has when it is compiled in.
mkdir -m 700 cache
XDG_CACHE_HOME=$PWD/cache sweep --set optimizer.beta1=0.8,0.9 --set epochs=2,3 --set lr.warmup="10 steps" -o late >late.txt || fail "settings of the trainer: $?"
[ "$(find cache -name digits | wc -l)" = 1 ] || fail "$(find cache -name digits | wc -l) trainers for numbers that the trainer takes"
"$NNC" build digits.nn --set optimizer.beta1=0.8 --set epochs=3 --set lr.warmup="10 steps" -o compiled && ./compiled --quiet --out compiled.run || fail "compiled in"
numbers() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1"; } # a file's head names the program
cmp <(numbers compiled.run/weights.safetensors) <(numbers "late/optimizer.beta1=0.8,epochs=3,lr.warmup=10 steps/weights.safetensors") || fail "other weights than with the number compiled in"

# A trainer sweeps what it takes itself: the table and the bits of nnc's; options with several values are axes too.
own() { ./by_hand sweep --lr 1e-3..1e-2:log:2 --seed 3..5 --epochs 4 --jobs 2 --threads 1 "$@"; }
own --out own >own.txt || fail "./digits sweep: $?"
sed '/ 16  /d; s/^\(lr *\) width/\1      /; s/ 24  /     /' table | diff -bB - own.txt || fail "./digits sweep: another table than nnc's"
for run in lr=0.001 lr=0.01; do
    for seed in 3 4 5; do
        cmp own/$run,seed=$seed/weights.safetensors digits.sweep/$run,width=24,seed=$seed/weights.safetensors || fail "./digits sweep: other weights"
    done
done
for part in 05 1 3; do
    rm -rf killed
    { timeout -s KILL 0.$part ./by_hand sweep --lr 1e-3..1e-2:log:2 --seed 3..5 --epochs 4 --jobs 2 --threads 1 --out killed >/dev/null; } 2>/dev/null
    own --out killed >again 2>said || fail "./digits sweep killed after 0.$part s does not go on: $(cat said)"
    cmp own.txt again || fail "./digits sweep killed after 0.$part s, another table"
done
./by_hand sweep --batch 16,32 --epochs 1..2 --set optimizer.beta1=0.8,0.9 --out mixed >mixed.txt || fail "./digits sweep of options: $?"
[ "$(head -n 1 mixed.txt | awk '{ $1 = $1 } 1')" = "optimizer.beta1 epochs batch test.loss deviation runs" ] && [ "$(wc -l <mixed.txt)" = 9 ] || fail "$(cat mixed.txt)"
./by_hand --batch 16 --epochs 2 --set optimizer.beta1=0.8 --quiet --out by_hand.run || fail "by hand"
cmp by_hand.run/weights.safetensors mixed/optimizer.beta1=0.8,epochs=2,batch=16/weights.safetensors || fail "./digits sweep of options: other weights"
./by_hand sweep --lr 1e-4..1e-1:log:4 --halving 1 --seed 0,1 --out own_half >own_half.txt && [ "$(sed 1d own_half.txt | awk '{ print $5 }' | paste -sd,)" = 4,2,1,1 ] || fail "./digits sweep --halving: $(cat own_half.txt)"

# What became of it: the table is kept; history and report take a sweep's folder for its runs.
cmp own.txt own/table.txt || fail "table.txt is another table"
./by_hand history own >told && head -n 3 own.txt | cmp - <(head -n 3 told) && [ "$(grep -c '^own/lr=.*,seed=[345] ' told)" = 6 ] || fail "history of a sweep: $(cat told)"
./by_hand report own >said && grep -q '<pre>lr  *test.loss' report.html && grep -q 'own/lr=0.01,seed=5' report.html || fail "report of a sweep: $(cat said)"
rm -rf begun && mkdir begun && cp own/sweep.txt begun
expect 3 'no run of this sweep has begun' ./by_hand history begun
cp -r own/lr=0.01,seed=5 begun && ./by_hand history begun | grep -q '^ended: epochs' || fail "history of a sweep that has begun"

# A folder takes more of the same: only what is new is run.
touch now && ./by_hand sweep --lr 0.02,0.01 --seed 4..6 --epochs 4 --threads 1 --out own >more || fail "more values and seeds: $?"
[ "$(find own -name weights.safetensors -newer now | sort | sed 's/.*lr=//; s/.weights.*//' | paste -sd' ')" = "0.01,seed=6 0.02,seed=4 0.02,seed=5 0.02,seed=6" ] ||
    fail "more values and seeds run $(find own -name weights.safetensors -newer now)"
[ "$(sed 1d more | awk '{ print $1, $4 }' | sort | paste -sd' ')" = "0.01 3 0.02 3" ] && [ "$(./by_hand history own | grep -c '^own/')" = 10 ] || fail "more values and seeds: $(cat more)"
own --out own | cmp own.txt || fail "the first sweep again, another table"

# One at a time works in a folder.
sed '/^ *stop /d' digits.nn >endless.nn && "$NNC" build endless.nn || fail "without a rule that stops"
./endless sweep --seed 0..3 --epochs 1000000 --out busy 2>said &
for k in $(seq 100); do [ -e busy/sweep.txt ] && break || sleep 0.1; done
expect 3 'another sweep is working in busy' ./endless sweep --seed 0..3 --epochs 1000000 --out busy
kill -9 $! && wait $! 2>/dev/null

# ---- what is wrong ----
expect 2 'no number of that name; what is compiled in is changed by `nnc sweep --set width=' ./by_hand sweep --set width=1,2 --out wrong
expect 2 'no number of that name \(did you mean optimizer.beta1' ./by_hand sweep --set optimizer.beta3=1,2 --out wrong
expect 2 '^error: --by acuracy: no run has that value; there are loss, accuracy, test.loss, test.accuracy' ./by_hand sweep --lr 1e-3,1e-2 --epochs 1 --by acuracy --out wrong_by
expect 2 '^error: --by acuracy: no run has that value' ./by_hand sweep --lr 1e-3,1e-2 --halving 1 --by acuracy --out wrong_by2
expect 2 'nothing is swept: say values' ./by_hand sweep --epochs 3 --out wrong
expect 2 'nothing is swept: say values' "$NNC" sweep digits.nn -o wrong
expect 2 'lr is swept twice' ./by_hand sweep --lr 1,2 --set lr=3,4 --out wrong
expect 2 'expected values \(32,64\)' ./by_hand sweep --lr 1,,2 --out wrong
expect 2 'expected NAME=VALUES' ./by_hand sweep --set lr --out wrong
expect 2 '.sweep. has no option --log' ./by_hand sweep --log steps.csv --out wrong
expect 2 'halving says how many epochs' ./by_hand sweep --lr 1,2 --halving 1 --epochs 3 --out wrong
expect 2 'halving says how many epochs' "$NNC" sweep digits.nn --set lr=1,2 --halving 1 -o wrong -- --epochs 3
expect 2 'more than 100000 runs' ./by_hand sweep --seed 0..9999 --lr 1..1000 --out wrong
expect 2 'holds another sweep: take it away, or name another folder' "$NNC" sweep digits.nn $grid -o digits.sweep -- --epochs 5
expect 2 'holds another sweep' "$NNC" sweep digits.nn $grid --batch 16 -o digits.sweep -- --epochs 4
expect 2 'holds another sweep' "$NNC" sweep digits.nn --set lr=1e-4..1e-1:log:3 --set width=16,24 --halving 1 --seed 0,1 -o halved
for wrong in lr= lr=1..2:log lr=0..1:log:3 lr=1..2:lin:1 lr=1..x lr=1,,2 lr=3..1 lr=1..2:cube:3; do
    expect 2 'expected values \(32,64\), a..b:log:n or a..b:lin:n' "$NNC" sweep digits.nn --set $wrong -o wrong
done
expect 2 'expected seeds' "$NNC" sweep digits.nn --seed 1..x -o wrong
expect 2 'more than 100000 runs' "$NNC" sweep digits.nn --seed 0..9999 --set lr=1..10000 -o wrong
[ ! -e wrong ] || fail "a sweep that is refused leaves a folder"
"$NNC" sweep digits.nn --set widht=1,2,3 --seed 0..9 -o misspelt >out 2>said && fail "a misspelt name is taken"
[ "$(grep -c 'did you mean' said)" = 1 ] && [ ! -s out ] || fail "a misspelt name is said $(grep -c 'did you mean' said) times: $(cat said)"
mkdir -p unread/sweep.txt half/round_0.txt
expect 3 'unread/sweep.txt' "$NNC" sweep digits.nn --set lr=0.1 -o unread
expect 3 'half/round_0.txt' "$NNC" sweep digits.nn --set lr=0.1,0.2 --halving 1 -o half
expect 1 'error' "$NNC" sweep "$ROOT"/tests/errors/unknown_name.nn --set lr=1,2 -o wrong
"$NNC" sweep digits.nn --set lr=1e38,1e-3 -o wild -- --epochs 2 >out 2>said
[ $? = 5 ] && grep -qE '^1e38 +- +- +0$' out && grep -qE '^1e-3 .* 1$' out || fail "a run that fails: $(cat out said)"
exit $bad
