# The same bits: run twice, with 1, 2 and 7 threads, built in another folder; two builds of one file are the same bytes.
set -eu
fail() { echo "$*"; exit 1; }
mkdir -p determinism/a determinism/b
cd determinism
cp "$ROOT"/examples/digits/digits.* a/
cp "$ROOT"/examples/digits/digits.* b/
(cd a && "$NNC" build digits.nn && cp digits first && "$NNC" build digits.nn && cmp first digits) || fail "two builds differ"
(cd b && "$NNC" build digits.nn)
cmp a/digits b/digits || fail "builds in two folders differ"
(cd b && umask 077 && TZ=Asia/Kathmandu LC_ALL=tr_TR.UTF-8 LANG=de_DE.UTF-8 HOME=/ TMPDIR=$PWD "$NNC" build digits.nn -o digits.other)
cmp a/digits b/digits.other || fail "builds under another clock, locale, umask and name differ"
for threads in 1 2 7; do
    (cd a && ./digits --epochs 3 --threads $threads --out run$threads --quiet)
    cmp a/run1/weights.safetensors a/run$threads/weights.safetensors || fail "weights with $threads threads differ"
done
(cd b && ./digits --epochs 3 --threads 1 --out again --quiet)
cmp a/run1/weights.safetensors b/again/weights.safetensors || fail "weights of the other folder differ"
(cd a && ./digits --epochs 3 --seed 1 --out other --quiet)
! cmp -s a/run1/weights.safetensors a/other/weights.safetensors || fail "another seed gives the same weights"
