# The page of a run: whole, readable without a network or a script, right, and the same bits with and without it.
set -u
. "$ROOT/tests/support/command.sh"
cp "$ROOT"/examples/digits/digits.nn "$ROOT"/examples/digits/digits.csv .
"$NNC" build digits.nn || fail "digits does not build"
# Tags open and close as they should; nothing is fetched or run; less than a megabyte.
page() { # FILE
    [ -s "$1" ] && [ "$(wc -c <"$1")" -lt 1000000 ] || fail "$1: $(wc -c <"$1") bytes"
    awk -v file="$1" 'BEGIN { RS = "<" } NR > 1 {
        if (!match($0, />/)) { print file ": a < that begins no tag: " substr($0, 1, 60); exit 1 }
        tag = substr($0, 1, RSTART - 1)
        if (tag ~ /^!|\/$/) next
        split(tag, words, /[ \n]/); name = words[1]
        if (name ~ /^\//) { if (stack[depth--] != substr(name, 2)) { print file ": " name " closes " stack[depth + 1]; exit 1 } next }
        if (name !~ /^[a-z][a-z0-9]*$/) { print file ": a tag " name; exit 1 }
        stack[++depth] = name } END { if (depth) { print file ": " stack[depth] " stays open"; exit 1 } }' "$1" || bad=1
    ! grep -qiE '<(script|iframe|object)|javascript:|https?://|@import|url\(' "$1" || fail "$1: reaches out"
    [ -z "$(grep -oE '(src|href)="[^"]{0,20}' "$1" | grep -v '="data:')" ] || fail "$1: fetches something"
}
says() { grep -qE -- "$2" "$1" || fail "$1: no $2"; }

./digits --quiet --epochs 12 --out plain || fail "digits does not train"
[ "$(./digits --quiet --epochs 12 --report)" = digits.run/report.html ] || fail "--report does not say where it wrote"
cmp plain/weights.safetensors digits.run/weights.safetensors || fail "--report makes other weights"
timeless() { grep -v '"weights"' "$1" | sed -E 's/"(samples_per_s|time_s)": [^,}]*(, )?//g'; }
[ "$(timeless plain/log.jsonl)" = "$(timeless digits.run/log.jsonl)" ] || fail "--report makes another log"
page digits.run/report.html
for what in '<h1>digits</h1>' 'aria-label="loss by epoch"' 'aria-label="accuracy by epoch"' 'aria-label="learning rate by epoch"' '<h2>The worst</h2>' \
    '<th scope="row">mlp.dense_1.w</th><td>64 &#215; 128</td><td>8192</td>' '<th scope="col">step 100</th>' 'loss +=.*cross_entropy' 'prefers-color-scheme:dark' '@media print'; do
    says digits.run/report.html "$what"
done
[ "$(grep -o 'data:image/png;base64,iVBORw0KGgo' digits.run/report.html | wc -l)" = 16 ] || fail "not sixteen pictures"
# A picture is the row: magnified to 0 .. 255, as `data` prints it.
row=$(grep -oE 'row [0-9]+:' digits.run/report.html | head -n 1 | tr -dc 0-9)
./digits data --part test | sed -n "$((row + 2))p" | cut -d, -f1-64 | tr , '\n' | awk '{ v[NR] = $1; if ($1 > m) m = $1 } END { for (k = 1; k <= 64; k++) printf "%d ", v[k] / m * 255 + 0.5 }' >wanted
grep -oE 'png;base64,[^"]*' digits.run/report.html | head -n 1 | cut -d, -f2 | base64 -d | od -An -v -tu1 -w1 | awk '{ b[NR] = $1 } END {
    at = 8 + 25 + 8 + 2; for (y = 0; y < 8; y++) { at += 6; for (x = 1; x <= 8; x++) printf "%d ", b[at + x]; at += 8 } }' >seen
cmp wanted seen || fail "row $row is another picture: $(diff wanted seen)"
# Made again later, the same, and after a resume as well.
cp digits.run/report.html first.html && ./digits report >said && cmp first.html digits.run/report.html || fail "made again, another page"
./digits --quiet --epochs 12 --steps 100 --out cut --report >said && ./digits --quiet --epochs 12 --out cut --resume >said 2>&1 || fail "a resumed run: $?"
[ "$(timeless cut/log.jsonl | grep '"epoch"' | sed 1d)" = "$(timeless digits.run/log.jsonl | sed 1d)" ] || fail "a resumed run has another log"
[ "$(grep '"weights"' cut/log.jsonl)" = "$(grep '"weights"' digits.run/log.jsonl)" ] || fail "a resumed run has other histograms"
# What a step changed: with plain descent, rate times gradient; after step 1 the weights are the first ones and that.
[ "$(grep -c '"weights", "step": 1,' digits.run/log.jsonl)" = 4 ] || fail "not four parameters after step 1"

# ---- several ----
./digits --quiet --epochs 5 --lr 0.02 --out '<b>&"wide"' || fail "a second run"
[ "$(./digits report digits.run '<b>&"wide"')" = report.html ] || fail "several runs go elsewhere"
page report.html
says report.html '&#60;b&#62;&#38;&#34;wide&#34; test'
! grep -q 'The worst' report.html || fail "samples of which run?"

# ---- of different programs, and of windows ----
cp "$ROOT"/examples/sunspots/sunspots.* .
"$NNC" build sunspots.nn && ./sunspots --quiet --epochs 1 --report >said || fail "sunspots does not train"
page sunspots.run/report.html
row=$(grep -oE 'row [0-9]+: past' sunspots.run/report.html | head -n 1 | tr -dc 0-9)
wanted=$(./sunspots data --part validation | sed -n "$((row + 2))p" | awk -F, '{ for (k = 1; k <= 8; k++) printf("%s%.4g", (k > 1 ? ", " : ""), $k) }')
says sunspots.run/report.html "row $row: past <b>$wanted "
./digits report digits.run sunspots.run >said && page report.html
! grep -q '<h2>The program' report.html || fail "the program of which run?"
# What one of them measures stands in no column of the other's.
sed -n '/How it ended/,/<\/table>/p' report.html | sed 's/<\/t[hd]>/;/g; s/<[^>]*>//g' | awk -F';' 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k } /^sunspots.run;the end/ { print $at["accuracy"] "," ($at["test.off"] > 0) }' >seen
[ "$(cat seen)" = ,1 ] || fail "values in others' columns: $(cat seen)"

# ---- names that are no friends of a page's ----
{ printf 'x,kind\n'; for k in $(seq 30); do printf '%d,"</td><script>alert(1)</script>"\n%d,"a\x1b[31m\xe2\x80\xae&\x27"\n%d,<!-- \n' $k $((k + 40)) $((k + 80)); done; printf '81,"a\x1b[31m\xe2\x80\xae&\x27"\n'; } >names.csv
cat >names.nn <<'PROGRAM'
data names = csv("names.csv") {
    x[1] = standardize(columns(0 .. 0))
    kind = class(column(1), 3)
}

# </pre><script>
model net(x[batch, 1]) -> logits[batch, 3] = x |> dense(16) |> relu |> dense(3)

train net on names {
    loss      = cross_entropy(logits, kind)
    optimizer = adam(3e-2)
    metrics   = [accuracy(logits, kind), confusion(logits, kind)]
    epochs    = 60
}
PROGRAM
"$NNC" build names.nn && ./names --quiet --report >said || fail "names does not train"
page names.run/report.html
says names.run/report.html '<th scope="row">&#60;/td&#62;&#60;script&#62;alert\(1\)&#60;/script&#62;</th>'
says names.run/report.html '<h2>confusion</h2>'
! grep -qP '\x1b|\xe2\x80\xae' names.run/report.html || fail "what turns a text is in the page"
# The row that is labelled as none of its neighbours are is the worst.
grep -A 1 '<h2>The worst' names.run/report.html | grep -q 'row 90: ' || fail "the worst: $(grep -A 2 '<h2>The worst' names.run/report.html | cut -c1-300)"

# ---- what cannot be done ----
rm digits.run/report.html && mkdir digits.run/report.html
expect 3 'report.html' ./digits report
expect 3 'cannot find the log none/log.jsonl' ./digits report none
rm digits.run/weights.safetensors && rmdir digits.run/report.html && ./digits report >said && page digits.run/report.html || fail "without weights there is no page"
exit $bad
