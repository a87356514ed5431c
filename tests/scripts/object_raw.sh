# predict_raw of an object: raw columns as they stand in a file, words for classes, dates, missing cells, in any number of rows, give what
# the trainer's `predict` prints of the file, bit for bit; and so for windows over rows, other sources of cells, Python.
set -eu
. "$ROOT/tests/host/check.sh"
cp "$ROOT/tests/host/raw.nn" .
# Rows of every kind, half of them to train on: SEED.
voyage() {
    awk -v seed="$1" 'function draw(n) { seed = (seed * 16807) % 2147483647; return seed % n }
        function some(list,    a, n) { n = split(list, a, " "); return a[draw(n) + 1] }
        BEGIN {
            print "id,sex,class,port,deck,age,born,survived,a 1,a-2,a3,fare"
            for (i = 0; i < 240; i++) {
                printf "p%d,%s,%s,%s,%s,", i, some("male female"), some("first second third"), draw(5) ? some("S C Q") : "", some("10 20 30 47")
                printf "%s,19%02d-%02d-%02d,%d,", draw(5) ? draw(800) / 10 : "", draw(100), 1 + draw(12), 1 + draw(28), draw(2)
                for (k = 0; k < 3; k++) printf "%s,", draw(9) ? draw(9000) / 1000 - 4 : "NA"
                printf "%.2f\n", 5 + draw(10000) / 100
            }
        }'
}
voyage 1 >voyage.csv && voyage 2 >new.csv
"$NNC" build raw.nn && ./raw --quiet
"$NNC" build raw.nn --emit obj
list_libc
check_symbols raw raw.o
check_headers raw.h
gcc -g $warnings -I. "$ROOT/tests/host/raw.c" raw.o "$BUILD/libnn.a" -lm -o host || fail "predict_raw does not link"
for threads in 1 2; do
    ./raw predict --data new.csv --threads $threads >predicted.csv
    ./host raw.run/weights.safetensors new.csv predicted.csv || fail "predict_raw differs from predict with $threads threads"
done
./raw predict --data new.csv --weights saved.safetensors | cmp - predicted.csv || fail "a trainer reads the names that an object saved otherwise"
# Every array has its count: too few are said.
"$NNC" build raw.nn --emit obj --checked -o safe.o
grep -q "const char \*const \*sex, uint64_t sex_count, const char \*const \*class_" safe.h || fail "predict_raw with counts: $(grep predict_raw safe.h)"
# Sources without columns of cells have none, and the header says why.
while read -r program why; do
    "$NNC" build "$ROOT/$program" --emit header -o none.h
    grep -q "There is no [a-z_]*_predict_raw: $why. \*/" none.h && ! grep -q "nn_status .*_predict_raw" none.h || fail "$program has no predict_raw: $(grep predict_raw none.h)"
done <<'END'
examples/text/gpt.nn the source has no columns of cells
examples/fashion/fashion.nn the source has no columns of cells
examples/reviews/reviews.nn cells are cut into words, which only trainers do
END
# Windows over rows, within groups: a sample for each window that rows in this order have, as the trainer finds them.
cat >gauge.nn <<'END'
data gauge = csv("gauge.csv") {
    at         = column("at")
    past[3, 2] = window(standardize(columns("rain", "level")), -3)
    next       = window(standardize(column("level")), 1)
    within     = column("station")
}
model net(past[batch, n, k]) -> y[batch] {
    h    = past |> flatten |> dense(1)
    y[i] = h[i, 0]
}
train net on gauge {
    loss      = mse(y, next)
    optimizer = sgd(1e-2)
    batch     = 4
    epochs    = 2
    predict   = [at, level = restore(y, next)]
}
END
awk 'BEGIN { print "at,station,rain,level"; for (k = 0; k < 60; k++) print k ",s" (k * 7) % 4 "," (k * 37) % 11 "," (k * 53) % 17 }' >gauge.csv
"$NNC" build gauge.nn && ./gauge --quiet && ./gauge predict --data gauge.csv >levels.csv && "$NNC" build gauge.nn --emit obj
cat >main.c <<'END'
#include "gauge.h"
#include <stdio.h>
int main(void) {
    static char words[60][8];
    static const char *station[60];
    static double rain[60], level[60];
    static float found[60];
    int64_t samples = 0;
    float wanted;
    int same = 1, all = 0;
    FILE *rows = fopen("gauge.csv", "r"), *levels = fopen("levels.csv", "r");
    gauge *m = gauge_create(NULL);
    if (!rows || !levels || !m || fscanf(rows, "%*s") == 9 || fscanf(levels, "%*s") == 9) return 1;
    for (int k = 0; k < 60; k++) {
        if (fscanf(rows, "%*d,%7[^,],%lf,%lf", words[k], &rain[k], &level[k]) != 3) return 1;
        station[k] = words[k];
    }
    if (gauge_load(m, "gauge.run/weights.safetensors") != NN_OK || gauge_predict_raw(m, rain, level, station, 60, &samples, found) != NN_OK) {
        puts(gauge_error(m));
        return 1;
    }
    for (; fscanf(levels, "%*d,%f", &wanted) == 1; all++) same &= all < samples && found[all] == wanted;
    if (gauge_predict_raw(m, rain, level, station, 3, &samples, found) != NN_DATA) return 1;
    puts(gauge_error(m));
    gauge_destroy(m);
    fclose(rows);
    fclose(levels);
    return !(same && all == samples && all == 48);
}
END
gcc -g $warnings -I. main.c gauge.o "$BUILD/libnn.a" -lm -o main && ./main >said || fail "windows of raw rows: $(cat said)"
grep -q "a sample reads" said || fail "too few raw rows: $(cat said)"
# Classes that are numbers, in a file without a head: nothing lies with the weights, and numbers are what they are.
printf '%s\n' 'data plain = csv("plain.csv", header = false) {' '    k = class(column(0), 3)' '    x = column(1)' '    t = column(2)' '}' \
    'model net(k[batch]: class, x[batch]) -> y[batch] {' '    param w[3] = 0.5' '    y[n] = x[n] * w[k[n]]' '}' \
    'train net on plain {' '    loss = mse(y, t)' '    optimizer = sgd(1e-2)' '    batch = 4' '    epochs = 2' '    predict = [y]' '}' >plain.nn
printf '0,1,2\n1,2,3\n2,3,4\n0,4,5\n' >plain.csv
"$NNC" build plain.nn && ./plain --quiet && "$NNC" build plain.nn --emit obj
cat >main.c <<'END'
#include "plain.h"
#include <stdio.h>
int main(void) {
    const char *k[] = {"0", "1", "2", "0"};
    double x[] = {1, 2, 3, 4};
    float y[4];
    plain *m = plain_create(NULL);
    if (!m || plain_predict_raw(m, k, x, 4, y) != NN_USAGE || plain_load(m, "plain.run/weights.safetensors") != NN_OK || plain_predict_raw(m, k, x, 4, y) != NN_OK) {
        puts(plain_error(m));
        return 1;
    }
    puts("y");
    for (int r = 0; r < 4; r++) printf("%.9g\n", y[r]);
    k[1] = "red";
    return plain_predict_raw(m, k, x, 4, y) != NN_DATA;
}
END
gcc $warnings -I. main.c plain.o "$BUILD/libnn.a" -lm -o main && ./main >mine.txt || fail "classes that are numbers: $(cat mine.txt)"
./plain predict --data plain.csv | awk 'NR > 1 { printf "%.9g\n", $1; next } { print }' >theirs.txt
awk 'NR == FNR { a[FNR] = $1; next } FNR > 1 { d = a[FNR] - $1; bad += d * d > 1e-12 } END { exit FNR != 5 || bad }' mine.txt theirs.txt || fail "classes that are numbers: $(cat mine.txt theirs.txt)"
# An array of a JSON line is an argument of as many numbers.
cat >lines.nn <<'END'
data lines = jsonl("lines.jsonl") {
    x[3] = standardize(column("sizes.all"))
    big  = column("sizes.big") == "true"
    y    = column("y")
}
model net(x[batch, 3], big[batch]) -> z[batch] {
    h    = x |> dense(1)
    z[n] = h[n, 0] + (1 if big[n] else 0)
}
train net on lines {
    loss      = mse(z, y)
    optimizer = sgd(1e-2)
    epochs    = 1
}
END
"$NNC" build lines.nn --emit header -o lines.h
grep -q "predict_raw(.*, const double \*sizes_all, const char \*const \*sizes_big, int64_t rows, float \*z);" lines.h && grep -q "sizes_all: double\[rows\]\[3\], column \"sizes.all\"" lines.h ||
    fail "arrays of JSON lines: $(grep -B 20 predict_raw lines.h)"
# The module for Python.
command -v python3 >/dev/null || exit 0
[ -z "${SANITIZED:-}" ] || export LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so) ASAN_OPTIONS=detect_leaks=0
"$NNC" build raw.nn --emit python && "$NNC" build gauge.nn --emit python
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=. timeout 60 python3 -W error - <<'END' || fail "predict_raw of Python"
import array, csv, struct
import gauge, raw

def single(text):
    return struct.unpack("f", struct.pack("f", float(text)))[0]

def table(name):
    with open(name) as f:
        return list(csv.DictReader(f))

rows, told = table("new.csv"), table("predicted.csv")
words = lambda name: [r[name] or None for r in rows]
numbers = lambda name: [float(r[name]) if r[name] not in ("", "NA") else None for r in rows]
m = raw.Model()
m.load("raw.run/weights.safetensors")
columns = [words("sex"), words("class"), words("port"), words("deck"), numbers("age"), words("born"), list(zip(*map(numbers, ("a 1", "a-2", "a3"))))]
r = m.predict_raw(*columns)
assert r.town == [o["town"] or None for o in told] and r.alive == [o["alive"] for o in told]
assert r.price.tolist() == [single(o["price"]) for o in told]
assert r.p.tolist() == [[single(o["p_0"]), single(o["p_1"])] for o in told]
for wrong, text in ((["x"] * 240, "expected one of the classes"), ([7] * 240, "cabin"), (["x"] * 3, "rows are given"), (["a\0"] * 240, "texts are wanted")):
    try:
        m.predict_raw(columns[0], wrong, *columns[2:])
        raise SystemExit("taken: %r" % wrong[0])
    except (raw.DataError, raw.UsageError) as e:
        assert text in str(e) or "class_" in str(e), e
g = gauge.Model()
g.load("gauge.run/weights.safetensors")
rows = table("gauge.csv")
levels = g.predict_raw(array.array("d", [float(r["rain"]) for r in rows]), [float(r["level"]) for r in rows], [r["station"] for r in rows]).level
assert levels.tolist() == [single(r["level"]) for r in table("levels.csv")]
END
