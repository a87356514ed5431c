# 10 000 single-token mutations of the examples for each of ten seeds, each through all of `nnc check`: none ends the compiler, of the
# wrong ones at least 97 % get exactly one message, none more than three, at least 95 % one within a line of the mutation.
set -u
bad=0
for seed in $(seq "${SEEDS:-10}"); do
    "$BUILD/tests/mutate" --count 10000 --seed "$seed" --show 20 "$ROOT"/examples/*/*.nn >out || { echo "seed $seed"; cat out; bad=1; }
done
exit $bad
