# The cost model's order against the clock: over all programs that compile, what it calls dearer takes longer. Rank correlations of
# estimated and measured cycles, of the kernels of 200 cycles and more: of all together, and of each program with twenty or more.
set -u
: >all
for model in "$ROOT"/tests/models/*.nn "$ROOT"/bench/*.nn "$ROOT"/examples/*/*.nn; do
    "$NNC" check "$model" >/dev/null 2>&1 || { echo "$model does not check"; exit 1; }
    "$NNC" explain "$model" --time --blas none >table 2>said
    status=$?
    [ $status -eq 0 ] || { echo "explain --time $model: exit $status"; cat said; exit 1; }
    sed -n '/^# time/,$p' table | awk -v m="$(basename "$model" .nn)" '/^ *[0-9]+ / && ($2 >= 200 || $3 >= 200) {print $2, $3, m "." $1}' >>all
done
correlation() { # of the two columns of a file
    sort -g -k1,1 "$1" | awk '{print NR, $0}' | sort -g -k3,3 |
        awk '{d = $1 - NR; s += d * d} END {print NR < 2 ? 1 : 1 - 6 * s / (NR * (NR * NR - 1))}'
}
bad=0
all=$(correlation all)
echo "all $(wc -l <all) kernels: $all"
awk -v r="$all" 'BEGIN {exit !(r >= 0.93)}' || bad=1
for model in $(cut -d' ' -f3 all | cut -d. -f1 | sort -u); do
    grep -E " $model\.[0-9]+$" all >one
    [ "$(wc -l <one)" -ge 20 ] || continue
    r=$(correlation one)
    awk -v r="$r" 'BEGIN {exit !(r >= 0.8)}' || { echo "$model: $r"; bad=1; }
done
[ "$(wc -l <all)" -ge 300 ] || { echo "few kernels were measured"; bad=1; }
exit $bad
