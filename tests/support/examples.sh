# The table of examples/README.md, whose rows are promises: `examples KIND` (quick, slow) makes what each such row names, trains it with as many seeds as the
# row says, from 0 on, and holds the mean of what `eval` prints of the test part against the row. Quick are those of at most 12 s a seed.
set -u
. "$ROOT/tests/support/command.sh"
cp -r "$ROOT/examples" . || exit 1
mkdir -p bin && ln -sf "$NNC" bin/nnc
PATH=$PWD/bin:$PATH

# name TAB folder TAB commands before TAB command TAB conditions TAB seeds TAB seconds
promises() {
    awk -F' *[|] *' '
        function code(s) { gsub(/`/, "", s); return s }
        /^\| \[.*\]\(.*\) / {
            name = folder = $2
            sub(/\].*/, "", name); sub(/^\[/, "", name)
            sub(/.*\(/, "", folder); sub(/\).*/, "", folder)
            seconds = $8 + 0
            if ($8 ~ /min/) seconds *= 60
            printf "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", name, folder, $4 == "" ? "true" : code($4), code($5), code($6), $7, seconds
        }' "$ROOT/examples/README.md"
}

# What `eval` printed for all seeds, against "NAME >= NUMBER and ..."; the means are printed where one is not kept.
kept() { # CONDITIONS SEEDS
    awk -v conditions="$1" -v seeds="$2" '
        $2 + 0 == $2 { sum[$1] += $2; n[$1]++ }
        END {
            count = split(conditions, condition, " and ")
            for (k = 1; k <= count; k++) {
                split(condition[k], part, " ")
                mean = n[part[1]] ? sum[part[1]] / n[part[1]] : "nothing"
                good = n[part[1]] == seeds && (part[2] == ">=" ? mean >= part[3] : part[2] == "<=" && mean <= part[3])
                if (!good) { print condition[k] ": it is " mean " (" n[part[1]] + 0 " seeds)"; bad = 1 }
            }
            exit bad + (count == 0)
        }'
}

promise() { # NAME FOLDER BEFORE COMMAND CONDITIONS SEEDS
    local data seed
    (cd "examples/$2" && eval "$3") >before.txt 2>&1 || { fail "$1: $3: $(tail -n 5 before.txt)"; return; }
    data=$(sed -n 's/.*\(--data [^ ]*\).*/\1/p' <<<"$4")
    for ((seed = 0; seed < $6; seed++)); do
        (cd "examples/$2" && eval "$4 --quiet --seed $seed --out $1.$seed" && eval "${4%% *} eval $data --out $1.$seed") ||
            fail "$1: seed $seed"
    done >measured.txt 2>said.txt
    kept "$5" "$6" <measured.txt >why.txt || fail "$1: $(cat why.txt; tail -n 3 said.txt)"
}

examples() { # KIND
    local name folder before command conditions seeds seconds trained=0
    promises >promises.txt
    while IFS=$'\t' read -r name folder before command conditions seeds seconds; do
        [ "$(awk -v s="$seconds" 'BEGIN {print (s > 12 ? "slow" : "quick")}')" = "$1" ] || continue
        trained=$((trained + 1))
        promise "$name" "$folder" "$before" "$command" "$conditions" "$seeds" </dev/null
    done <promises.txt
    [ $trained -gt 0 ] || fail "the table has no $1 example"
    # No program is without a promise.
    for name in examples/*/*.nn; do
        grep -qF "[$(basename "$name" .nn)]($(basename "$(dirname "$name")"))" "$ROOT/examples/README.md" || fail "$name is not in the table"
    done
}
