#!/bin/bash
# Fields made of fields: equations, reductions, calls and integer reads of one row, from every source, in the block and in
# its parts. What `data` prints is compared with what awk computes of x and label in the same row.
set -u
bad=0
mkdir -p fields && cd fields || exit 1

cat >derived <<'END'
    y            = sum[i] x[i]
    z[i]         = x[i] * 2
    norm         = sqrt(sum[i] x[i]^2)
    two          = x[0] + x[1]
    all          = sum(x)
    p[3]         = softmax(x)
    o[i, j]      = x[i] * z[j] - p[j]
    turned[j, i] = o[i, j]
    code[k < 4]  = 10 * k + 5
    at           = code[label]
    hot[k < 4]   = 1 if label == k else 0
    big          = x[1] > x[0] and not label == 2
    above[i]     = x[i] > 0.5
    best         = class(argmax(x), 3)
    most         = x[best]
    next         = int(mod(label + 1, 4), 4)
    later[k < 3] = code[mod(next + k, 4)] if k < 2 else x[k]
    up[i < 3]    = x[i + 1] if i < 2 else x[i - 2]
    pairs[6]     = interleaved(x, z)
    s[3]         = standardize(z)
    double[i]    = standardize(x)[i] + minmax(z)[i]
END
model='fn interleaved(a[n], b[n]) -> y[2 * n] {
    y[2 * i]     = a[i]
    y[2 * i + 1] = b[i]
}
model m(p[batch, 3], hot[batch, 4]) -> out[batch] {
    param w[3] = 1
    out[n] = (sum[i] w[i] * p[n, i]) + (sum[c] c * hot[n, c])
}
train m on d {
    loss      = mse(out, norm)
    optimizer = sgd(0.01)
    epochs    = 2
    batch     = 3
}'

# SOURCE, the lines of x and label, and the parts: a trainer called t.
build() {
    { echo "data d = $1 {"; echo "$2"; cat derived; echo "$3"; echo "}"; echo "$model"; } >t.nn
    rm -rf t.run
    "$NNC" build t.nn --blas none && ./t train --quiet || { echo "FAIL fields of $1"; cat t.nn; exit 1; }
}

# WHAT TRAINING ROWS: the statistics are those of the rows in TRAINING.
same() {
    awk -F, -v what="$1" '
        function put(name, value) { want[name] = value; asked++ }
        function at(name) { return $column[name] }
        FNR == 1 { file++; split("", column); for (i = 1; i <= NF; i++) column[$i] = i; next }
        file == 1 { n++; for (i = 0; i < 3; i++) { v = at("x_" i); sum[i] += v; square[i] += v * v
            if (n == 1 || v < low[i]) low[i] = v; if (n == 1 || v > high[i]) high[i] = v }; next }
        { rows++; split("", want); total = whole = length2 = best = 0; label = at("label")
          for (i = 0; i < 3; i++) { x[i] = at("x_" i); total += x[i]; whole += exp(x[i]); length2 += x[i]^2
              if (x[i] > x[best]) best = i }
          put("y", total); put("all", total); put("norm", sqrt(length2)); put("two", x[0] + x[1])
          put("at", 10 * label + 5); put("big", x[1] > x[0] && label != 2); put("best", best); put("most", x[best])
          put("next", (label + 1) % 4)
          for (k = 0; k < 4; k++) { put("code_" k, 10 * k + 5); put("hot_" k, k == label) }
          for (k = 0; k < 3; k++) put("later_" k, k < 2 ? 10 * ((label + 1 + k) % 4) + 5 : x[k])
          for (i = 0; i < 3; i++) { put("z_" i, 2 * x[i]); put("p_" i, exp(x[i]) / whole); put("above_" i, x[i] > 0.5)
              put("pairs_" 2 * i, x[i]); put("pairs_" 2 * i + 1, 2 * x[i])
              put("up_" i, x[(i + 1) % 3]); mean = sum[i] / n; deviation = sqrt(square[i] / n - mean^2)
              put("s_" i, (x[i] - mean) / deviation)
              put("double_" i, (x[i] - mean) / deviation + (x[i] - low[i]) / (high[i] - low[i]))
              for (j = 0; j < 3; j++) { v = 2 * x[i] * x[j] - exp(x[j]) / whole; put("o_" 3 * i + j, v); put("turned_" 3 * j + i, v) } }
          for (name in want) { d = at(name) - want[name]
              if (!(name in column) || d > 1e-5 + 1e-5 * want[name]^2 || -d > 1e-5 + 1e-5 * want[name]^2) {
                  print what ", row " rows ": " name " is " at(name) ", not " want[name]; wrong = 1 } } }
        END { if (!rows || asked < 50 * rows) { print what ": no rows"; wrong = 1 }; exit wrong }' "$2" "$3" || bad=1
}
rows() { # WHAT NUMBER
    ./t data >train.csv && [[ $(wc -l <train.csv) -eq $(($2 + 1)) ]] || { echo "FAIL rows of $1"; bad=1; }
    same "$1" train.csv train.csv
}

build 'synthetic(70)' '    x[3] = normal(0, 1)
    label = int(integer(0, 3), 4)' ''
rows synthetic 70

build table '    x[3] = [[0.5, -1, 2], [1, 0.25, 0.125], [-3, 4, 0.75], [2, 2.5, 1], [0, 1, 3]]
    label = int([3, 0, 1, 2, 3], 4)' ''
rows table 5

awk 'BEGIN { print "label,a,b,c,d"; for (i = 0; i < 9; i++) print i % 4 "," i / 4 - 1 "," (i * 7) % 5 "," 3 - (i * i) % 7 ",0" }' >t.csv
build 'csv("t.csv")' '    x[3] = columns(1 .. 3) / 2
    label = int(column("label"), 4)
    spare = column("d")' '    split = ordered(test = 30%)'
rows csv 6
./t data --part test >test.csv
same 'the test part of csv' train.csv test.csv

# Inputs of the model may be made of fields that are none: a prediction reads their columns, and no others. With the
# initial weights the result is 1 + label.
./t train --epochs 0 --quiet
cut -d, -f1-4 t.csv >inputs.csv
./t predict --data inputs.csv >out.csv
paste -d, out.csv inputs.csv | awk -F, 'NR > 1 && ($1 - 1 - $2)^2 > 1e-10 { print "predicted: " $0; bad = 1 } END { exit bad || NR != 10 }' ||
    { echo "FAIL predictions"; bad=1; }

npy() { # TYPE SHAPE, values on standard input: NPY 1.0, bytes written by printf
    local header="{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header"
    local byte
    while read -r byte; do printf "\\x$(printf %02x "$byte")"; done
}
awk 'BEGIN { for (i = 0; i < 21; i++) print (i * 5) % 11 }' | npy '|u1' '7, 3' >x.npy
awk 'BEGIN { for (i = 0; i < 7; i++) print (i * 3) % 4 }' | npy '|u1' '7,' >label.npy
awk 'BEGIN { for (i = 0; i < 6; i++) print (i * i) % 7 }' | npy '|u1' '2, 3' >u.npy
awk 'BEGIN { for (i = 0; i < 2; i++) print i + 2 }' | npy '|u1' '2,' >v.npy
part="    test {
        x     = file(\"u.npy\") / 8
        label = int(file(\"v.npy\"), 4)
$(sed 's/^/    /; s/p\[3\]/p/' derived)
    }"
build npy '    x[3] = file("x.npy") / 8
    label = int(file("label.npy"), 4)' "$part"
rows npy 7
./t data --part test >test.csv
same 'the test part of npy' train.csv test.csv

for file in x:3 label: u:3 v:; do # the same bytes as IDX: two zero bytes, the type, the rank, the sizes
    name=${file%%:*} width=${file#*:}
    size=$(($(wc -c <$name.npy) - 128))
    { [[ -n $width ]] && printf '\x00\x00\x08\x02\x00\x00\x00'"\\x0$((size / width))"'\x00\x00\x00\x03' ||
        printf '\x00\x00\x08\x01\x00\x00\x00'"\\x0$size"; tail -c $size $name.npy; } >$name-idx
done
build idx '    x[3] = file("x-idx") / 8
    label = int(file("label-idx"), 4)' "$(sed 's/\.npy/-idx/' <<<"$part")"
rows idx 7
cp train.csv idx.csv
./t data --part test >test.csv
same 'the test part of idx' idx.csv test.csv

# What is calculated for an index is looked at by the runtime before anything is trained; the draws of a row are its own,
# in whatever block of rows it stands.
cat >t.nn <<END
data d = synthetic(130) {
    p[3]   = uniform(0, 1) + 0
    e[i]   = p[i] + uniform(0, 1)
    f[3]   = rectified(p)
    hot[4] = 1
    norm   = sum(e)
}
fn rectified(x[n]) -> y[n] {
    noise[i < n] = uniform(-1, 1)
    y[i] = noise[i] + 2 * x[i]
}
$model
END
"$NNC" build t.nn --blas none && ./t data >train.csv || bad=1
awk -F, 'NR > 1 { for (i = 1; i <= NF; i++) if ($i != 1 && seen[$i]++) { print "twice: " $i; bad = 1 }; rows++
    for (i = 1; i <= 3; i++) { d = $(i + 3) - $i; f = $(i + 6) - 2 * $i; if (d < 0 || d >= 1 || f < -1 || f >= 1) { print "row " rows ": " $0; bad = 1 } } }
    END { if (rows != 130) { print rows " rows"; bad = 1 }; exit bad }' train.csv || bad=1
exit $bad
