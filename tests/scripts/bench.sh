#!/bin/bash
# Every program of bench/ is built, small, and makes three steps whose losses are numbers.
set -u
fail() { echo "$*"; exit 1; }
# The sizes that a program gives a name to.
small() { sed -n 's/^count *=.*/--set count=64/p; s/^wide *=.*/--set wide=64/p; s/^vocabulary *=.*/--set vocabulary=500/p
    s/^people *=.*/--set people=500/p; s/^long *=.*/--set long=32/p' "$1"; }
made=0
for file in "$ROOT"/bench/*.nn; do
    name=$(basename "$file" .nn)
    # shellcheck disable=SC2046
    if ! "$NNC" build "$file" $(small "$file") --batch 4 -O0 --blas none 2>said; then
        cat said
        fail "$name is not built"
    fi
    ./"$name" --steps 3 --threads 2 --quiet --log "$name.jsonl" --out "$name.run" || fail "$name does not train"
    [ "$(grep -cE '"event": "step", .*"loss": -?[0-9][0-9.e+-]*,' "$name.jsonl")" = 3 ] || { cat "$name.jsonl"; fail "$name: losses"; }
    made=$((made + 1))
done
[ $made -ge 15 ] || fail "only $made programs were built"
