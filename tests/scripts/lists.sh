# Long lists: an element is a piece of its own, with a loop over what it is computed under and no choice in it; the values are those of
# short lists side by side, in the data block, in the model, and for what is derived.
set -eu
. "$ROOT/tests/support/command.sh"
awk 'BEGIN { for (r = 0; r < 90; r++) { for (k = 0; k < 18; k++) printf "%s%d", k ? "," : "", (r * (k + 3) * 7 + k * k) % 23 - 9; print "" } }' >rows.csv
columns() { seq -f 'column(%.0f)' -s ', ' "$1" "$2"; }
elements() { # FROM TO TIMES
    for k in $(seq "$1" "$2"); do printf '%sx[n, %d] * %d + (%d / 32 if x[n, %d] > -4 else 0)' "$([ "$k" = "$1" ] || echo ', ')" "$k" $((1 + k % 5)) $((k + 1)) $(((k + 7) % 18)); done
}
program() { # DATA MODEL
    printf '%s\n' 'fn most(v[k]) = max[i] v[i]' 'data d = csv("rows.csv", header = false) {' "$1" '    t = column(17)' '}' \
        'model m(x[batch, 18]) -> (y[batch], h[batch]) {' '    param w[18] = normal(0, 1)' "    h[n] = $2" '    y[n] = h[n] * w[0] + sum[i] x[n, i] * w[i]' '}' \
        'train m on d {' '    loss = mse(y, t)' '    optimizer = sgd(1e-5)' '    batch = 16' '    epochs = 2' '    predict = [h, s = grad(h, x)]' '}'
}
program "    x[18] = [$(columns 0 8), column(9) / 3, column(10) > 1, $(columns 11 17)]" "most([$(elements 0 17)])" >long.nn
program "    a[9] = [$(columns 0 8)]
    b[9] = [column(9) / 3, column(10) > 1, $(columns 11 17)]
    x[i < 18] = a[i] if i < 9 else b[i - 9]" "max(most([$(elements 0 8)]), most([$(elements 9 17)]))" >short.nn
for name in long short; do
    "$NNC" build $name.nn
    ./$name --quiet 2>/dev/null
    ./$name predict --data rows.csv >$name.csv
done
./long data | cut -d, -f1-19 | tail -n +2 >long.rows
./short data | cut -d, -f19-37 | tail -n +2 >short.rows
cmp long.rows short.rows && [ "$(wc -l <long.rows)" = 90 ] || fail "another row of a long list"
cmp long.csv short.csv || fail "a long list is predicted and derived otherwise"
"$NNC" build long.nn --dump-after place --stop-after place >long.txt
grep -q 'data.x\[row, 17\] = data.x.raw_18\[row\]' long.txt && ! grep -q 'data.x.*\[row.* if i' long.txt || fail "a list of columns is chosen from: $(grep 'data.x\[' long.txt)"
exit $bad
