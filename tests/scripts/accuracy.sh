# What the examples' READMEs promise: mean test accuracy over five seeds of digits, iris and voyage, and the errors of houses and sunspots; xor stops by its rule.
set -eu
fail() { echo "$*"; exit 1; }
mkdir -p accuracy && cd accuracy
mean() { # NAME DATA FLOOR
    "$NNC" build "$ROOT/examples/$1/$1.nn"
    for seed in 0 1 2 3 4; do
        ./"$1" --data "$ROOT/examples/$1" --seed $seed --out "$1.$seed" --quiet
        ./"$1" eval --data "$ROOT/examples/$1" --out "$1.$seed" --json
    done | sed -n 's/.*accuracy": \([0-9.e-]*\).*/\1/p' |
        awk -v floor="$2" -v name="$1" '{s += $1; n++} END {if (n != 5 || s / n < floor) {print name ": mean accuracy " s / n " of " n; exit 1}}'
}
mean digits 0.97 || fail "digits"
mean iris 0.95 || fail "iris"
mean voyage 0.72 || fail "voyage"
sh "$ROOT/examples/voyage/draw.sh" | cmp - "$ROOT/examples/voyage/voyage.csv" || fail "voyage.csv is not what draw.sh draws"
"$NNC" build "$ROOT/examples/xor/xor.nn"
./xor --quiet --log xor.jsonl
tail -n 1 xor.jsonl | grep -q '"event": "end"' || fail "no end event"
tail -n 1 xor.jsonl | sed 's/.*"step": \([0-9]*\).*/\1/' | awk '$1 >= 2000 {exit 1}' || fail "xor did not stop by its rule"
# Houses: the error as a part of the price.
"$NNC" build "$ROOT/examples/houses/houses.nn"
for seed in 0 1 2 3 4; do
    ./houses --data "$ROOT/examples/houses" --seed $seed --out "houses.$seed" --quiet
    ./houses eval --data "$ROOT/examples/houses" --out "houses.$seed"
done | awk '$1 == "share" { s += $2; n++ } END { if (n != 5 || s / n > 0.085) { print "houses: mean error " s / n " of " n; exit 1 } }' || fail "houses"
"$NNC" build "$ROOT/examples/sunspots/sunspots.nn"
for seed in 0 1 2 3 4; do
    ./sunspots --data "$ROOT/examples/sunspots" --seed $seed --out "sunspots.$seed" --quiet
    ./sunspots eval --data "$ROOT/examples/sunspots" --out "sunspots.$seed"
done | awk '$1 == "off" { s += $2; n++ } $1 == "unchanged" { u = $2 } END { if (n != 5 || s / n > 18 || u < 29.8 || u > 30) { print "sunspots: off by " s / n " of " n ", unchanged " u; exit 1 } }' || fail "sunspots"
sh "$ROOT/examples/houses/draw.sh" | cmp - "$ROOT/examples/houses/houses.csv" || fail "houses.csv is not what draw.sh draws"
# Shapes: pictures that its own program draws.
cc -Wall -Wextra -Werror -O2 "$ROOT/examples/shapes/draw.c" -lm -o draw && ./draw
"$NNC" build "$ROOT/examples/shapes/shapes.nn"
for seed in 0 1 2 3 4; do
    ./shapes --seed $seed --out shapes.$seed --quiet
    ./shapes eval --out shapes.$seed
done | awk '$1 == "accuracy" { s += $2; n++ } END { if (n != 5 || s / n < 0.97) { print "shapes: mean accuracy " s / n " of " n; exit 1 } }' || fail "shapes"
# The story of examples/text: bits a letter of its last tenth.
bits() { # NAME CEILING
    "$NNC" build "$ROOT/examples/text/$1.nn"
    ./"$1" --data "$ROOT/examples/text" --out "$1.text" --quiet
    ./"$1" eval --data "$ROOT/examples/text" --out "$1.text" |
        awk -v ceiling="$2" -v name="$1" '$1 == "bits" {found = 1; if (!($2 < ceiling)) {print name ": " $2 " bits"; exit 1}} END {if (!found) exit 1}' || fail "$1"
    [ "$(./"$1" sample --out "$1.text" --prompt 'The clock' --length 40 --seed 5 | wc -c)" = 50 ] || fail "$1: sample"
}
bits letters 3
bits gpt 3.6
