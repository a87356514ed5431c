# sample: what is drawn is what the logits of `predict` say, unit by unit; the same seed gives the same text.
set -u
. "$ROOT/tests/support/command.sh"
program() { # UNIT VOCABULARY WINDOW MODEL LINES
    cat <<PROGRAM
data d = text("d.txt", unit = $1, vocabulary = $2) {
    x[$3] = window(0)
$5
}

model net(x[batch, time]: int) -> $4

train net on d {
    loss      = cross_entropy(y, t)
    optimizer = adam(2e-2)
    batch     = 8
    epochs    = 2
}
PROGRAM
}
build() { program "$@" >net.nn && "$NNC" build net.nn && ./net --quiet || fail "no program: $*"; }
refused() { # PATTERN ARGUMENTS...
    expect 2 "^error: $1" ./net sample "${@:2}"
}
# The unit with the largest logit at a place of the first row that `predict` prints; the vocabulary stands in `units`.
largest() { # TEXT PLACE COUNT
    printf '%s' "$1" >so_far.txt
    ./net predict --data so_far.txt | sed -n 2p | tr ',' '\n' | tail -n +$(($2 * $3 + 2)) | head -n $(($3 - 1)) |
        awk 'NR == 1 || $1 > most {most = $1; at = NR} END {print at}'
}

# ---- the largest logit, unit by unit ----
awk 'BEGIN {srand(9); for (k = 0; k < 3000; k++) printf "%s", substr("abcabdacdde", (k + int(rand() * 3)) % 11 + 1, 1)}' >d.txt
build char 6 8 'y[batch, time, 6] = x |> embedding(6, 5) |> lstm(12) |> dense(6)' '    t[8] = window(1)'
tr -d '\n' <net.run/weights.safetensors | grep -ao '"vocabulary":"\[[^]]*\]' | grep -o '[a-e]\\' | tr -d '\\' >units
text=cab
for _ in $(seq 14); do
    n=$((${#text} < 8 ? ${#text} : 8))
    window=${text:${#text}-n}
    window=${window}aaaaaaaa
    text=$text$(sed -n "$(largest "${window:0:8}" $((n - 1)) 6)p" units)
done
[ "$(./net sample --prompt cab --length 14 --temperature 0)" = "$text" ] || fail "$(./net sample --prompt cab --length 14 --temperature 0), not $text"
[ "$(./net sample --prompt cab --length 14 --top 1 --seed 7)" = "$text" ] || fail "--top 1 is not the largest"
[ "$(./net sample --prompt=cab --length=0)" = cab ] || fail "a prompt alone"
[ "$(./net sample --length 14 --temperature 0)" = "$(./net sample --prompt "$(head -n 1 units)" --length 14 --temperature 0 | cut -c 2-)" ] || fail "no prompt"

# ---- seeds ----
./net sample --prompt abc --length 400 --seed 3 >one
./net sample --prompt abc --length 400 --seed 3 --threads 1 | cmp -s - one || fail "the same seed, another text"
./net sample --prompt abc --length 400 --seed 4 | cmp -s - one && fail "another seed, the same text"
./net sample --prompt abc --length 100 | cmp -s - <(head -c 103 <(./net sample --prompt abc --length 400); echo) || fail "more units change those before"
[ "$(head -c 3 one)" = abc ] && [ "$(wc -c <one)" = 404 ] || fail "a prompt, 400 units and a line's end"

# ---- as often as the logits say: what follows an `a`, of a model that sees one unit ----
build char 5 4 'y[batch, time, 5] = x |> embedding(5, 5)' '    t[4] = window(1)'
tr -d '\n' <net.run/weights.safetensors | grep -ao '"vocabulary":"\[[^]]*\]' | grep -o '[a-e]\\' | tr -d '\\' >units
printf aaaa >so_far.txt
./net predict --data so_far.txt | sed -n 2p | tr ',' '\n' | sed -n 2,5p >logits
often() { # TEMPERATURE TOP
    ./net sample --length 9000 --seed 2 --temperature "$1" --top "$2" | grep -o . >drawn
    awk 'last == "a" {n[$1]++} {last = $1} END {for (u in n) print u, n[u]}' drawn >counts
    awk -v temperature="$1" -v top="$2" '
        FILENAME == "units" {unit[++k] = $1} FILENAME == "logits" {logit[unit[++j]] = $1} FILENAME == "counts" {count[$1] = $2; n += $2}
        END {
            for (u in logit) {rank = 0; for (v in logit) rank += logit[v] > logit[u]; if (rank < top) sum += p[u] = exp(logit[u] / temperature)}
            if (n < 1000) print n " counted"
            for (u in logit) {
                e = n * p[u] / sum; d = count[u] - e; deviation = sqrt(e * (1 - p[u] / sum))
                if (d * d > 25 * deviation * deviation) print u " " count[u] " times, expected " e
            }
        }' units logits counts >said
    [ ! -s said ] || fail "--temperature $1 --top $2: $(cat said)"
}
often 1 4
often 0.5 4
often 3 2

# ---- a model that sees a whole window, and gives logits once ----
build char 6 5 'y[batch, 6] {
    h = x |> embedding(6, 5) |> lstm(9)
    y = last(h) |> dense(6)
}' '    t = window(5)'
tr -d '\n' <net.run/weights.safetensors | grep -ao '"vocabulary":"\[[^]]*\]' | grep -o '[a-e]\\' | tr -d '\\' >units
text=abcda
for _ in 1 2 3 4 5 6 7 8; do text=$text$(sed -n "$(largest "${text: -5}" 0 6)p" units); done
[ "$(./net sample --prompt abcda --length 8 --temperature 0)" = "$text" ] || fail "logits of the end: $(./net sample --prompt abcda --length 8 --temperature 0), not $text"
./net sample --prompt a --length 3 >/dev/null || fail "less than a window"

# ---- states begin at their initial values ----
build char 6 4 'y[batch, time, 6] = x |> embedding(6, 5) |> stateful_lstm(7) |> dense(6)' '    t[4] = window(1)
    order = stream'
[ "$(./net sample --prompt abcdabcd --length 1 --temperature 0 | tail -c 2)" = "$(./net sample --prompt abcd --length 1 --temperature 0 | tail -c 2)" ] ||
    fail "what stands before the window is seen"

# ---- words, bytes, what has no number ----
for _ in $(seq 60); do printf 'One, two; (three) four.  Five!\n'; done >d.txt
build word 12 6 'y[batch, time, 12] = x |> embedding(12, 8) |> lstm(24) |> dense(12)' '    t[6] = window(1)'
./net --quiet --epochs 40
[ "$(./net sample --prompt 'One,' --length 12 --temperature 0)" = 'One, two; ( three ) four. Five! One, two' ] || fail "words: $(./net sample --prompt 'One,' --length 12 --temperature 0)"
for _ in $(seq 60); do printf 'aXbYcZ'; done >d.txt
build char 4 6 'y[batch, time, 4] = x |> embedding(4, 8) |> dense(4)' '    t[6] = window(1)'
[ "$(./net sample --length 50 | grep -oE '^[XYZ]{50}$' | wc -c)" = 51 ] || fail "number 0 was drawn: $(./net sample --length 50)"
for _ in $(seq 60); do printf 'é\377\000'; done >d.txt
build byte 257 4 'y[batch, time, 257] = x |> embedding(257, 8) |> dense(257)' '    t[4] = window(1)'
./net --quiet --epochs 40
[ "$(./net sample --prompt 'é' --length 4 --temperature 0 | od -An -tx1 | tr -d '\n')" = ' c3 a9 ff 00 c3 a9 0a' ] || fail "bytes: $(./net sample --prompt 'é' --length 4 --temperature 0 | od -An -tx1)"

# ---- what is refused ----
refused '--prompt: "x" \(at offset 2\) is not in the model.s vocabulary$' --prompt éx
expect 4 '^error: --prompt:1: expected a character in UTF-8' bash -c 'sed "s/byte/char/" net.nn >net.nn.2 && mv net.nn.2 net.nn && yes é | head -n 99 >d.txt && "$NNC" build net.nn && ./net --quiet && ./net sample --prompt $'"'\\303x'"
refused '--temperature: expected a number of 0 or more, found -1$' --temperature=-1
refused '--temperature: expected a number of 0 or more, found inf$' --temperature inf
refused '--top: expected a whole number of 1 or more, found 0$' --top 0
refused '`sample` has no option --data' --data d.txt
expect 2 'has no option --prompt' ./net --prompt a
build char 6 4 'y[batch, time, 7] = x |> embedding(6, 5) |> dense(7)' '    t[4] = window(1)'
refused 'sample draws from logits: no output of the model is 6 numbers, or as many for each of the window.s 4 characters$'
cat >other.nn <<'PROGRAM'
data d = text("d.txt", vocabulary = 6) {
    x[4] = window(0)
    z[4] = window(4)
    t[4] = window(1)
}
model net(x[batch, time]: int, z[batch, time]: int) -> y[batch, time, 6] {
    table = embedding(6, 6)
    y     = table(x) + table(z)
}
train net on d {
    loss      = cross_entropy(y, t)
    optimizer = sgd(0.1)
    epochs    = 1
}
PROGRAM
"$NNC" build other.nn && ./other --quiet || fail "two windows"
expect 2 'sample goes on with a text: the model must read one window of it, and nothing else$' ./other sample
"$NNC" build "$ROOT/examples/xor/xor.nn" || fail xor
expect 2 'sample goes on with a text' ./xor sample
./xor --help | grep -qw sample && fail "help of a program without texts speaks of sample"
./net --help | grep -q 'sample --prompt' || fail "help does not speak of sample"
build char 6 4 'y[batch, time, 6] = x |> embedding(6, 5) |> dense(6)' '    t[4] = window(1)'
rm -r net.run
expect 3 'cannot find the weights' ./net sample
exit $bad
