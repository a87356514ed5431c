# Classes that are whole numbers of any size: numbered in increasing order, printed back, read by the list of the training file.
set -u
. "$ROOT/tests/support/command.sh"
program() { # SOURCE STARS
    cat <<PROGRAM
data d = $1

model net(x[batch]) -> y[batch, $2] {
    param w[$2] = 1
    y[n, k] = x[n] * k * w[k]
}

train net on d {
    loss      = cross_entropy(y, stars)
    optimizer = sgd(1e-9)
    epochs    = 1
    predict   = [stars = restore(argmax[i] y[.., i], stars)]
}
PROGRAM
}
awk 'BEGIN { split("10 1 -3 2000 7 2 1000000000000000 1", v, " "); print "x,stars"; for (k = 0; k < 80; k++) print (k % 2 ? -1 : 1) "," v[1 + k % 8] }' >d.csv
csv='csv("d.csv") {
    x     = column("x")
    stars = class(column("stars"), 7, named = true)
}'
program "$csv" 7 >net.nn && "$NNC" build net.nn && ./net --quiet || fail "net.nn"
# -3 1 2 7 10 2000 1e15 are 0 .. 6.
[ "$(./net data | sed -n '2,9p' | cut -d, -f2 | tr '\n' ' ')" = "4 1 0 5 3 2 6 1 " ] || fail "numbers: $(./net data | sed -n 2,9p)"
grep -qa '\["-3","1","2","7","10","2000","1000000000000000"\]' <(tr -d '\\' <net.run/weights.safetensors) || fail "the list of numbers"
printf 'x,stars\n1,7\n-1,7.0\n' >new.csv
[ "$(./net predict --data new.csv | tr '\n' ' ')" = "stars 1000000000000000 -3 " ] || fail "predict: $(./net predict --data new.csv)"
[ "$(./net predict --data new.csv --format json | tr '\n' ' ')" = '{"stars": 1000000000000000} {"stars": -3} ' ] || fail "JSON: $(./net predict --data new.csv --format json)"
expect 0 '^all: 2 rows' ./net eval --data new.csv
printf 'x,stars\n1,7\n1,8\n' >new.csv
expect 4 'new.csv:3:3: expected a whole number that is a class, found "8" \(field stars\)$' ./net eval --data new.csv
printf 'x,stars\n1,7\n1,7.5\n' >new.csv
expect 4 'new.csv:3:3: expected a whole number that is a class, found "7.5"' ./net eval --data new.csv
printf 'x,stars\n1,seven\n1,7\n' >new.csv
expect 4 'new.csv:2:3: expected a whole number that is a class, found "seven"' ./net eval --data new.csv
awk -F, 'NR == 5 { $2 = 11 } { print $1 "," $2 }' d.csv >more.csv
expect 4 'more.csv: expected 7 classes in field stars, found 8: -3, 1, 2, 7, 10, 11, 2000, 1000000000000000$' ./net --data more.csv --quiet --out more
awk -F, 'NR == 5 { $2 = "1.5" } { print $1 "," $2 }' d.csv >half.csv
expect 4 'half.csv:5:[0-9]*: expected a whole number that is a class, found "1.5"' ./net --data half.csv --quiet --out more
awk -F, 'NR == 5 { $2 = "" } { print $1 "," $2 }' d.csv >hole.csv
expect 4 'hole.csv:5:[0-9]*: expected a whole number that is a class, found "" .*missing = own' ./net --data hole.csv --quiet --out more
# With classes of their own for what is missing, and for others.
program "$(sed 's/7, named/9, missing = own, other = own, named/' <<<"$csv")" 9 >own.nn && "$NNC" build own.nn && ./own --quiet --data hole.csv || fail "own.nn"
printf 'x,stars\n1,\n1,8\n1,7.5\n1,x\n1,2\n' >new.csv
expect 0 '^all: 5 rows' ./own eval --data new.csv
# The message for other numbers proposes it, in files, tables and arrays.
program "$(sed 's/, named = true//' <<<"$csv")" 7 >plain.nn && "$NNC" build plain.nn || fail "plain.nn"
expect 4 'd.csv:2:3: expected a class, a whole number 0 .. 6, found "10" \(field stars\); class\(..., named = true\) numbers other whole numbers$' ./plain --quiet
printf abcadc | npy_file s.npy '|u1' 6,
program 'npy {
    x     = file("s.npy")
    stars = class(file("s.npy"), 4, named = true)
}' 4 >array.nn && "$NNC" build array.nn && ./array --quiet || fail "array.nn"
[ "$(./array data | tail -n +2 | tr '\n' ' ')" = "97,0 98,1 99,2 97,0 100,3 99,2 " ] || fail "arrays: $(./array data)"
sed 's/, named = true//' array.nn >bare.nn && "$NNC" build bare.nn
expect 4 's.npy: row 0 \(counted from 0\): expected a whole number 0 .. 3 \(field stars\), found 97; class\(..., named = true\)' ./bare --quiet
program 'table {
    x     = [1, -1, 2, 3]
    stars = class([2_020, 1_999, 2_020, 1_850], 3, named = true)
}' 3 >table.nn && "$NNC" build table.nn && ./table --quiet || fail "table.nn"
[ "$(./table data | cut -d, -f2 | tr '\n' ' ')" = "stars 2 1 2 0 " ] || fail "tables: $(./table data)"
# Texts are texts, with or without.
printf 'x,stars\n1,b\n1,a\n1,10\n' >texts.csv
program "$(sed 's/7, named/3, named/; s/d.csv/texts.csv/' <<<"$csv")" 3 >texts.nn && "$NNC" build texts.nn && ./texts --quiet || fail "texts.nn"
[ "$(./texts data | cut -d, -f2 | tr '\n' ' ')" = "stars 2 1 0 " ] || fail "texts: $(./texts data)"
exit $bad
