#!/bin/bash
# The layers of every program: their names, by which weights are stored, with shapes and parameters, as summaries.txt beside this has
# them. UPDATE=1 writes the list anew.
set -u
golden=$ROOT/tests/scripts/summaries.txt here=$PWD
cd "$ROOT" || exit 1
for program in tests/models/*.nn examples/*/*.nn; do
    echo "# $program"
    "$NNC" summary "$program" 2>&1 | sed -nE 's/^[^ ]*: error: /error: /p; s/^( *[^ ]+) +(.*[^ ]) +([0-9]+) +[0-9]+$/\1 \2 \3/p'
done >"$here/summaries.txt"
[ -z "${UPDATE:-}" ] || cp "$here/summaries.txt" "$golden"
diff -u "$golden" "$here/summaries.txt"
