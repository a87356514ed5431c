#!/bin/bash
# precision = bf16: the same weights for any number of threads and with other instructions, gradcheck in double, float arguments in C,
# a run that is resumed, and accuracy as in single.
set -u
fail() { echo "$*"; exit 1; }
cp "$ROOT"/examples/digits/digits.* .
sed -i '/stop *=/d; s/adam(.*/adam(1e-3)/; s/epochs    = 40/epochs    = 12\n    precision = bf16/' digits.nn
"$NNC" build digits.nn --verify && "$NNC" build digits.nn --precision default -o single || fail "does not build"
tensors() { # of a weights file, without its head
    local n
    n=$(od -An -tu8 -N8 "$1")
    tail -c +$((n + 9)) "$1" | cksum
}
for threads in 1 2 3; do ./digits --threads $threads --quiet --out t$threads || fail "$threads threads: exit $?"; done
cmp t1/weights.safetensors t2/weights.safetensors && cmp t1/weights.safetensors t3/weights.safetensors || fail "threads: other bits"
for cpu in x86-64-v4 x86-64-v4-bf16; do
    feature=avx512vl
    [ $cpu = x86-64-v4 ] || feature=avx512_bf16
    grep -q $feature /proc/cpuinfo || continue
    "$NNC" build digits.nn --cpu $cpu -o for && ./for --quiet --out $cpu || fail "$cpu: exit $?"
    [ "$(tensors t1/weights.safetensors)" = "$(tensors $cpu/weights.safetensors)" ] || fail "$cpu: other bits"
done
./digits --quiet --epochs 5 --out half && ./digits --quiet --resume --epochs 12 --out half || fail "resume: exit $?"
cmp t1/weights.safetensors half/weights.safetensors || fail "resumed: other bits"
./single --quiet --out s || exit 1
[ "$(tensors t1/weights.safetensors)" != "$(tensors s/weights.safetensors)" ] || fail "nothing is rounded"
of() { "$1" eval --json --out "$2" | sed -n "s/.*\"$3\": \([0-9.e-]*\).*/\1/p"; }
awk -v a="$(of ./digits t1 loss)" -v b="$(of ./single s loss)" -v p="$(of ./digits t1 accuracy)" -v q="$(of ./single s accuracy)" \
    'BEGIN {exit !(a > 0 && (a - b) ^ 2 < (0.02 * b) ^ 2 && p > q - 0.01)}' || fail "trains otherwise than in single"
"$NNC" gradcheck digits.nn >said || { cat said; fail "gradcheck"; }
"$NNC" build digits.nn --emit obj && grep -q 'const float \*image' digits.h || fail "the object's arguments"
"$NNC" explain digits.nn | grep -q '^precision *= bf16 ' || fail "explain"
status=0
"$NNC" check digits.nn --precision fast 2>said || status=$?
[ $status = 2 ] && grep -q 'fast' said || fail "--precision fast: exit $status: $(cat said)"
