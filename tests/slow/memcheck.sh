# Trainers under valgrind, with what nnc generates (for x86-64-v3, which valgrind knows): every command reads only what was written, and
# leaves no memory behind.
set -u
. "$ROOT/tests/support/command.sh"
. "$ROOT/tests/support/models.sh"
command -v valgrind >/dev/null || { echo "valgrind is not installed"; exit 1; }
count=0
check() { # COMMAND...
    valgrind -q --error-exitcode=77 --leak-check=full --errors-for-leak-kinds=definite,possible "$@" >out.txt 2>said.txt
    local status=$?
    ! grep -q '^==[0-9]*==' said.txt && [ $status = 0 ] || fail "$*: exit $status: $(grep -m 20 '^==' said.txt || tail -n 3 said.txt)"
    count=$((count + 1))
}
train() { # PROGRAM DATA STEPS [OPTION...]
    local data="--data data/$2"
    [[ " ${MODELS:-focal gru_tagger gan lenet logistic_regression matrix_factorization translate word2vec} " == *" $1 "* ]] || return 0
    "$NNC" build "$ROOT/tests/models/$1.nn" --cpu x86-64-v3 || exit 1
    check ./"$1" $data --threads 2 --steps 4 --checkpoint 3 --out run --log log.csv --report --tensorboard --quiet "${@:4}"
    check ./"$1" $data --threads 2 --steps 6 --resume --out run --log log.csv --quiet
    check ./"$1" eval $data --out run
    check ./"$1" history run
    rm -rf run log.csv
}
each_model
echo "$count commands, no finding"
exit $bad
