#!/bin/bash
# Integer reads that stand in subscripts: short batches, conditions, ends, positions, whole numbers of numbers. Each program of
# tests/reads gives PyTorch's losses (NAME.ref, by tests/library/reads.py) on every processor and in every precision, and none of its
# subscripts leaves its bounds (--verify).
set -u
mkdir -p reads && cd reads || exit 1
bad=0
levels="x86-64-v2 x86-64-v3"
grep -q avx512vl /proc/cpuinfo && levels="$levels x86-64-v4"
for file in "$ROOT"/tests/reads/*.nn; do
    name=$(basename "$file" .nn)
    for way in $(printf '%s:default ' $levels) x86-64-v2:double native:double native:strict x86-64-v3:bf16 native:bf16; do
        "$NNC" build "$file" --verify --cpu "${way%:*}" --precision "${way#*:}" -o "$name" >out.txt 2>&1 &&
            "./$name" --seed 3 --steps "$(wc -l <"${file%.nn}.ref")" --log log.jsonl --out run --quiet >out.txt 2>&1 ||
            { echo "$name $way: status $?"; cat out.txt; bad=1; continue; }
        tolerance=2e-5
        [ "${way#*:}" = double ] && tolerance=1e-12
        [ "${way#*:}" = bf16 ] && tolerance=1e-2
        sed -n 's/.*"event": "step".*"loss": \([^,}]*\).*/\1/p' log.jsonl | paste - "${file%.nn}.ref" | awk -v tolerance=$tolerance -v way="$name $way" '
            {gap = $1 - $2; size = $2 > 1 ? $2 : 1}
            NF != 2 || gap > tolerance * size || -gap > tolerance * size {print way ": step " NR ": a loss of " $1 " where PyTorch has " $2; exit 1}' || bad=1
        rm -rf log.jsonl run
    done
done
exit $bad
