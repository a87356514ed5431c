# Nothing that a file or its name says reaches a terminal raw: escape characters, C1, what turns the direction of writing; in
# messages, results and tables, of nnc and of trainers. Files and pipes get what was asked for, as it is.
set -u
. "$ROOT/tests/support/command.sh"
command -v script >/dev/null || fail "script(1) is needed for a terminal"
evil=$'\033]0;x\a\033[31m\302\2331m\342\200\256' # OSC, CSI, CSI as C1, a right-to-left override
screen() { script -qec "$1" /dev/null </dev/null >screen; } # what a terminal gets
raw() { grep -qP '\x1b|\x07|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]|[^\x00-\x7f\xc2-\xf4\x80-\xbf]' "$1"; }
clean() { ! raw screen || fail "$1 reaches the terminal: $(cat -v screen | head -n 3)"; } # WHAT
said() { grep -q "$1" screen || fail "$2: no '$1' in $(cat -v screen | head -n 5)"; } # PATTERN WHAT

program() { # FILE: three classes, one with such a name
    cat <<PROGRAM
data points = csv("$1") {
    x[2] = columns(0 .. 1)
    kind = class(column(2), 3)
}

model net(x[batch, 2]) -> logits[batch, 3] = x |> dense(3)

train net on points {
    loss      = cross_entropy(logits, kind)
    optimizer = adam(1e-2)
    metrics   = [confusion(logits, kind)]
    epochs    = 40
}
PROGRAM
}
{ echo 'a,b,kind'; for k in $(seq 30); do printf '9,1,%s\n1,2,"b\nc"\n%d,3,dog\n' "$evil" "$((k % 2))"; done; } >points.csv
program points.csv >points.nn
"$NNC" build points.nn && ./points --quiet || fail "points does not train"

screen './points predict --labels --data points.csv'
clean "a class name"
said '?]0;x' labels
./points predict --labels --data points.csv >labels
raw labels || fail "labels in a file are not the classes as they are"
(cat points.csv; echo '9,9,bird') >"$evil.csv"
for command in "predict --labels --data '$evil.csv'" "--data '$evil.csv' --out other" "eval --data '$evil.csv'" "--quiet --out '$evil'" "info --out '$evil'" \
    "info --json --weights '$evil'" "eval --weights '$evil.csv'" "'--$evil'" "--epochs '$evil'" "'$evil'" "--quiet --log '$evil/x'" "predict --format '$evil'"; do
    screen "./points $command"
    clean "points $command"
done
said '?' "the last of them"
screen './points eval' && clean "eval"

# A log that others wrote, and pages of it.
cp -r points.run "$evil" && sed -i 's/"loss"/"\\u001b]0;x\\u0007\\u009b1m\\u202e"/; s/"settings": {/&"\\u001b[31m": "\\u001b[31m", /' "$evil/log.jsonl"
grep -q '"\\u001b\[31m": ' "$evil/log.jsonl" || fail "the log is not somebody else's"
for command in "history '$evil'" "history points.run '$evil'" "report '$evil'"; do
    screen "./points $command"
    clean "points $command"
done
raw report.html && fail "a report has a log's characters as they are"

# A line of somebody's text is no message of ours.
printf 'a,b,kind\n1,2,dog\n1,"x\nerror: all is lost",dog\n' | ./points predict 2>said && fail "a text of two lines is a number"
grep -q '^error: standard input:3:3: ' said || fail "the place of a text of two lines: $(cat said)"
[ "$(grep -c '^error' said)" = 1 ] || fail "a text speaks for the trainer: $(cat said)"

# ---- nnc ----
cp points.nn "$evil.nn"
sed "s/dense(3)/dense(3, \"$evil\") # $evil/" points.nn >wrong.nn
printf 'a = 3 \033 3\n' >"$evil wrong.nn"
for command in "check '$evil wrong.nn'" "check --json '$evil wrong.nn'" "check '$evil none.nn'" "check wrong.nn" "'$evil'" "build '--$evil'" "'$evil.nn'" \
    "build --cpu '$evil' points.nn" "check --set 'a$evil=$evil' points.nn" "explain --set 'batch=\"$evil\"' points.nn" "build -o '$evil/x' points.nn" \
    "fmt --check '$evil.nn'" "fmt points.nn" "summary '$evil.nn'" "explain '$evil.nn'" "gradcheck points.nn"; do
    screen "'$NNC' $command"
    clean "nnc $command"
done
printf '# %s\n' "$evil" >comment.nn # the direction of writing alone is refused in programs
printf '# \033[31m\302\2331m\na = 1\n' >comment.nn
screen "'$NNC' fmt comment.nn" && clean "nnc fmt"
"$NNC" fmt comment.nn | cmp -s - comment.nn || fail "fmt changes a comment on its way into a pipe"
"$NNC" check "$evil wrong.nn" 2>said
! raw said || fail "messages in a file are raw"

# ---- no message holds megabytes ----
long() { head -c "$1" /dev/zero | tr '\0' "$2"; }
(printf 'a = '; long 10000000 9; echo) >number.nn
(printf 'a = f("'; long 10000000 x; printf '")\n') >text.nn
for file in number text; do
    [ "$("$NNC" check $file.nn 2>&1 | wc -c)" -lt 3000 ] && [ "$("$NNC" check --json $file.nn 2>&1 | wc -c)" -lt 3000 ] || fail "nnc: a message about a long $file is long"
done
(printf 'a,b,kind\n1,'; long 10000000 9; printf ',dog\n') >number.csv
(printf 'a,b,kind\n1,2,'; long 10000000 x; printf '\n') >class.csv
(long 10000000 a; printf ',b,kind\n1,2,3,4\n') >names.csv
for file in number class names; do
    ./points --quiet --out other --data $file.csv 2>said && fail "$file.csv is accepted"
    [ "$(wc -c <said)" -lt 3000 ] && grep -q "$file.csv" said || fail "a message about a long $file is long, or none"
done

# ---- weights are UTF-8 ----
printf 'a,b,kind\n1,2,dog\n1,2,caf\351\n1,3,cat\n' >latin.csv
./points --quiet --out other --data latin.csv 2>said && fail "a class name that is no UTF-8 is accepted"
grep -q '^error: latin.csv:3:5: .*UTF-8' said || fail "no line for a class name that is no UTF-8: $(cat said)"
printf 'a,b,kind\n1,2,dog\n1,2,caf\303\251\n1,3,cat\n' >"$(printf 'caf\351.csv')"
./points --quiet --out other --data "$(printf 'caf\351.csv')" || fail "a path that is no UTF-8 is refused"
iconv -f UTF-8 -t UTF-8 >/dev/null <<<"$(head -c 3000 other/checkpoint.safetensors | tr -d '\0' | grep -ao '"option.data":"[^"]*"')" || fail "a checkpoint's header is no UTF-8"
exit $bad
