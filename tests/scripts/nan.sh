# A number that is none, in a file or made by the data block's arithmetic, is said with file, row and field; and again where a run fails.
set -u
. "$ROOT/tests/support/command.sh"
program() { # SOURCE X Y
    cat <<PROGRAM
data points = $1 {
    x[2] = $2
    y    = $3
}

model net(x[batch, 2]) -> p[batch] = (x |> dense(1))[:, 0]

train net on points {
    loss      = mse(p, y)
    optimizer = sgd(1e-2)
    epochs    = 2
}
PROGRAM
}
npy() { # SHAPE BYTES
    printf '\223NUMPY\1\0\166\0%-117s\n%b' "{'descr': '<f4', 'fortran_order': False, 'shape': ($1), }" "$2"
}
one='\0000\0000\0200\0077' nan='\0000\0000\0300\0177' inf='\0000\0000\0200\0377' two='\0000\0000\0000\0100'
npy '4, 2' "$one$two$two$one$one$nan$one$one" >x.npy
npy '4, 2' "$one$two$two$one$one$one$inf$one" >inf.npy
npy '4, 2' "$one$two$two$one$one$one$one$one" >good.npy
npy '4,' "$one$one$one$one" >y.npy
warned() { # STATUS TRAINER PATTERN OPTIONS...: one warning of this text, at the start
    local status=$1 trainer=$2 pattern=$3
    shift 3
    "./$trainer" "$@" >out 2>said
    [ $? -eq "$status" ] || fail "$trainer $*: not exit $status: $(cat said)"
    if [ -z "$pattern" ]; then ! grep -q '^warning' said || fail "$trainer $*: $(cat said)"; return; fi
    [ "$(grep -c '^warning: ' said)" = 1 ] && grep -q "^warning: $pattern\$" said || fail "$trainer $*: no '$pattern' in $(cat said)"
    [ "$status" = 0 ] || grep -q "^error: the loss is not finite after step 1 .*; in the data, $pattern; nothing was saved" said || fail "$trainer $*: $(cat said)"
}
program npy 'file("x.npy")' 'file("y.npy")' >plain.nn
program npy 'standardize(file("x.npy"))' 'file("y.npy")' >standard.nn
program npy 'file("inf.npy")' 'file("y.npy")' >inf.nn
program npy '1 / (file("good.npy") - 1)' 'log(0 * file("y.npy"))' >made.nn
sed 's/^    y/    z[2] = file("x.npy")\n    y/' plain.nn >unused.nn
sed -i 's/file("x.npy")/file("good.npy")/' unused.nn
program 'csv("c.csv")' 'columns(0 .. 1)' 'log(column(2))' >text.nn
printf 'a,b,c\n1,2,3\n\n2,1,1\n1,2,0\n1,2,3\n' >c.csv
program 'csv("m.csv", missing = mean)' 'standardize(columns(0 .. 1))' 'column(2)' >missing.nn
printf 'a,b,c\n1,?,3\n2,NA,1\n3,5,0\n,6,3\n' >m.csv
program 'csv("c.csv")' 'columns(0 .. 1) * 1e39' 'column(2)' >large.nn
for name in plain standard inf made unused text missing large; do "$NNC" build $name.nn || fail "$name does not build"; done
warned 5 plain 'x.npy: row 2 (counted from 0): field x is nan'
warned 5 standard 'x.npy: row 2 (counted from 0): field x is nan'
warned 5 inf 'inf.npy: row 3 (counted from 0): field x is -inf'
warned 5 made 'good.npy: row 0 (counted from 0): field x is inf'
warned 5 text 'c.csv:5: field y is -inf'
warned 5 large 'c.csv:2: field x is inf'
warned 0 missing ''
warned 0 unused ''
cp unused.run/weights.safetensors kept
warned 0 plain 'x.npy: row 2 (counted from 0): field x is nan' eval --weights kept
printf 'a,b\n1,2\n' | ./missing predict >out 2>said && [ ! -s said ] || fail "predict: $(cat said)"
exit $bad
