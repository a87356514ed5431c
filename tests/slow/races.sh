# The runtime under the thread sanitizer: trainers of several threads train, save, are stopped and resumed, evaluate, predict and load data, and
# nothing races. Needs clang-19 and libclang-rt-19-dev. What nnc generates is not instrumented; what threads wait for is the runtime's.
set -u
fail() { echo "$*"; exit 1; }
work=${RACES_BUILD:-$PWD/build}
command -v clang-19 >/dev/null || fail "clang-19 is not installed"
cmake -S "$ROOT" -B "$work" -G Ninja -DCMAKE_C_COMPILER=clang-19 -DCMAKE_C_FLAGS="-fsanitize=thread -g -O1" -DNN_TESTS=OFF -DCMAKE_BUILD_TYPE=None >cmake.log &&
    cmake --build "$work" --target nn $(cd "$BUILD" && ls libnn-*.a | sed 's/libnn-\(.*\)\.a/nn_\1/') >>cmake.log 2>&1 || { tail -n 20 cmake.log; exit 1; }
# An nnc that links the sanitized runtime.
mkdir -p bin && cp "$NNC" "$work"/libnn*.a . && printf '#!/bin/sh\nexec clang-19 -fsanitize=thread "$@"\n' >bin/cc && chmod +x bin/cc || exit 1
nnc=$PWD/nnc
PATH=$PWD/bin:$PATH
. "$ROOT/tests/support/models.sh"
export TSAN_OPTIONS="halt_on_error=0 exitcode=66"
count=0
run() { # COMMAND...
    "$@" >out.txt 2>said.txt
    local status=$?
    ! grep -q 'WARNING: ThreadSanitizer' said.txt || fail "$*: $(grep -A25 'WARNING: ThreadSanitizer' said.txt | head -n 60)"
    [ $status = 0 ] || fail "$*: exit $status: $(tail -n 3 said.txt)"
    count=$((count + 1))
}
train() { # PROGRAM DATA STEPS [OPTION...]
    local file=$ROOT/tests/models/$1.nn data=data/$2
    [[ " ${MODELS:-lenet gru_tagger gpt matrix_factorization word2vec gan translate} " == *" $1 "* ]] || return 0
    "$nnc" build "$file" || exit 1
    run ./"$1" --data "$data" --threads 4 --steps "$3" --checkpoint 3 --out run --log log.jsonl --report --tensorboard --quiet "${@:4}"
    run ./"$1" --data "$data" --threads 3 --steps $(($3 + 3)) --resume --out run --log log.jsonl --quiet
    run ./"$1" eval --data "$data" --threads 4 --out run
    rm -rf run log.jsonl
}
each_model
# A signal while it trains.
"$nnc" build "$ROOT/examples/digits/digits.nn" || exit 1
./digits --data "$ROOT/examples/digits" --threads 4 --epochs 1000000 --checkpoint 10 --out run --quiet --set lr.peak=1e-9 >out.txt 2>said.txt &
sleep 5
kill -TERM $!
wait $!
status=$?
! grep -q 'WARNING: ThreadSanitizer' said.txt || fail "a signal: $(grep -A25 'WARNING: ThreadSanitizer' said.txt | head -n 60)"
[ $status = 143 ] || [ $status = 0 ] || fail "a signal: exit $status"
echo "$count commands, no race"
