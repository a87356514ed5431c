# Classes of their own for missing cells and for what the training file does not have, so that a prediction ends on no category; rows made of
# fields and readers. awk, and the columns one by one, say what is right.
set -u
. "$ROOT/tests/support/command.sh"
cat >own.nn <<'END'
data d = csv("own.csv") {
    port  = class(column("port"), 5, missing = own, other = own)
    some  = class(column("some"), 3, missing = own)
    any   = class(column("any"), 4, other = own)
    k     = class(column("k"), 5, missing = own, other = own)
    e[2]  = class(columns("port", "any"), 8, missing = own, other = own)
    t     = column("t")
    split = random(test = 25%, stratify = port)
}

model net(port[batch]: class, some[batch]: class, any[batch]: class, k[batch]: class) -> y[batch] {
    param w[8] = 1
    y[n] = w[port[n]] + 10 * w[some[n]] + 100 * w[any[n]] + 1000 * w[k[n]]
}

train net on d {
    loss      = mse(y, t)
    optimizer = sgd(1e-9)
    epochs    = 1
}
END
awk 'BEGIN { print "port,some,any,k,t"; for (i = 0; i < 48; i++)
    print (i % 4 == 0 ? "south" : i % 4 == 1 ? "east" : i % 4 == 2 ? "north" : i % 8 == 3 ? "" : "NA") "," \
        (i % 3 == 0 ? "no" : i % 3 == 1 ? "yes" : "?") "," (i % 3 == 0 ? "b" : i % 3 == 1 ? "a" : "c") "," (i % 5 == 4 ? "" : i % 5 == 3 ? 7 : i % 5) "," i }' >own.csv
"$NNC" build own.nn --blas none || exit 1
./own --quiet && { ./own data; ./own data --part test | tail -n +2; } >seen || fail "own does not train"
awk -F, 'function check(name, at, want) { if (at != want) { printf "t %s: %s is %s, not %s\n", $8, name, at, want; bad = 1 } }
    NR > 1 { i = $7; check("port", $1, substr("2013", i % 4 + 1, 1)); check("some", $2, i % 3); check("any", $3, substr("102", i % 3 + 1, 1))
        check("k", $4, substr("01243", i % 5 + 1, 1)); check("e_1", $6, substr("102", i % 3 + 1, 1)); n++ }
    END { if (n != 48) print n " rows"; exit bad || n != 48 }' seen || bad=1

# ---- other data: what is new is `other`, and nothing ends ----
printf 'k,any,some,port\n9,zebra,yes,west\n1.5,b,?,NA\nfew,,no,south\n,a,no,\n' >new.csv
printf 'any,port,some,k\na,east,no,0\n' | ./own predict >one || fail "predict"
refused() { # WHAT PATTERN FILE
    ./own predict --data "$3" >found 2>said && fail "$1 is read: $(head -n 2 found)"
    grep -qF -- "$2" said || fail "$1: no '$2' in $(head -c 600 said)"
}
refused "a missing cell without a class" 'new.csv:4:5: expected a class, found "" (field any)' new.csv
sed 's/few,,/few,?a,/' new.csv >other.csv
./own predict --data other.csv >found || fail "what is new ends a prediction"
[ "$(wc -l <found)" = 5 ] || fail "predictions: $(cat found)"
sed 's/,yes,west/,maybe,west/' other.csv >wrong.csv
refused "a text that is new where there is no class for it" 'wrong.csv:2:9: expected one of the classes that the model was trained with, found "maybe" (field some)' wrong.csv
# A model whose prediction spells the numbers that it was given.
sed 's/epochs    = 1/epochs    = 0/; s/param w\[8\] = 1/w[i < 8] = i + 1/; s/^    y\[n\]/    param z = 0\n    y[n]/; s/= w\[port\[n\]\]/= z + w[port[n]]/' own.nn >tell.nn
"$NNC" build tell.nn --blas none && ./tell --quiet --epochs 1 && ./tell predict --data other.csv | tail -n +2 | awk '{ printf "%.0f\n", $1 }' >found
printf '5425\n5234\n5413\n4114\n' >want
cmp found want || fail "what the model reads: $(cat found)"

# ---- counted in n ----
wrong() { # FROM TO PATTERN
    sed "s/$1/$2/" own.nn >count.nn
    "$NNC" build count.nn --blas none || exit 1
    ./count --data own.csv --quiet 2>said && fail "$2 trains"
    grep -qF -- "$3" said || fail "$2: $(cat said)"
}
wrong '"port"), 5' '"port"), 6' 'own.csv: expected 4 classes in field port, found 3: "east", "north", "south" (beside 2 of the 6 that are own)'
wrong '"some"), 3' '"some"), 2' 'own.csv: expected 1 classes in field some, found 2: "no", "yes" (beside 1 of the 2 that are own)'
wrong '"k"), 5, missing = own, other = own' '"k"), 5, missing = own' 'expected a class, a whole number 0 .. 3, found "7" (field k)'
wrong '"k"), 5, missing = own, other = own' '"k"), 5, other = own' 'expected a class, a whole number 0 .. 3, found "" (field k)'

# ---- a file that may have missing cells has no texts for them where training had numbers ----
printf 'x,k\n1,0\n2,1\n3,NA\n' >plain.csv
cat >plain.nn <<'END'
data d = csv("plain.csv", missing = 0) {
    x = column("x")
    k = class(column("k"), 2)
}
model net(x[batch], k[batch]: class) -> y[batch] {
    param w = 1
    y[n] = w * x[n] if k[n] == 1 else 0
}
train net on d {
    loss      = mse(y, x)
    optimizer = sgd(1e-3)
    epochs    = 1
}
END
"$NNC" build plain.nn --blas none && ./plain --quiet || fail "plain does not train"
printf 'x,k\n1,0\n2,?\n3,one\n' | ./plain predict >found 2>said && fail "a text is no missing cell"
grep -qF 'standard input:4:3: expected a class, a whole number 0 .. 1, found "one" (field k)' said || fail "$(cat said)"

# ---- rows of fields and readers ----
cat >rows.nn <<'END'
data d = csv("rows.csv", missing = mean) {
    age       = column("age")
    fare      = column("fare", missing = median)
    sib       = column("sib")
    num[3]    = [age, column("sib"), fare / 10]
    s[3]      = standardize([age, column("sib"), fare / 10])
    m[3]      = minmax([age, column("sib"), fare / 10])
    a         = standardize(age)
    b         = standardize(sib)
    c         = minmax(fare / 10)
    two[2, 2] = [[fare, 1], columns("sib", "age")]
    yes[2]    = [column("sex") == "f", age > 30]
    split     = ordered(test = 25%)
}
model net(s[batch, 3]) -> y[batch] = (s |> dense(1))[:, 0]
train net on d {
    loss      = mse(y, age)
    optimizer = sgd(1e-3)
    epochs    = 1
}
END
awk 'BEGIN { print "age,sib,sex,fare"; for (i = 0; i < 40; i++)
    print (i % 6 == 4 ? "NA" : 20 + i * 7 % 31) "," (i % 7 == 3 ? "" : i % 3) "," (i % 5 < 2 ? "f" : "m") "," (i % 9 == 5 ? "" : i * i % 53 / 4) }' >rows.csv
"$NNC" build rows.nn --precision double --blas none || exit 1
{ ./rows data; ./rows data --part test | tail -n +2; } >seen
awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next }
    function check(name, want) { if (!(name in at) || $at[name] - want > 1e-12 || want - $at[name] > 1e-12) { print name " is " $at[name] ", not " want; bad = 1 } }
    { age = $at["age"]; fare = $at["fare"]; sib = $at["sib"]; n++
      check("num_0", age); check("num_1", sib); check("num_2", fare / 10); check("s_0", $at["a"]); check("s_1", $at["b"]); check("m_2", $at["c"])
      check("two_0", fare); check("two_1", 1); check("two_2", sib); check("two_3", age); check("yes_0", (n - 1) % 5 < 2); check("yes_1", age > 30) }
    END { exit bad || n != 40 }' seen || bad=1
exit $bad
