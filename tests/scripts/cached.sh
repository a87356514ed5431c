# What is larger than memory: rows of a large csv file are kept on disk for other runs, with the same numbers, by file and program; memory has
# a limit, and what does not fit is told before the first step.
set -u
. "$ROOT/tests/support/command.sh"
cat >net.nn <<'PROGRAM'
data d = csv("rows.csv") {
    a     = standardize(column("a", missing = mean))
    b     = column("b", missing = 7)
    kind  = class(column("kind"), 3)
    red   = column("kind") == "red"
    split = random(test = 10%, stratify = kind)
}
model net(a[batch], b[batch], red[batch]: bool) -> y[batch, 3] {
    param w[3] = 1
    y[n, k] = (a[n] + b[n] + red[n]) * w[k]
}
train net on d {
    loss      = cross_entropy(y, kind)
    optimizer = sgd(1e-3)
    batch     = 1000
    steps     = 20
}
PROGRAM
sed -i 's/red\[batch\]: bool/red[batch]/; s/red\[n\])/(1 if red[n] else 0))/' net.nn
"$NNC" build net.nn || exit 1
awk 'BEGIN { srand(3); for (k = 0; k < 20000; k++)
    printf "%s,%s,%s,%060d\n", k % 7 ? rand() * 9 - 4 : "", k % 5 ? k % 100 : "NA", substr("redblugrn", k % 3 * 3 + 1, 3), k }' >piece
{ echo a,b,kind,more; for _ in $(seq 185); do cat piece; done; } >rows.csv
[ "$(stat -c %s rows.csv)" -gt 268435456 ] || fail "the file is too small to be kept: $(stat -c %s rows.csv)"
./net --quiet --out plain || fail "net does not train"
./net --quiet --out first --cache kept 2>first.txt || fail "with --cache: $(cat first.txt)"
grep -q '^note: the rows of rows.csv are kept for other runs in kept$' first.txt || fail "kept: $(cat first.txt)"
[ "$(ls kept | wc -l)" = 1 ] || fail "files that are kept: $(ls kept)"
./net --quiet --out second --cache kept 2>second.txt || fail "from what is kept: $(cat second.txt)"
grep -q '^note: the rows of rows.csv are those that are kept in kept$' second.txt || fail "read again: $(cat second.txt)"
for run in first second; do cmp plain/weights.safetensors $run/weights.safetensors || fail "$run has other weights"; done
./net eval --out plain >plain.txt && ./net eval --out plain --cache kept >kept.txt && cmp plain.txt kept.txt || fail "eval of what is kept"

# ---- damaged, of another time, of another program ----
for name in kept/*; do head -c 1000000 "$name" >half && cp half "$name"; done
./net --quiet --out third --cache kept 2>third.txt || fail "a damaged file: $(cat third.txt)"
grep -q 'kept for other runs' third.txt || fail "a damaged file is used: $(cat third.txt)"
for name in kept/*; do printf 'x' | dd of="$name" bs=1 seek=1000000 conv=notrunc 2>/dev/null; done
touch -d '2 hours ago' kept/old.rows.nn-new-1-0 && touch kept/now.rows.nn-new-1-0 || exit 1
./net --quiet --out third --cache kept 2>third.txt || fail "another byte: $(cat third.txt)"
grep -q 'kept for other runs' third.txt && cmp plain/weights.safetensors third/weights.safetensors || fail "rows with another byte are used: $(cat third.txt)"
[ "$(ls kept | grep nn-new)" = now.rows.nn-new-1-0 ] || fail "what a killed run left, and what another run writes: $(ls kept)"
rm kept/now*
touch rows.csv
./net --quiet --out third --cache kept 2>&1 | grep -q 'kept for other runs' || fail "rows of another time are used"
sed 's/missing = 7/missing = 8/' net.nn >other.nn && "$NNC" build other.nn
./other --quiet --cache kept 2>&1 | grep -q 'kept for other runs' || fail "rows of another program are used"
cmp -s other.run/weights.safetensors plain/weights.safetensors && fail "another program has the same weights"

# ---- a directory that cannot be, one that is full ----
expect 3 '^error: cannot make the directory piece/kept|^error: piece' ./net --quiet --out none --cache piece/kept
# ---- limits ----
expect 6 '^error: out of memory: [0-9.]* MB more are needed beside [0-9.]* MB, and 20 MB may be used$' ./net --quiet --out none --memory 20MB
expect 2 "^error: --memory: expected a size, such as 500MB or 2GB, found 2XB" ./net --memory 2XB
expect 6 '^error: out of memory' bash -c 'ulimit -d 60000; ./net --quiet --out none --threads 1'
[ -e none/weights.safetensors ] && fail "a run without memory has weights"
./net --quiet --out limited --memory 150MB --cache kept 2>limited.txt || fail "rows on disk need no more than 150 MB: $(cat limited.txt)"
cmp plain/weights.safetensors limited/weights.safetensors || fail "a run of little memory has other weights"
exit $bad
