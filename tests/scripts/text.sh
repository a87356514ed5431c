# Texts as data: units, vocabularies and windows as computed here by other means; runs that are resumed; what is no text.
set -u
. "$ROOT/tests/support/command.sh"
program() { # UNIT VOCABULARY LENGTH FURTHER LINES
    cat <<PROGRAM
data d = text("d.txt", unit = $1, vocabulary = $2) {
    x[$3] = window(0)
    t[$3] = window(1)
$4
}

model net(x[batch, time]: int) -> y[batch, time, $2] = x |> embedding($2, 6) |> lstm(8) |> dense($2)

train net on d {
    loss      = cross_entropy(y, t)
    optimizer = adam(1e-2)
    batch     = 4
    epochs    = 3
}
PROGRAM
}
build() { program "$@" >net.nn && "$NNC" build net.nn || fail "no program: $*"; }
vocabulary() { # of the weights, a unit a line
    tr -d '\n' <net.run/weights.safetensors | grep -ao '"vocabulary":"\[[^]]*\]' | sed 's/^"vocabulary":"\[//; s/\]$//; s/\\"/"/g'
}
shows() { # WHAT EXPECTED ARGUMENTS...: the rows that `data` prints, without their head
    local what=$1 expected=$2
    shift 2
    [ "$(./net data "$@" | tail -n +2)" = "$expected" ] || fail "$what: $(./net data "$@" | tail -n +2 | head -n 20)"
}

# ---- words, counted by hand: 32, of which 16 train, 8 are validation's and 8 the test's ----
printf "The cat, the dog's bed; the cat \342\200\234won\342\200\231t\342\200\235 go. A dog, a cat.\n The dog na\303\257ve... go the cat end end.\n" >d.txt
build word 6 3 '    stride = 2
    split  = ordered(test = 25%, validation = 25%)'
./net --quiet || fail "words do not train"
[ "$(vocabulary)" = '"cat","the",",",".",";"' ] || fail "the words are $(vocabulary)"
shows "training words" '0,1,3,1,3,2
3,2,0,2,0,0
0,0,5,0,5,2
5,2,1,2,1,0
1,0,0,0,0,0
0,0,0,0,0,4' --part train
shows "words of validation" '3,0,1,0,1,4
1,4,0,4,0,0
0,0,0,0,0,4' --part validation
shows "words of the test" '4,4,0,4,0,2
0,2,1,2,1,0
1,0,0,0,0,4' --part test
tr a-z A-Z <d.txt >upper.txt
[ "$(./net predict --data upper.txt | wc -l)" = 16 ] || fail "predict on another text"
[ "$(./net predict <upper.txt)" = "$(./net predict --data upper.txt)" ] || fail "predict on standard input"

# ---- characters: numbers and windows by awk; in an epoch, those of one offset, each once ----
awk 'BEGIN {srand(5); for (k = 0; k < 900; k++) printf "%s", substr("aaaabbbccd e\n", int(rand() * 13) + 1, 1)}' >d.txt
cat >windows.awk <<'AWK'
BEGIN {
    RS = "\001"; FS = ""
}
{
    n = split($0, unit, ""); train = n - int(n * 0.2 + 0.5)
    for (k = 1; k <= train; k++) times[unit[k]]++
    for (number = 1; number < 6; number++) {
        most = ""
        for (u in times) if (most == "" || times[u] > times[most] || (times[u] == times[most] && u < most)) most = u
        of[most] = number; delete times[most]
    }
    from = part == "test" ? train : 0
    rows = part == "test" ? n : int((train - 8) / 5)
    for (r = 0; r < rows && from + r * 5 + 9 <= n; r++) {
        line = ""
        for (field = 0; field < 2; field++)
            for (k = 1; k <= 8; k++) line = line (line == "" ? "" : ",") (of[unit[from + offset + r * 5 + field + k]] + 0)
        print line
    }
}
AWK
expected() { LC_ALL=C awk -v part="$1" -v offset="$2" -f windows.awk d.txt; }
build char 6 8 '    stride = 5
    split  = ordered(test = 20%)'
shows "characters" "$(expected train 0)" --part train
shows "characters of the test" "$(expected test 0)" --part test
seen=
for epoch in 0 1 2 3 4 5 6 7 8 9 10 11; do
    ./net data --epoch $epoch | tail -n +2 | sort >rows
    for offset in 0 1 2 3 4; do expected train $offset | sort | cmp -s - rows && break; done
    expected train $offset | sort | cmp -s - rows || fail "epoch $epoch has the windows of no offset"
    seen="$seen $offset"
done
[ "$(tr ' ' '\n' <<<"$seen" | sort -u | grep -c .)" -ge 3 ] || fail "the epochs begin at$seen"
[ "$(./net data --epoch 3 --seed 1 | md5sum)" != "$(./net data --epoch 3 | md5sum)" ] || fail "another seed, the same epoch"

# ---- runs: measured as the log has it; resumed anywhere, on any number of threads, the same bits ----
./net --quiet --epochs 4 --threads 1 --out whole && ./net --quiet --epochs 4 --threads 2 --out two || fail "train"
cmp -s whole/weights.safetensors two/weights.safetensors || fail "two threads train otherwise"
[ "$(./net eval --out whole | tail -n 1)" = "loss $(tail -n 1 whole/log.jsonl | sed 's/.*"test.loss": \([^,]*\),.*/\1/')" ] || fail "eval"
for steps in 1 30 34 35 36 99; do
    ./net --quiet --steps $steps --out part && ./net --quiet --resume --epochs 4 --out part || fail "resume after $steps"
    cmp -s whole/weights.safetensors part/weights.safetensors || fail "resumed after $steps steps, other weights"
    rm -r part
done
cp d.txt kept.txt
./net --quiet --steps 40 --out part
printf 'b' | dd of=d.txt bs=1 seek=17 conv=notrunc 2>/dev/null
[ "$(cmp kept.txt d.txt | wc -l)" = 1 ] || printf 'c' | dd of=d.txt bs=1 seek=17 conv=notrunc 2>/dev/null
expect 4 '^error: --resume: d.txt is not the text that the checkpoint.s run read$' ./net --resume --epochs 4 --quiet --out part
head -c 890 kept.txt >d.txt
expect 4 '^error: --resume: the data have 140 training rows, the checkpoint.s run had 142$' ./net --resume --epochs 4 --quiet --out part
mv kept.txt d.txt
./net --quiet --resume --epochs 4 --out part && cmp -s whole/weights.safetensors part/weights.safetensors || fail "the text is there again"
gzip -k d.txt
sed 's/d.txt/d.txt.gz/' net.nn >packed.nn && "$NNC" build packed.nn && [ "$(./packed data)" = "$(./net data)" ] || fail "a packed text"

# ---- bytes, all of them; characters of any length, a byte-order mark ----
for k in $(seq 0 255); do printf "\\$(printf %03o "$k")"; done >d.txt
build byte 257 4 ''
./net --quiet --epochs 1 || fail "bytes do not train"
shows "bytes" "$(for k in $(seq 0 62); do echo "$((4 * k + 1)),$((4 * k + 2)),$((4 * k + 3)),$((4 * k + 4)),$((4 * k + 2)),$((4 * k + 3)),$((4 * k + 4)),$((4 * k + 5))"; done)"
[ "$(./net eval --data d.txt)" = "$(./net eval | sed 's/^train/all/')" ] || fail "bytes by the list of the weights: $(./net eval --data d.txt)"
printf '\357\273\277x\303\251\342\202\254\360\237\230\200x\303\251' >d.txt
build char 5 4 ''
shows "characters of one to four bytes" '1,2,3,4,2,3,4,1'
./net --quiet --epochs 1 && [ "$(vocabulary)" = "$(printf '"x","\303\251","\342\202\254","\360\237\230\200"')" ] || fail "characters: $(vocabulary)"

# ---- what is no text for the program ----
refused() { # WHAT MESSAGE: `d.txt` is refused
    expect 4 "^error: $2\$" ./net --quiet --epochs 1
}
printf '' >d.txt
refused "nothing" 'd.txt: no characters'
printf 'xy\n\303\251x\377yyyyyyyy' >d.txt
refused "no UTF-8" 'd.txt:2: expected a character in UTF-8, found the byte 0xff at offset 6'
printf 'xyxyxyxy\303' >d.txt
refused "half a character" 'd.txt:1: expected a character in UTF-8, found the byte 0xc3 at offset 8'
printf 'xyx\355\240\200' >d.txt
refused "a surrogate" 'd.txt:1: expected a character in UTF-8, found the byte 0xed at offset 3'
printf 'abcd' >d.txt
refused "too short" 'd.txt: the text has 4 characters, and a row reads 5'
printf 'abcde' >d.txt
./net --quiet --epochs 2 || fail "one row is enough"
rm d.txt
refused3() { expect 3 "cannot find the data file d.txt" ./net --quiet; }
refused3
build word 5 4 '    split = ordered(test = 10%)'
printf '  \n \t ' >d.txt
refused "blanks" 'd.txt: no words'
printf 'a b c d e f g h i j' >d.txt
expect 4 '^warning: the test part has no rows: of its 1 words no row can be made, which reads 5$' bash -c './net --quiet --epochs 1; exit 4'
expect 4 '^error: the test part has no rows: of its 1 words no row can be made, which reads 5$' ./net eval --part test
printf 'a b c d e' >d.txt
refused "a training part that is too short" 'd.txt: the training part has 4 words, and a row reads 5'
exit $bad
