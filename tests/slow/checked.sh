#!/bin/bash
# Code that compares every subscript with its tensor's limits (--verify) says nothing of a right program: the programs of
# tests/models and the examples train with it for some steps, and every loss is the one without it, to the last bit.
set -u
fail() { echo "$*"; exit 1; }
mkdir -p checked && cd checked || exit 1
. "$ROOT/tests/support/models.sh"

# Without and with it: `losses PROGRAM DATA STEPS [OPTION...]` for a file of that path.
losses() {
    local file=$1 data=$2 steps=$3 name way
    name=$(basename "$file" .nn)
    for way in "" --verify; do
        "$NNC" build $way "${@:4}" "$file" >out.txt 2>&1 || { cat out.txt; fail "$name $way: is not built"; }
        ./"$name" --data "$data" --steps "$steps" --log log.jsonl --out run --quiet >out.txt 2>&1 ||
            { echo "$name $way: status $?"; cat out.txt; exit 1; }
        sed -n 's/.*"event": "step".*"loss": \([^,}]*\).*/\1/p' log.jsonl >"losses$way"
        rm -rf run log.jsonl "./$name"
    done
    [ -s losses ] && cmp losses losses--verify || fail "$name: other losses in checked code"
}
train() { losses "$ROOT/tests/models/$1.nn" "data/$2" "$3" "${@:4}"; }
each_model
losses "$ROOT/tests/models/folds.nn" data/folds 20
for file in "$ROOT"/examples/*/*.nn; do
    folder=$(dirname "$file")
    [[ $file == */fashion.nn ]] && folder=data/digits
    losses "$file" "$folder" 20
done
exit 0
