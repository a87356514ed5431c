# Columns by number are found in other files by the names that the training file's header gave them; where that cannot be,
# both headers are shown. Classes that were numbers in training are numbers elsewhere.
set -u
. "$ROOT/tests/support/command.sh"
program() { # INPUTS HEADER TARGET
    cat <<PROGRAM
data points = csv("train.csv", header = $2) {
    x[2] = $1
    t    = class($3, 2)
}

model net(x[batch, 2]) -> logits[batch, 2] = x |> dense(2)

train net on points {
    loss      = cross_entropy(logits, t)
    optimizer = sgd(1e-2)
    epochs    = 3
}
PROGRAM
}
printf 'label,a,b\n0,1,2\n1,3,-1\n0,0.5,0\n1,4,1\n' >train.csv
program 'columns(1 .. 2)' true 'column(0)' >net.nn
"$NNC" build net.nn && ./net --quiet || fail "net does not train"
./net predict --data train.csv >right
[ "$(wc -l <right)" = 5 ] || fail "predict"

same() { # WHAT: standard input gives what the training file gives
    ./net predict >found 2>said && cmp -s right found || fail "$1: $(head -c 400 said; diff right found | head -n 4)"
}
refused() { # WHAT PATTERN...
    local what=$1
    shift
    ./net predict >found 2>said && fail "$what is read: $(head -n 2 found)"
    for pattern in "$@"; do grep -qF -- "$pattern" said || fail "$what: no '$pattern' in $(head -c 600 said)"; done
}
same "the same header" <train.csv
printf 'a,b\n1,2\n3,-1\n0.5,0\n4,1\n' | same "without the target"
printf 'a,b,id\n1,2,90\n3,-1,91\n0.5,0,92\n4,1,93\n' | same "without the target, with another column"
printf 'b,label,a\n2,0,1\n-1,1,3\n0,0,0.5\n1,1,4\n' | same "in another order"
printf 'id,"b","a",id\n7,2,1,x\n8,-1,3,y\n9,0,0.5,z\n9,1,4,u\n' | same "other columns twice"
printf '\357\273\277 b , a \r\n2,1\r\n\r\n-1,3\r\n0,0.5\r\n1,4\r\n' | same "blanks, a byte-order mark, CRLF"
both='trained on ["label","a","b"], found '
printf 'label,a,c\n0,1,2\n' | refused "a name that is another" 'standard input:1: ' "$both"'["label","a","c"]'
printf 'x,y\n1,2\n' | refused "names that are others" "$both"'["x","y"] (is the header line missing?)'
printf 'a,b,a\n1,2,3\n' | refused "a name twice" "$both"'["a","b","a"]'
printf '0,1,2\n1,3,-1\n' | refused "a file without a header" "$both"'["0","1","2"] (is the header line missing?)'
printf 'A,B\n1,2\n' | refused "other letters" "$both"'["A","B"]'
(for k in $(seq 500); do printf 'column_%d,' "$k"; done; printf 'z\n') | refused "a long header" "$both"'["column_1","column_2",' '...'
[ "$(wc -c <said)" -lt 1000 ] || fail "a long header makes a long message"

# ---- eval, and going on ----
printf 'b,id,a,label\n2,9,1,0\n-1,9,3,1\n0,9,0.5,0\n1,9,4,1\n' >other.csv
[ "$(./net eval --data other.csv)" = "$(./net eval --data train.csv)" ] || fail "eval on another order"
printf 'label,b,a\n0,1,2\n' >wrong.csv && [ "$(./net eval --data wrong.csv --json | wc -l)" = 1 ] || fail "eval on two columns that changed places"
sed 's/^label/class/' other.csv >absent.csv
sed 's/label$/class/' other.csv >absent.csv
./net eval --data absent.csv 2>said && fail "eval without the target"
grep -qF "$both"'["b","id","a","class"]' said || fail "eval without the target: $(cat said)"
./net --epochs 6 --quiet --out whole && ./net --epochs 3 --quiet --out parts && ./net --resume --epochs 6 --quiet --out parts --data other.csv ||
    fail "--resume on another order"
cmp -s whole/weights.safetensors parts/weights.safetensors || fail "--resume on another order gives other weights"
cp whole/weights.safetensors kept
./net --resume --epochs 9 --quiet --out whole --data absent.csv 2>said && fail "--resume without the target"
cmp -s whole/weights.safetensors kept || fail "--resume that is refused changes weights"
./net --quiet --out fresh --data other.csv 2>said && fail "a new run reads its own columns by number"

# ---- classes ----
sed 's/^0,/no,/; s/^1,/yes,/' train.csv >words.csv
./net eval --data words.csv 2>said && fail "texts for classes that were numbers"
grep -q '^error: words.csv:2:1: expected a class, a whole number 0 .. 1, found "no"' said || fail "texts for numbers: $(cat said)"
./net --quiet --out words --data words.csv && ./net eval --out words --data words.csv >first || fail "classes of texts"
printf 'label,a,b\nyes,1,2\nyes,4,1\n' >some.csv
./net eval --out words --data some.csv >some || fail "some of the classes"
./net eval --out words --data train.csv 2>said && fail "numbers for classes that were texts"
grep -q 'one of the classes that the model was trained with, found "0"' said || fail "numbers for texts: $(cat said)"

# ---- by name, and without a header ----
program 'columns(1 .. 2)' true 'column("label")' | sed 's/x\[2\] = .*/a = column("a")\n    b = column("b")/; s/x\[batch, 2\]/a[batch], b[batch]/
    s/= x |> dense(2)/{\n    h[n, i] = a[n] if i == 0 else b[n]\n    h |> dense(2)\n}/' | sed 's/h\[n, i\]/h[n, i < 2]/' >named.nn
"$NNC" build named.nn && ./named --quiet && ./named predict --data train.csv >right || fail "named does not train"
printf 'b,z,a\n2,0,1\n-1,1,3\n0,0,0.5\n1,1,4\n' | ./named predict | cmp - right || fail "columns by name"
tail -n +2 train.csv >bare.csv
program 'columns(1 .. 2)' false 'column(0)' >bare.nn
"$NNC" build bare.nn && ./bare --quiet --data bare.csv && ./bare predict --data bare.csv >right || fail "bare does not train"
./bare predict <bare.csv | cmp - right || fail "without a header"
./bare predict <train.csv 2>said && fail "a header where there is none"

# ---- what others wrote ----
long() { head -c "$1" /dev/zero | tr '\0' "$2"; }
(printf 'label,a,b'; for k in 1 2 3; do printf ',"'; long 6000000 '\t'; printf '"'; done; printf '\n0,1,2,,,\n1,2,3,,,\n') >wide.csv
./net --quiet --out wide --data wide.csv 2>said && fail "a header beyond all measure"
grep -q 'take more than 16 MB' said || fail "a header beyond all measure: $(head -c 300 said)"
printf 'label,a,b,"c""d\\e\t",%b\n0,1,2,,\n1,2,3,,\n' '\351' >odd.csv
./net --quiet --out odd --data odd.csv && ./net predict --out odd --data odd.csv >found && printf 'b,a\n2,1\n3,2\n' | ./net predict --out odd | cmp - found || fail "names with quotes"
exit $bad
