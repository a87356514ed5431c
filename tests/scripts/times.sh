# `explain --time`: every kernel of the step has a row with both columns, in every example; the whole takes what its parts take.
set -u
for model in "$ROOT"/examples/*/*.nn; do
    "$NNC" explain "$model" --time >table 2>said || { echo "$model: exit $?"; cat said; exit 1; }
    kernels=$(sed -n 's/^function step: \([0-9]*\) kernels.*/\1/p' table)
    rows=$(sed -n '/^# time/,$p' table | grep -cE '^ *[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+\.[0-9]+  [a-z]')
    [ "$kernels" = "$rows" ] || { echo "$model: $kernels kernels, $rows rows"; exit 1; }
    awk '$1 == "sum" {sum = $3} $1 == "step" {step = $3} END {exit !(step > 0 && sum < 4 * step + 2000 && step < 4 * sum + 2000)}' table ||
        { echo "$model: the step is not the sum of its kernels"; grep -E '^ *(sum|step) ' table; exit 1; }
    grep -qE '^# rank correlation .* [01]\.[0-9]+ over '"$kernels"' kernels' table || { echo "$model: no order"; exit 1; }
done
