# A few hundred single-token mutations of the examples and of all models: one message each, near the mutation (tests/fuzz/mutate.c
# says what is counted; tests/slow/mutations.sh makes many).
set -u
"$BUILD/tests/mutate" --count 600 --seed "${SEED:-1}" --show 5 "$ROOT"/examples/*/*.nn >out || { cat out; exit 1; }
"$BUILD/tests/mutate" --count 300 --seed "${SEED:-1}" --show 5 "$ROOT"/tests/models/*.nn >out || { cat out; exit 1; }
