#!/bin/bash
# Fields of every type (number, int, class, class of texts, condition) from every reader, in every split, stratified by what can
# stratify, in the loss, in settings of it and in metrics, as inputs of the model: the same rows give the same numbers whoever reads
# them, what lies outside a field's type is an error, and under sanitizers no byte is touched that is not the field's.
# Here each reader meets some splits; with EVERY set (tests/slow/every_field.sh) all of them.
set -u
. "$ROOT/tests/support/command.sh"
mkdir -p every && cd every || exit 1

# ---- the rows, for each reader ----
awk 'BEGIN { for (i = 0; i < 60; i++) print (i * 7) % 41, (i * i) % 37, (i * 5) % 6, (i * i + int(i / 7)) % 3,
    (i * 11) % 7 % 3, i % 5 == 0, (i * 3) % 16 }' >rows
awk 'BEGIN { split("blue green red", name); print "a,b,n,k,name,on,y" }
    { printf "%d,%d,%d,%d,%s,%d,%d\n", $1, $2, $3, $4, name[$5 + 1], $6, $7 }' rows >d.csv
awk 'BEGIN { print "x_0,x_1,n,c,b" } { printf "%g,%g,%d,%d,%d\n", $1 / 4, $2 / 4, $3, $5, $6 }' rows >inputs.csv
list() { awk -v p="$1" -v w="$2" '{ s = $p; if (w > 1) s = "[" $p ", " $(p + 1) "]"; all = all (NR > 1 ? ", " : "") s } END { print "[" all "]" }' rows; }
bytes() { printf "$(awk -v p="$1" -v w="$2" '{ for (i = 0; i < w; i++) printf "\\%03o", $(p + i) }' rows)"; }
for field in x:1:2 n:3:1 k:4:1 c:5:1 b:6:1 y:7:1; do
    IFS=: read -r field place width <<<"$field"
    [ $width = 2 ] && shape='60, 2' || shape='60,'
    { printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': ($shape), }"; bytes $place $width; } >$field.npy
    { [ $width = 2 ] && printf '\0\0\x08\x02\0\0\0\x3c\0\0\0\x02' || printf '\0\0\x08\x01\0\0\0\x3c'; bytes $place $width; } >$field.idx
done
fields() { # READER
    case $1 in
    csv) set -- csv 'columns(0 .. 1)' 'column("n")' 'column("k")' 'column("name")' 'column("on")' 'column("y")' ;;
    table) set -- table "$(list 1 2)" "$(list 3 1)" "$(list 4 1)" "$(list 5 1)" "$(list 6 1)" "$(list 7 1)" ;;
    *) set -- "$1" "file(\"x.$1\")" "file(\"n.$1\")" "file(\"k.$1\")" "file(\"c.$1\")" "file(\"b.$1\")" "file(\"y.$1\")" ;;
    esac
    printf '    %s\n' "x[2] = $2 / 4" "n = int($3, 6)" "k = class($4, 3)" "c = class($5, 3)" "b = $6 == 1" "y = $7 / 8"
}
program() { # READER SPLIT
    local source=$1
    [ $source = csv ] && source='csv("d.csv")'
    { echo "data d = $source {"; fields "$1"
      if [ "$2" = parts ]; then echo '    test {'; fields "$1"; echo '    }'; elif [ "$2" != none ]; then echo "    split = $2"; fi
      cat <<'END'
}
model net(x[batch, 2], n[batch]: int, c[batch]: class, b[batch]: bool) -> logits[batch, 3] {
    param place[6, 3] = 0.1
    param group[3, 3] = 0.2
    score        = x |> dense(3)
    logits[i, j] = score[i, j] + place[n[i], j] + (group[c[i], j] if b[i] else 0)
}
metric share(b[i]: bool) = mean[i] (1 if b[i] else 0)
metric amount(n[i]: int) = mean[i] n[i]
train net on d {
    loss      = cross_entropy(logits, k, weight = y + (1 if b else 0))
    optimizer = adam(1e-2)
    metrics   = [accuracy(logits, k), confusion(logits, k), share(b), amount(n), mae(y, x[:, 0])]
    batch     = 16
    epochs    = 2
}
END
    } >t.nn
    rm -rf t.run
    "$NNC" build t.nn --blas none || { fail "$1 with $2 does not build"; return 1; }
}
run() { # READER SPLIT: everything a trainer prints of it
    program "$1" "$2" || return
    local fold='' part
    [[ $2 == folds* ]] && fold='--fold 1'
    ./t train --quiet $fold || fail "$1 with $2 does not train"
    ./t train --resume --epochs 3 --quiet $fold || fail "$1 with $2 does not resume"
    for part in train test validation; do
        ./t data --part $part $fold && ./t eval --part $part $fold
    done
    if [ "$1" = csv ]; then ./t predict $fold --data d.csv; else ./t predict $fold <inputs.csv; fi
} 2>said

splits=('none' 'random(test = 20%, validation = 10%, stratify = b)' 'folds(4, stratify = c)' 'random(test = 5%)' 'ordered(test = 10%, validation = 25%)'
    'random(test = 30%, stratify = k)' 'folds(3, stratify = b)' 'folds(60)' 'random(test = 1%, stratify = c)' 'parts')
for i in "${!splits[@]}"; do
    split=${splits[i]} readers=(csv table npy idx)
    [ "$split" = parts ] && readers=(table npy idx)
    # Of the fast test: two readers for each of the first splits, each reader twice.
    [ -n "${EVERY:-}" ] || readers=("${readers[i % ${#readers[@]}]}" "${readers[(i + 1) % ${#readers[@]}]}")
    [ -n "${EVERY:-}" ] || [ $i -lt 4 ] || continue
    for reader in "${readers[@]}"; do
        run $reader "$split" >$reader.out
        grep -v '^error: the data have no\|^error: the test part has no rows\|^warning: the test part has no rows' said && bad=1
        [ "$(wc -l <$reader.out)" -gt 120 ] || fail "$reader with $split printed $(wc -l <$reader.out) lines"
        cmp ${readers[0]}.out $reader.out || fail "$reader and ${readers[0]} with $split: other numbers"
    done
done

# ---- what lies outside a type ----
expect() { # PATTERN COMMAND...
    local pattern=$1 out status
    shift
    out=$("$@" 2>&1)
    status=$?
    [ $status -eq 4 ] && grep -qE "$pattern" <<<"$out" || { fail "exit $status for 4, wanted /$pattern/: $*"; head -n 3 <<<"$out"; }
}
program csv 'random(test = 20%, stratify = b)'
for cell in 3:6 3:-1 3:2.5 3:1e300 3:-1e-300 4:3 4:-1 4:1e10 5: 7:word 1:inf; do
    awk -F, -v OFS=, -v at="${cell%%:*}" -v value="${cell#*:}" 'NR == 9 { $at = value } 1' d.csv >wrong.csv
    expect 'wrong.csv:9' ./t train --data wrong.csv --out wrong --quiet
done
for cell in 4:red 5:black; do # a fourth class
    awk -F, -v OFS=, -v at="${cell%%:*}" -v value="${cell#*:}" 'NR == 9 { $at = value } 1' d.csv >wrong.csv
    expect 'expected 3 classes in field .*, found 4' ./t train --data wrong.csv --out wrong --quiet
done
sed 's/,blue,/,red,/' d.csv >wrong.csv
expect 'expected 3 classes in field c, found 2: "green", "red"' ./t train --data wrong.csv --out wrong --quiet
program npy 'folds(4, stratify = c)'
cp n.npy kept.npy && printf '\x06' | dd of=n.npy bs=1 seek=150 conv=notrunc status=none
expect 'n.npy: row 22 .*: expected a whole number 0 .. 5' ./t train --out wrong --quiet
mv kept.npy n.npy
./t train --quiet --fold 0 2>said || fail "$(cat said)"
for cell in 3:6 3:-1 4:3 4:-1 4:0.5 5:2 5:-1 5:1e300; do
    awk -F, -v OFS=, -v at="${cell%%:*}" -v value="${cell#*:}" 'NR == 9 { $at = value } 1' inputs.csv >wrong.csv
    expect 'standard input:9: expected a whole number' bash -c './t predict --fold 0 <wrong.csv'
done
exit $bad
