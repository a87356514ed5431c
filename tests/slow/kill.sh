# Runs of ten programs killed by SIGKILL, again and again, and resumed: the weights and the logs are those of the run that nobody disturbed, to
# the last bit. KILLS (10000) in all; what is whole is a line of done.txt in WORK (./kill), and is not done again. Every second series is
# killed inside saves: at a random call to the system that writes, renames, links or removes (with strace, where it is installed); the others
# at random moments. A checkpoint comes every few steps; every fifth series begins upon a finished run of another seed.
set -u
work=${WORK:-$PWD/kill}
mkdir -p "$work" && touch "$work/done.txt" || exit 1
place=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$PWD")" nn-kill.XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1
. "$ROOT/tests/support/models.sh"
plain() { sed -E 's/"(samples_per_s|time_s)": [^,}]*(, )?//g' "$1"; }

# ---- the programs: each a trainer, the options of its run, what it reads ----
declare -A options
names=()
program() { # NAME FILE OPTION...
    names+=("$1")
    "$NNC" build "$2" -o "$1" || exit 1
    options[$1]="--quiet ${*:3}"
}
sed '/stop *=/d; /checkpoint *=/d; s/^\( *\)loss  *=/\1checkpoint = best(test.loss)\n&/' "$ROOT/examples/digits/digits.nn" >digits.nn
program dense digits.nn --data "$ROOT/examples/digits" --threads 1 --checkpoint 3 --epochs 3
program conv "$ROOT/tests/models/lenet.nn" --data data/digits --threads 2 --checkpoint 2 --steps 24
program lstm "$ROOT/examples/text/letters.nn" --data "$ROOT/examples/text" --threads 1 --checkpoint 2 --steps 30
program attention "$ROOT/tests/models/translate.nn" --threads 2 --checkpoint 3 --steps 40
program tables "$ROOT/tests/models/matrix_factorization.nn" --data data/matrix_factorization --threads 1 --checkpoint 1 --batch 128 --steps 60
program lbfgs "$ROOT/tests/models/logistic_regression.nn" --data data/logistic_regression --threads 1 --checkpoint 1 --steps 30
program several "$ROOT/tests/models/gan.nn" --data data/digits --threads 2 --checkpoint 2 --steps 20
# A csv file of any size is kept with --cache, as a large one is.
mkdir bin && sed 's/LARGE = [^,]*,/LARGE = 1,/' "$ROOT/runtime/data/cache.c" >cache.c && gcc -O1 -D_GNU_SOURCE -I"$ROOT/runtime" -c cache.c || exit 1
printf '#!/bin/sh\nexec %s "%s/cache.o" "$@"\n' "$(command -v cc)" "$PWD" >bin/cc && chmod +x bin/cc
path=$PATH
PATH=$PWD/bin:$PATH
program cache "$ROOT/examples/iris/iris.nn" --data "$ROOT/examples/iris/iris.csv" --cache rows --threads 1 --checkpoint 2 --epochs 20
PATH=$path
cc -O2 "$ROOT/examples/shapes/draw.c" -lm -o draw && ./draw && mkdir few && for kind in pictures/*; do
    mkdir "few/$(basename "$kind")" && for file in $(ls "$kind" | head -n 40); do cp "$kind/$file" "few/$(basename "$kind")"; done
done && rm -r pictures || exit 1
program pictures "$ROOT/examples/shapes/shapes.nn" --data few --threads 1 --checkpoint 1 --epochs 2
program text "$ROOT/tests/models/word2vec.nn" --data data/word2vec --threads 1 --checkpoint 2 --steps 20
declare -A seconds
evaluate() { ./$1 eval $(grep -o -- '--data [^ ]*' <<<"${options[$1]}") --out "$2"; } # NAME FOLDER
for name in "${names[@]}"; do
    start=$(date +%s%N)
    ./$name ${options[$name]} --out whole.$name --log whole.$name.jsonl || { echo "$name does not train"; exit 1; }
    seconds[$name]=$(awk "BEGIN {print ($(date +%s%N) - $start) / 1e9}")
    ./$name ${options[$name]} --seed 3 --out old.$name --log old.$name.jsonl || exit 1
    evaluate $name whole.$name >/dev/null || exit 1
    plain whole.$name/log.jsonl >whole.$name.summary
    plain whole.$name.jsonl >whole.$name.full
    echo "$name: ${seconds[$name]} s"
done

# ---- one series: kills until the run has come to its end by itself, twelve at most ----
calls=(write rename fsync unlink link openat close mmap)
one() { # SERIES NAME: "" or what is wrong
    local k=$1 name=$2 rounds=0 kills=0 resume= run call status
    RANDOM=$k
    rm -rf part part.jsonl* rows
    [ $((k % 5)) != 0 ] || { cp -r "old.$name" part && cp "old.$name.jsonl" part.jsonl; }
    while [ $((rounds++)) -lt 12 ]; do
        run="./$name ${options[$name]} --out part --log part.jsonl $resume"
        if [ $((k % 2)) = 0 ] && command -v strace >/dev/null; then
            call=${calls[$((RANDOM % ${#calls[@]}))]}
            strace -f -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$((1 + RANDOM % 120))" $run 2>note >/dev/null
        else
            $run 2>note >/dev/null &
            sleep "$(awk -v s="${seconds[$name]}" -v r=$RANDOM 'BEGIN {print 0.001 + r / 32768 * s * 0.6}')"
            kill -9 $! 2>/dev/null
            wait $! 2>/dev/null
        fi
        status=$?
        [ $status = 137 ] || break
        kills=$((kills + 1))
        [ ! -f part/weights.safetensors ] || [ $((rounds % 4)) != 0 ] || evaluate "$name" part >/dev/null 2>note || { echo "eval: $(cat note)"; return; }
        # What is there now is another run's until this one has saved.
        if [ -f part/checkpoint.safetensors ] && grep -qa '"option.seed":"0"' part/checkpoint.safetensors; then resume=--resume; fi
    done
    [ $status = 0 ] || [ $status = 137 ] || { echo "exit $status: $(cat note)"; return; }
    [ $status = 0 ] || ./$name ${options[$name]} --out part --log part.jsonl $resume >/dev/null 2>note || { echo "resumed: $(cat note)"; return; }
    cmp -s "whole.$name/weights.safetensors" part/weights.safetensors || { echo "other weights"; return; }
    plain part/log.jsonl | cmp -s - "whole.$name.summary" && plain part.jsonl | cmp -s - "whole.$name.full" || { echo "other logs"; return; }
    ! find part rows -name '*nn-new*' 2>/dev/null | grep -q . || { echo "left behind: $(ls part)"; return; }
    echo "$k $name $kills" >>"$work/done.txt"
}

bad=0
kills() { awk '{s += $3} END {print s + 0}' "$work/done.txt"; }
for ((k = 1; $(kills) < ${KILLS:-10000} && bad < 5; k++)); do
    name=${names[$((k / 2 % ${#names[@]}))]}
    ! grep -q "^$k " "$work/done.txt" || continue
    wrong=$(one $k "$name")
    [ -z "$wrong" ] || { echo "series $k, $name: $wrong"; bad=$((bad + 1)); cp -r part "$work/bad.$k"; }
done
awk '{s[$2] += $3; n++; all += $3} END {printf "%d series, %d kills:", n, all; for (p in s) printf " %s %d", p, s[p]; print ""}' "$work/done.txt"
[ $bad = 0 ]
