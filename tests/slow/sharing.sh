#!/bin/bash
# What it costs to share two cores, as medians of nine rounds in turn: two trainers side by side at most 2.4 times one alone,
# a busy neighbour at most 2.2, eight threads at most 3. One on each of two cores leaves a thread two thirds of a core: at most 3.3.
# Needs a machine that does nothing else. For small steps (digits) and for large ones (784-512-512-10).
set -u
two=$(taskset -cp $$ | sed 's/.*: *//; s/-/,/' | cut -d, -f1,2)
cp "$ROOT"/examples/digits/digits.csv "$ROOT"/bench/w4.nn .
sed '/stop *=/d' "$ROOT/examples/digits/digits.nn" >digits.nn
"$NNC" build digits.nn && "$NNC" build w4.nn || exit 1
train() { # NAME THREADS OUT: seconds
    local start=$(date +%s%N)
    taskset -c "$two" ./$1 --steps "$steps" --threads "$2" --out "$3" --quiet 2>/dev/null || exit 1
    echo "$(date +%s%N) $start" | awk '{print ($1 - $2) / 1e9}'
}
busy() { taskset -c "$1" bash -c 'while :; do :; done' & neighbours+=($!); }
leave() { kill "${neighbours[@]}"; wait "${neighbours[@]}" 2>/dev/null; neighbours=(); }
neighbours=()
bad=0
for name in digits w4; do
    steps=40000
    [ $name = digits ] || steps=400
    rm -f alone together one each eight
    for _ in 1 2 3 4 5 6 7 8 9; do
        train $name 2 a >>alone
        train $name 2 a >side.a & train $name 2 b >side.b && wait
        sort -n side.a side.b | tail -n 1 >>together
        busy "${two%,*}"; train $name 2 a >>one; leave
        busy "${two%,*}"; busy "${two#*,}"; train $name 2 a >>each; leave
        train $name 8 a >>eight
    done
    quiet=$(sort -n alone | sed -n 5p)
    for what in together:2.4 one:2.2 each:3.3 eight:3; do
        ratio=$(sort -n ${what%:*} | sed -n 5p | awk -v q="$quiet" '{printf "%.2f", $1 / q}')
        echo "$name ${what%:*}: $ratio times $quiet s, at most ${what#*:}"
        awk "BEGIN {exit !($ratio <= ${what#*:})}" || bad=1
    done
done
[ $bad = 0 ] || exit 1
