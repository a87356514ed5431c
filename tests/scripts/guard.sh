#!/bin/bash
# No step of the small workloads costs more instructions than bench/guard.txt says; and bench/guard notices when one does.
set -u
if [ -n "${SANITIZED:-}" ]; then echo "skipped: a sanitized runtime counts otherwise"; exit 0; fi
"$ROOT"/bench/guard --nnc "$NNC" >said 2>&1 || { cat said; exit 1; }
if grep -q skipped said; then cat said; exit 0; fi
# The same with a figure that is 3 % too small.
mkdir -p worse && cp "$ROOT"/bench/guard "$ROOT"/bench/w5.nn worse || exit 1
awk '$1 == "w5" {$3 = int($3 / 1.03); print}' "$ROOT"/bench/guard.txt >worse/guard.txt
worse/guard --nnc "$NNC" >said 2>&1 && { cat said; echo "a step that costs 3 % more passes"; exit 1; }
grep -q '^w5: .* % worse$' said || { cat said; exit 1; }
