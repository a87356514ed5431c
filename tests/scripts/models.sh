#!/bin/bash
# The programs of tests/models: each is built and trained for a few steps on drawn data (tests/models/sample.c), and its loss stays
# finite and falls.
set -u
fail() { echo "$*"; exit 1; }
mkdir -p models && cd models || exit 1
. "$ROOT/tests/support/models.sh"

# Built, with further options; trained by PROGRAM DATA STEPS; its losses are numbers, and the last quarter's are below the first's.
trained=
train() {
    local name=$1 data=$2 steps=$3
    trained="$trained $name "
    "$NNC" build "${@:4}" "$ROOT/tests/models/$name.nn" || fail "$name is not built"
    ./"$name" --data "data/$data" --steps "$steps" --log "$name.jsonl" --out "$name.run" --quiet || fail "$name does not train"
    sed -n 's/.*"event": "step".*"loss": \([^,}]*\).*/\1/p' "$name.jsonl" | awk -v name="$name" -v steps="$steps" '
        $1 !~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ {print name ": a loss of " $1; wrong = 1}
        {loss[NR] = $1}
        END {
            n = int((NR + 3) / 4)
            for (i = 1; i <= n; i++) {first += loss[i] / n; last += loss[NR + 1 - i] / n}
            if (NR < 2 || NR > steps || !(last < first)) {print name ": " NR " steps, the loss goes from " first " to " last; wrong = 1}
            exit wrong
        }' || exit 1
}

each_model

# A model that is called in the block has nothing to predict from, neither in the trainer nor in an object.
./called predict </dev/null >out.txt 2>&1 && fail "called predicts"
grep -q 'says what to predict' out.txt || fail "called: $(cat out.txt)"
"$NNC" summary "$ROOT/tests/models/called.nn" | grep -q 'denoise.dense_1 .* [1-9][0-9]*$' || fail "called: operations of a layer"
"$NNC" build --emit obj "$ROOT/tests/models/called.nn" && ! grep -q 'called_predict[a-z_]*(' called.h || fail "called: the header"
gcc -std=c99 -Wall -Wextra -Werror -fsyntax-only -x c called.h || fail "called: the header does not compile"
rm called.o called.h

"$NNC" build "$ROOT/tests/models/folds.nn" && ./folds --data data/folds --epochs 2 --out folds.run >folds.txt 2>&1 || fail "folds"
[ "$(ls folds.run)" = "$(printf 'fold_%d\n' 0 1 2 3 4)" ] || fail "folds: not five of them"
grep -q '^test.accuracy: mean [01].*, deviation .* over 5 folds' folds.txt || { cat folds.txt; fail "folds: no mean"; }
trained="$trained folds "

# There are no others.
for file in "$ROOT"/tests/models/*.nn; do
    [[ $trained == *" $(basename "$file" .nn) "* ]] || fail "$file is not trained"
done
