#!/bin/bash
# More threads than cores: a warning, the same bits, and a run that still ends in its time (tests/slow/sharing.sh measures).
set -u
fail() { echo "$*"; exit 1; }
cp "$ROOT"/examples/digits/digits.* .
sed -i '/stop *=/d' digits.nn
"$NNC" build digits.nn || exit 1
core=$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')
taskset -c "$core" ./digits --epochs 80 --threads 1 --out one 2>said
! grep -q warning said || fail "a warning for one thread: $(cat said)"
taskset -c "$core" timeout 40 ./digits --epochs 80 --threads 8 --out eight 2>said || fail "eight threads on one core: exit $?"
grep -q '^warning: --threads 8: this process may use 1 core,' said || fail "no warning for eight threads: $(cat said)"
cmp one/weights.safetensors eight/weights.safetensors || fail "weights of eight threads differ"
taskset -c "$core" ./digits --epochs 1 --out default 2>said && ! grep -q warning said || fail "a warning by default: $(cat said)"
# A small stack is no obstacle: commands and threads have their own.
for size in 64 96; do
    (ulimit -s $size; ./digits --threads 2 --epochs 1 --out small --quiet && ./digits eval --out small) >said 2>&1 || fail "a stack of $size KB: exit $?: $(cat said)"
done
cmp default/weights.safetensors small/weights.safetensors || fail "weights on a small stack differ"
