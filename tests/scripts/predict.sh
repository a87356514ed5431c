# What `predict = [...]` lists: expressions over outputs and fields, values in the units of the file, classes by name, columns carried along as
# they stand. awk, which knows the file, says what is right.
set -u
. "$ROOT/tests/support/command.sh"
awk 'BEGIN { print "id,kind,area,rooms,price"; for (i = 0; i < 96; i++) { k = i % 3; n = k == 0 ? "flat" : k == 1 ? "\"a \"\"big\"\", house\"" : "hut"
    printf "90071992547409%05d,%s,%d,%d,%.2f\n", i, n, 50 + i * 37 % 150, 1 + i % 6, 40000 + i * 7919 % 90000 } }' >houses.csv
cat >houses.nn <<'END_NN'
fn far(x[..]) = (x - rows_low(x)) / (1 + rows_mean(x))

data houses = csv("houses.csv") {
    id    = column("id")
    kind  = class(column("kind"), 3)
    x[2]  = minmax(columns("area", "rooms"))
    price = standardize(log(column("price")))
    own   = far(column("area"))
    split = random(test = 25%)
}

model net(x[batch, 2], kind[batch]: class) -> (y[batch], logits[batch, 3]) {
    param by[3] = 0
    param w[2]  = 0
    y[n]         = by[kind[n]] + sum[i] w[i] * x[n, i]
    logits[n, k] = 10 * (kind[n] == k) + y[n] * 0
}

train net on houses {
    loss      = mse(y, price)
    optimizer = sgd(1e-1)
    epochs    = 3
    metrics   = [off = max[n] abs(restore(price, price)[n] - restore(y, price)[n])]
    predict   = [id, room = restore(x, x), euros = exp(restore(price, price)), area = restore(own, own), kind,
        guess = restore(argmax[i] logits[.., i], kind), sure = max[i] softmax(logits)[.., i], y]
}
END_NN
"$NNC" build houses.nn --blas none --verify || exit 1
./houses --quiet || fail "houses does not train"
./houses predict --data houses.csv >found || fail "predict"
[ "$(head -n 1 found)" = "id,room_0,room_1,euros,area,kind,guess,sure,y" ] || fail "columns: $(head -n 1 found)"
# every column but y and what is made of it, against the file: quoted names are one field of both
sed 's/"a ""big"", house"/big/g' found >plain && sed 's/"a ""big"", house"/big/g' houses.csv >want
[ "$(grep -c '"a ""big"", house"' found)" = 32 ] || fail "names with quotes are not written as CSV"
awk -F, 'function near(a, b) { return a - b <= 1e-5 * b && b - a <= 1e-5 * b } NR == FNR { line[FNR] = $0; next }
    FNR > 1 { split(line[FNR], f, ","); if ($1 != f[1] || $6 != f[2] || $7 != f[2] || !near($2, f[3]) || !near($3, f[4]) || !near($4, f[5]) || !near($5, f[3]) || $8 < 0.99) {
        print "row " FNR ": " $0 " of " line[FNR]; bad = 1 }
        n++ } END { exit bad || n != 96 }' want plain || fail "what is predicted"
./houses predict --data houses.csv --format json | head -n 2 | tail -n 1 >json
grep -q '^{"id": 9007199254740900001, "room": \[.*\], .*"kind": "a \\"big\\", house", "guess": "a \\"big\\", house", ' json || fail "JSON: $(cat json)"

# ---- what is carried is text: any, and in training nobody reads it; what only the loss reads need not be there ----
sed 's/^90071/A "7",/; s/^A "7",\([0-9]*\)/"A ""7"",\1"/' houses.csv >texts.csv
./houses --quiet --data texts.csv --out texts || fail "training reads what is only carried"
cut -d, -f1-4 texts.csv | sed '1s/,price//' >new.csv
sed 's/"a ""big"", house"/hut/' texts.csv | sed 's/,[0-9.]*$//; 1s/,price//' >new.csv
sed 's/, euros = exp(restore(price, price))//' houses.nn >less.nn
"$NNC" build less.nn --blas none && ./less predict --weights texts/weights.safetensors --data new.csv >found || fail "predict without the price"
[ "$(sed -n 2p found | cut -c1-25)" = '"A ""7"",99254740900000",' ] || fail "carried: $(sed -n 2p found)"
expect 4 'expected a column called "id"' ./less predict --weights texts/weights.safetensors <<<'kind,area,rooms
hut,3,4'
expect 4 'expected a column called "price"' ./houses predict --data new.csv
expect 2 'npy: this model has 8 outputs' ./houses predict --data houses.csv --format npy
sed 's/predict   = .*/predict = [id]/; /guess = restore/d' houses.nn >only.nn
"$NNC" build only.nn --blas none && ./only predict --weights texts/weights.safetensors --data new.csv | cmp -s - <(cut -d, -f1-2 new.csv | sed 1s/,.*//) || fail "only what is carried"
expect 2 'npy: id is written in words' ./only predict --weights texts/weights.safetensors --data new.csv --format npy

# ---- with `predict` a run has the same bits, and a model that is called in the block predicts ----
sed '/predict   =/,/softmax/d' houses.nn >without.nn
"$NNC" build without.nn --blas none && ./without --quiet && cmp -s houses.run/weights.safetensors without.run/weights.safetensors ||
    cmp -s <(tail -c 400 houses.run/weights.safetensors) <(tail -c 400 without.run/weights.safetensors) || fail "predict changes the run"
cat >pairs.nn <<'END_NN'
data pairs = csv("pairs.csv") {
    a[2] = columns("a0", "a1")
    b[2] = columns("b0", "b1")
    same = column("same") == "yes"
}
model net(v[batch, 2]) -> e[batch, 2] = v |> dense(2)
train net on pairs {
    gap[n]    = sum[i] (net(a)[n, i] - net(b)[n, i])^2
    loss      = mean[n] (gap[n] if same[n] else max(0, 1 - gap[n]))
    optimizer = sgd(1e-2)
    epochs    = 1
    predict   = [gap, same = gap < 0.5]
}
END_NN
printf 'a0,a1,b0,b1,same\n0,1,0,1,yes\n1,0,0,1,no\n' >pairs.csv
"$NNC" build pairs.nn --blas none && ./pairs --quiet && [ "$(./pairs predict --data pairs.csv | sed -n 2p)" = 0,1 ] || fail "pairs: $(./pairs predict --data pairs.csv)"

# ---- labels: the class of each element, by the last dimension alone ----
cat >steps.nn <<'END_NN'
data steps = csv("steps.csv") {
    x[2] = columns("a", "b")
    t[2] = class(columns("t", "u"), 3)
}

model net(x[batch, 2]) -> y[batch, 2, 3] {
    param w = 10
    y[n, i, k] = w * ((k == 0) * (x[n, i] < 1) + (k == 2) * (x[n, i] > 1))
}

train net on steps {
    loss      = cross_entropy(y, t)
    optimizer = sgd(1e-3)
    epochs    = 1
}
END_NN
printf 'a,b,t,u\n0,2,none,two\n5,0,two,none\n1,1,one,one\n' >steps.csv
"$NNC" build steps.nn && ./steps --quiet && ./steps predict --labels --data steps.csv >labels
# where no logit is larger than the others, the first class it is: in the order of the bytes
[ "$(cat labels)" = "$(printf 'label_0,label_1\nnone,two\ntwo,none\nnone,none')" ] || fail "labels: $(cat labels)"

# ---- the object: fields that the columns read are its inputs, what is carried is the caller's ----
"$NNC" build less.nn --emit obj --blas none -o less.o || exit 1
cat >host.c <<'END_C'
#include "less.h"
int main(void) {
    less *m = less_create(0);
    float x[2] = {0.5f, 0.25f}, own = 0, room[2], area, sure, y;
    int32_t kind = 1, guess;
    if (!m || less_load(m, "texts/weights.safetensors")) return 1;
    if (less_predict(m, x, &kind, &own, 1, room, &area, &guess, &sure, &y)) return 2;
    less_destroy(m);
    return guess == 1 && area > 49 && area < 51 && room[1] > 2.24 && room[1] < 2.26 ? 0 : 3;
}
END_C
gcc -I. host.c less.o "$BUILD"/libnn.a -lm -o host && ./host || fail "the object: $?, $(grep less_predict less.h)"
exit $bad
