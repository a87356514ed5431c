# words(column(...)) and count_words: numbers by the training rows as counted by awk, marks, classes, other data by the list of the weights.
set -u
. "$ROOT/tests/support/command.sh"
cat >net.nn <<'PROGRAM'
data pairs = csv("pairs.csv") {
    source[5] = words(column("from"), vocabulary = 12)
    length    = count_words(column("from"))
    before[4] = words(column("to"), vocabulary = 6, start = true)
    after[4]  = words(column("to"), vocabulary = 6, end = true)
    both[4]   = words(column("to"), vocabulary = 6, start = true, end = true)
    tag[3]    = class(words(column("tags")), 3)
    known[i]  = after[i] != 0
    short     = int(count_words(column("tags")), 9)
    split     = ordered(test = 25%)
}

model net(source[batch, s]: int, length[batch]: int, before[batch, t]: int) -> y[batch, t, 6] {
    h = last(source |> embedding(12, 4) |> gru(5, length = length))
    z = before |> embedding(6, 5) |> dense(6)
    y[b, i, u] = z[b, i, u] + h[b, mod(u, 5)]
}

train net on pairs {
    loss      = cross_entropy(y, after, weight = known) + 0 * mean(short) + 0 * mean(tag == 1) + 0 * mean(both != 0)
    optimizer = adam(1e-2)
    batch     = 4
    epochs    = 4
}
PROGRAM
"$NNC" build net.nn || fail build

# ---- counted by hand: three rows train ----
cat >pairs.csv <<'ROWS'
from,to,tags
the cat,le chat,D N
"the cat, the dog",le chat et le chien,D N D N
,,V
cow cow cow,"un, deux",N N D
ROWS
shows() { # WHAT COLUMN EXPECTED PART: a field's numbers
    ./net data --part "$4" | awk -F , -v name="$2" 'NR == 1 {for (k = 1; k <= NF; k++) of[k] = $k; next}
        {line = ""; for (k = 1; k <= NF; k++) if (of[k] == name || of[k] ~ "^" name "_[0-9]+$") line = line $k " "; print line}' >shown
    [ "$(sed 's/ $//' shown | paste -sd /)" = "$3" ] || fail "$1: $(paste -sd / shown), not $3"
}
shows "words" source '1 2 0 0 0/1 2 3 1 4/0 0 0 0 0' train
shows "words of the test" source '0 0 0 0 0' test
shows "how many" length '2/5/0' train
shows "a mark before" before '5 1 2 0/5 1 2 4/5 0 0 0' train
shows "a mark behind" after '1 2 5 0/1 2 4 5/5 0 0 0' train
shows "two marks" both '5 1 2 5/5 1 2 5/5 5 0 0' train
shows "a mark behind words that are none" after '0 0 0 5' test
shows "classes" tag '0 1 0/0 1 0/2 0 0' train
shows "a field of words" known '1 1 1 0/1 1 1 1/1 0 0 0' train
shows "how many classes" short '2/4/1' train

# ---- the list of the weights ----
./net --quiet --threads 1 --out whole || fail train
tr -d '\n' <whole/weights.safetensors | grep -ao '"words.source":"\[[^]]*\]' | grep -qF '"words.source":"[\"the\",\"cat\",\",\",\"dog\"]' || fail "the list of the weights"
[ "$(./net eval --out whole | tail -n 1)" = "loss $(tail -n 1 whole/log.jsonl | sed 's/.*"test.loss": \([^,]*\),.*/\1/')" ] || fail eval
printf 'tags,to,from\nN,"chat le","dog cat dog"\n' >other.csv
printf 'from,to,tags\n"dog cat dog",chat le,N\n' >again.csv
[ "$(./net predict --out whole <other.csv)" = "$(./net predict --out whole <again.csv)" ] || fail "columns by name"
[ "$(./net predict --out whole <again.csv | wc -l)" = 2 ] || fail predict
for word in cow Cat '' 'the the the the the the'; do
    printf 'from,to,tags\n"dog %s dog",chat le,N\n' "$word" | ./net predict --out whole >"said.${#word}" || fail "predict of $word"
done
cmp -s said.3 said.0 && fail "a word that is not known is no word"
printf 'from,to,tags\n"dog cow dog",chat le,N\n' | ./net predict --out whole | cmp -s - <(printf 'from,to,tags\n"dog horse dog",chat le,N\n' | ./net predict --out whole) || fail "two words that are not known differ"
for steps in 1 2 3; do
    ./net --quiet --steps $steps --out part && ./net --quiet --resume --epochs 4 --out part && cmp -s whole/weights.safetensors part/weights.safetensors ||
        fail "resumed after $steps steps"
    rm -r part
done

# ---- a long column: the most frequent words of the training rows, whatever is cut, by awk ----
awk 'BEGIN {srand(4); print "from,to,tags"
    for (r = 0; r < 300; r++) {
        line = ""
        for (k = 1 + int(12 * rand()); k > 0; k--) line = line " w" int(30 * rand() * rand())
        print "\"" line "\",le chat,D N V"
    }}' >pairs.csv
awk 'NR > 1 && NR <= 226 {split($0, cell, "\""); n = split(cell[2], word, " "); for (k = 1; k <= n; k++) print word[k]}' pairs.csv |
    LC_ALL=C sort | uniq -c | LC_ALL=C sort -k 1,1nr -k 2,2 | head -n 11 | awk '{print $2, NR}' >numbers
awk 'FILENAME == "numbers" {of[$1] = $2; next} FNR > 1 && FNR <= 226 {split($0, cell, "\""); n = split(cell[2], word, " ")
    line = ""; for (k = 1; k <= 5; k++) line = line (k <= n ? of[word[k]] + 0 : 0) " "; print line}' numbers pairs.csv | sed 's/ $//' >expected
shows "a long column" source "$(paste -sd / expected)" train

# ---- what is refused ----
printf 'from,to,tags\na b,c,D N V\na,c \303,D\na,c,D\n' >pairs.csv
expect 4 '^error: pairs.csv:3:3: expected a text in UTF-8, found' ./net --quiet
printf 'from,to,tags\n,c,D N V\n,c,D\na,c,D\n' >pairs.csv
expect 4 '^error: pairs.csv: field source has no words$' ./net --quiet
printf 'from,to,tags\na,c,D N V\na,c,D X\na,c,D\n' >pairs.csv
expect 4 '^error: pairs.csv: expected 3 classes in field tag, found 4: "D", "N", "V", "X"$' ./net --quiet
exit $bad
