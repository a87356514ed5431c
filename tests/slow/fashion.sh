# What the README of fashion promises: mean test accuracy of 0.88 or more after ten epochs, over five seeds. Needs Debian's
# package dataset-fashion-mnist, or DATA with the same files.
set -u
data=${DATA:-/usr/share/datasets/fashion-mnist}
mkdir -p fashion && cd fashion
"$NNC" build "$ROOT/examples/fashion/fashion.nn" || exit 1
for seed in 0 1 2 3 4; do
    ./fashion --data "$data" --seed $seed --out run.$seed --quiet || exit 1
    ./fashion eval --data "$data" --out run.$seed --json || exit 1
done >results
sed -n 's/.*"accuracy": \([0-9.e-]*\).*/\1/p' results |
    awk '{s += $1; n++} END {if (n != 5 || s / n < 0.88) {print "fashion: mean accuracy " s / n " of " n; exit 1}}'
