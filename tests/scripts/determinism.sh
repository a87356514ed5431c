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

# What changes no bit, by docs/reliability.md: how hard LLVM tries, names for debuggers, checks of subscripts; the rows beside a row.
cat >net.nn <<'END'
data d = csv("net.csv") {
    x[6, 6, 1] = columns(0 .. 35)
    k[9]       = int(columns(36 .. 44), 12)
    t          = column("c45")
}
model net(x[batch, 6, 6, 1], k[batch, 9]: int) -> y[batch] {
    h = x |> conv2d(7) |> relu |> max_pool2d(2) |> flatten |> dense(13) |> layer_norm
    s = embedding(k, 12, 8) |> transformer_block(2)
    z = s[:, 2, :]
    y = (concat(h, z) |> dense(1))[:, 0]
}
train net on d {
    loss      = mse(y, t)
    optimizer = adam(1e-2)
    batch     = 24
    epochs    = 2
}
END
awk 'BEGIN {
    srand(5)
    for (c = 0; c < 46; c++) printf "c%d%s", c, c < 45 ? "," : "\n"
    for (r = 0; r < 61; r++) for (c = 0; c < 46; c++) printf "%s%s", c < 36 || c == 45 ? rand() - 0.5 : int(12 * rand()), c < 45 ? "," : "\n"
}' >net.csv
numbers() { tail -c +$((9 + $(od -An -tu8 -N8 "$1/weights.safetensors"))) "$1/weights.safetensors"; } # without what it was compiled with
losses() { sed -n 's/.*"event": "step".*"loss": \([^,}]*\).*/\1/p' "$1"; }
levels="x86-64-v2 x86-64-v3"
grep -q avx512vl /proc/cpuinfo && levels="$levels x86-64-v4"
for precision in default strict double; do
    for level in $levels; do
        way="$level --precision $precision"
        "$NNC" build net.nn --cpu $way -o net
        ./net --threads 1 --out plain --log $level.jsonl --quiet
        ./net --threads 3 --out three --quiet
        cmp <(numbers plain) <(numbers three) || fail "$way: weights with 3 threads differ"
        ./net predict --weights plain/weights.safetensors --data net.csv >all.csv
        head -n 32 net.csv >some.csv
        (head -n 1 net.csv; sed -n '2,9p' net.csv | tac) >eight.csv
        ./net predict --weights plain/weights.safetensors --data some.csv | cmp - <(head -n 32 all.csv) || fail "$way: fewer rows, other predictions"
        ./net predict --weights plain/weights.safetensors --data eight.csv | tail -n 8 | tac | cmp - <(sed -n '2,9p' all.csv) || fail "$way: rows in another order, other predictions"
        rm -rf plain.numbers three && numbers plain >plain.numbers
        for option in -O0 -O3 -g --verify; do
            [[ $level == x86-64-v3 && ($precision == default || $option == -O3) ]] || continue
            "$NNC" build net.nn --cpu $way $option -o other
            ./other --threads 2 --out other.run --quiet
            cmp plain.numbers <(numbers other.run) || fail "$way: $option gives other weights"
            rm -rf other.run
        done
        rm -rf plain
        # Other levels add in another order: to rounding, the same.
        losses $level.jsonl >$level.txt
        paste x86-64-v2.txt $level.txt | awk -v bound=$([ $precision = double ] && echo 1e-11 || echo 1e-4) '
            {gap = ($1 - $2) / $1} NF != 2 || gap > bound || -gap > bound {exit 1} END {exit NR < 6}' || fail "$way: losses are not those of v2"
    done
done
