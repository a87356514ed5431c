#!/bin/bash
# Programs with loops (tests/loops): built with every pass verified, derivatives against finite differences, and the same bits by one
# thread and by several.
set -u
fail() { echo "$*"; exit 1; }
for file in "$ROOT"/tests/loops/*.nn; do
    name=$(basename "$file" .nn)
    "$NNC" build "$file" --verify || fail "$name is not built"
    "$NNC" gradcheck "$file" >said 2>&1 || { cat said; fail "$name: derivatives"; }
    for threads in 1 2 3 7; do
        ./"$name" --threads $threads --out "$name.$threads" --quiet || fail "$name does not train"
        cmp "$name.1/weights.safetensors" "$name.$threads/weights.safetensors" || fail "$name: other bits by $threads threads"
    done
done
