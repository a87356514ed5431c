#!/bin/bash
# The programs of tests/models that need nothing beyond what can be compiled: each is built and trained for a few steps on drawn
# data (tests/models/sample.c), and its loss stays finite and falls. All others are refused with one message.
set -u
fail() { echo "$*"; exit 1; }
mkdir -p models && cd models || exit 1
gcc -std=c17 -O2 -Wall -Wextra -Werror "$ROOT/tests/models/sample.c" -o sample || exit 1

images() { # FOLDER ROWS: what the programs of handwritten digits read
    mkdir -p "data/$1"
    ./sample idx u1 10 "$2" 28 28 | gzip -1 >"data/$1/train-images-idx3-ubyte.gz"
    ./sample idx i4 10 "$2" | gzip -1 >"data/$1/train-labels-idx1-ubyte.gz"
    ln -f "data/$1/train-images-idx3-ubyte.gz" "data/$1/t10k-images-idx3-ubyte.gz"
    ln -f "data/$1/train-labels-idx1-ubyte.gz" "data/$1/t10k-labels-idx1-ubyte.gz"
}
npy() { # FOLDER NAME TYPE SORTS ROWS [DIMENSION...]
    mkdir -p "data/$1"
    ./sample npy "${@:3}" >"data/$1/$2.npy"
}
csv() { # FOLDER NAME ROWS NUMBERS COLUMN...
    mkdir -p "data/$1"
    ./sample csv 10 "${@:3}" >"data/$1/$2.csv"
}

images digits 640
csv focal claims 400 29 kind:3
csv linear_regression houses 400 13 price:0
csv matrix_factorization ratings 3000 0 user:943 film:1682 stars:0
csv folds wine 150 14 class:3
csv quantiles demand 400 12 sold:0
npy multi_task images u1 7 200 28 28
npy multi_task digits i4 7 200
npy multi_task angles f4 7 200
npy neural_ode start f4 7 200 2
npy neural_ode end f4 7 200 2
npy graph features f4 7 300 1433
npy graph adjacency block 7 300 300
npy graph labels i4 7 300
npy graph train_mask mask 7 300
npy graph test_mask mask 7 300
npy siamese anchor u1 7 40 64 64
npy siamese same u1 7 40 64 64
npy siamese other u1 5 40 64 64
npy unet images u1 7 20 128 128
npy unet masks mask 7 20 128 128
for part in train test; do
    npy resnet20 ${part}_images u1 7 128 32 32 3
    npy resnet20 ${part}_labels i4 7 128
done
npy vit images u1 7 142 32 32 3
npy vit labels i4 7 142

# Built, with further options; trained by PROGRAM DATA STEPS; its losses are numbers, and the last quarter's are below the first's.
trained=
train() {
    local name=$1 data=$2 steps=$3
    trained="$trained $name "
    "$NNC" build "${@:4}" "$ROOT/tests/models/$name.nn" || fail "$name is not built"
    ./"$name" --data "data/$data" --steps "$steps" --log "$name.jsonl" --out "$name.run" --quiet || fail "$name does not train"
    sed -n 's/.*"event": "step".*"loss": \([^,}]*\).*/\1/p' "$name.jsonl" | awk -v name="$name" -v steps="$steps" '
        $1 !~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ {print name ": a loss of " $1; wrong = 1}
        {loss[NR] = $1}
        END {
            n = int((NR + 3) / 4)
            for (i = 1; i <= n; i++) {first += loss[i] / n; last += loss[NR + 1 - i] / n}
            if (NR < 2 || NR > steps || !(last < first)) {print name ": " NR " steps, the loss goes from " first " to " last; wrong = 1}
            exit wrong
        }' || exit 1
}

train autoencoder digits 60
train experts digits 40
train focal focal 40
train graph graph 20 --set nodes=300
train keras_regression . 60
train lenet digits 40
train linear_regression linear_regression 50
train matrix_factorization matrix_factorization 30
train mnist_mlp digits 40
train multi_task multi_task 30
train names . 10
train neural_ode neural_ode 60
train neuron . 200
train own_optimizer . 100
train quantiles quantiles 60
train resnet20 resnet20 4
train siamese siamese 6
train unet unet 3
train vae digits 30
train vit vit 4
train xor . 200

# A model that is called in the block has nothing to predict from, neither in the trainer nor in an object.
train called . 60
./called predict </dev/null >out.txt 2>&1 && fail "called predicts"
grep -q 'nothing to predict' out.txt || fail "called: $(cat out.txt)"
"$NNC" summary "$ROOT/tests/models/called.nn" | grep -q 'denoise.dense_1 .* [1-9][0-9]*$' || fail "called: operations of a layer"
"$NNC" build --emit obj "$ROOT/tests/models/called.nn" && ! grep -q called_predict called.h || fail "called: the header"
gcc -std=c99 -Wall -Wextra -Werror -fsyntax-only -x c called.h || fail "called: the header does not compile"
rm called.o called.h

"$NNC" build "$ROOT/tests/models/folds.nn" && ./folds --data data/folds --epochs 2 --out folds.run >folds.txt 2>&1 || fail "folds"
[ "$(ls folds.run)" = "$(printf 'fold_%d\n' 0 1 2 3 4)" ] || fail "folds: not five of them"
grep -q '^test.accuracy: mean [01].*, deviation .* over 5 folds' folds.txt || { cat folds.txt; fail "folds: no mean"; }
trained="$trained folds "

# All others: one message, whatever is asked for, and nothing is left behind.
for file in "$ROOT"/tests/models/*.nn; do
    name=$(basename "$file" .nn)
    [[ $trained == *" $name "* ]] && continue
    for command in build run gradcheck; do
        "$NNC" $command "$file" >out.txt 2>&1 && fail "$command $name: accepted"
        [ "$(grep -c ': error: ' out.txt)" = 1 ] && [ "$(grep -c 'cannot be compiled yet' out.txt)" = 1 ] && [ ! -e "$name" ] ||
            { cat out.txt; fail "$command $name: one message is expected"; }
    done
done
