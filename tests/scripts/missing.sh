# Tables as people have them: columns by their names, what stands for a missing cell (of the file, of a reader; mean and median of the
# training rows, in every part), numbers with other signs, comments. awk computes the same from the file.
set -u
. "$ROOT/tests/support/command.sh"
refused() { # WHAT PATTERN COMMAND...: fails, and says the pattern
    local what=$1 pattern=$2
    shift 2
    "$@" >found 2>said && fail "$what is read: $(head -n 2 found)"
    grep -qF -- "$pattern" said || fail "$what: no '$pattern' in $(head -c 600 said)"
}
train() { # NAME: a program that trains on what its block, standard input, says
    { cat; cat <<'END'; } >"$1.nn"
model net(x[batch, 3]) -> y[batch] = (x |> dense(1))[:, 0]
train net on d {
    loss      = mse(y, t)
    optimizer = sgd(1e-3)
    epochs    = 2
}
END
    "$NNC" build "$1.nn" --precision double --blas none || { fail "$1 does not build"; exit 1; }
}

# ---- a file of another make: what to write ----
train signs <<'END'
data d = csv("signs.csv") {
    x[3] = columns(0 .. 2)
    k    = class(column(3), 2)
    t    = x[0]
}
END
printf 'a;b;c;k\n1;2;3;0\n' >signs.csv
refused "another separator" 'signs.csv:1: expected column 2 (counted from 0), found 1 column (the line has ";" 3 times: csv(..., separator = ";") divides it there)' ./signs
printf 'a\tb\tc\tk\n' >signs.csv
refused "tabs" 'the line has a tab 3 times: csv(..., separator = "\t")' ./signs
printf 'a,b,c,k\n1,"8,65",3,0\n' >signs.csv
refused "another decimal sign" 'found "8,65" (csv(..., decimal = ",") reads 8.65)' ./signs
printf 'a,b,c,k\n1,2,3,no\n1,2,3,\n' >signs.csv
refused "a class without a name" 'expected a class, found "" (field k); class(..., missing = own) makes missing cells a class' ./signs

# ---- mean and median of the training rows, zero, the file's default: 40 rows of which the last 10 are held out ----
awk 'BEGIN { srand(7); print "id,age,fare,sib,t"
    for (i = 0; i < 40; i++) { age = i % 5 == 2 ? "NA" : int(rand() * 800) / 10; fare = i % 7 == 3 ? "" : int(rand() ^ 4 * 50000) / 100
        print i "," age "," fare "," (i % 3 == 1 ? "?" : int(rand() * 5)) "," (i % 11 == 5 ? "nan" : i / 4) } }' >holes.csv
train holes <<'END'
data d = csv("holes.csv", missing = 0) {
    x[3]  = columns("fare", "age", "sib", missing = median)
    a     = column("age", missing = mean)
    f     = log1p(column("fare", missing = median)) + column("sib", missing = -1)
    s[3]  = columns(1 .. 3, missing = mean)
    z     = column("age")
    i     = column("id", missing = error)
    t     = column("t")
    split = ordered(test = 25%)
}
END
./holes data >seen && ./holes data --part test | tail -n +2 >>seen || fail "holes: no data"
cat >check.awk <<'END'
function median(k,    n, i, j, v, t) { # of column k of the first 30 rows
    for (i = 1; i <= 30; i++) if (cell[i, k] ~ /^[0-9.]+$/) { t = cell[i, k] + 0
        for (j = n++; j > 0 && v[j - 1] > t; j--) v[j] = v[j - 1]
        v[j] = t }
    return n % 2 ? v[(n - 1) / 2] : (v[n / 2 - 1] + v[n / 2]) / 2
}
function mean(k,    n, i, s) { for (i = 1; i <= 30; i++) if (cell[i, k] ~ /^[0-9.]+$/) { s += cell[i, k]; n++ }; return s / n }
function or(r, k, other) { return cell[r, k] ~ /^[0-9.]+$/ ? cell[r, k] + 0 : other }
function check(name, want) { if (!(name in at) || $at[name] - want > 1e-9 || want - $at[name] > 1e-9) {
    printf "row %d: %s is %s, not %.17g\n", r, name, $at[name], want; bad = 1 } }
NR == FNR && FNR > 1 { for (k = 1; k <= NF; k++) cell[FNR - 1, k] = $k }
NR == FNR { next }
FNR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next }
{ r = FNR - 1; check("x_0", or(r, 3, median(3))); check("x_1", or(r, 2, median(2))); check("x_2", or(r, 4, median(4)))
  check("a", or(r, 2, mean(2))); check("f", log(1 + or(r, 3, median(3))) + or(r, 4, -1)); check("z", or(r, 2, 0)); check("i", cell[r, 1])
  check("s_0", or(r, 2, mean(2))); check("s_1", or(r, 3, mean(3))); check("s_2", or(r, 4, mean(4))); check("t", or(r, 5, 0)) }
END { if (r != 40) print "rows: " r; exit bad || r != 40 }
END
awk -F, -f check.awk holes.csv seen || bad=1
./holes --quiet && ./holes predict --data holes.csv >whole || fail "holes does not train"
# What was measured lies with the weights: a row by itself gets the same, wherever its columns stand.
awk -F, 'FNR == 1 || FNR == 4 { print $4 "," $2 "," $3 }' holes.csv | ./holes predict | tail -n 1 >one
sed -n 4p whole | cmp - one || fail "a row by itself: $(cat one) for $(sed -n 4p whole)"
sed 's/^3,/,/' holes.csv >gone.csv
refused "a cell that must be there" 'gone.csv:5:1: expected a number in column "id", found nothing (a missing cell is an error' ./holes --data gone.csv
awk -F, -v OFS=, 'NR > 1 { $2 = "NA" } 1' holes.csv >none.csv
refused "a column of holes" 'none.csv: no training row has a value in field x, so that there is no median for missing ones' ./holes --data none.csv

# ---- a part of its own gets what the training rows have, reader by reader ----
printf 'a,b,c,t\n1,2,3,1\n5,2,,2\n9,8,8,3\n,4,6,4\n' >first.csv
train parts <<'END'
data d = csv("first.csv", missing = median) {
    x[3] = columns("a", "b", "c")
    m    = column("a", missing = mean)
    t    = column("t")
    test {
        x = columns("c", "b", "a")
        m = column("c", missing = mean)
        t = column("t")
    }
}
END
printf 'x_0,x_1,x_2,m,t\n1,2,3,1,1\n5,2,6,5,2\n9,8,8,9,3\n5,4,6,5,4\n' >want
./parts data >found && cmp found want || fail "parts, training: $(cat found)"
printf 'x_0,x_1,x_2,m,t\n3,2,1,3,1\n5,2,5,5,2\n8,8,9,8,3\n6,4,6,6,4\n' >want
./parts data --part test >found && cmp found want || fail "parts, test: $(cat found)"

# ---- names ----
sed 's/fare/Fare/' holes.csv >named.csv
refused "a name that is nearly another" 'named.csv:1: expected a column called "fare" (did you mean "Fare"?), found ["id","age","Fare",' ./holes --data named.csv
sed 's/fare/price/' holes.csv >named.csv
refused "a name that is none" 'named.csv:1: expected a column called "fare", found ["id","age","price",' ./holes --data named.csv
sed '1s/id/fare/' holes.csv >named.csv
refused "a name twice" 'named.csv:1:10: two columns are called "fare"' ./holes --data named.csv

# ---- decimal, thousands, comment ----
train signs <<'END'
data d = csv("signs.csv", separator = ";", decimal = ",", thousands = ".", comment = "#", missing = mean) {
    x[3] = columns("a", "b", "c")
    t    = column("t")
    k    = class(column("kind"), 3)
}
END
cat >signs.csv <<'END'
# what others wrote; "in quotes
a;b;c;t;kind

1;-1,5;1.234;,5;2
  # between
+12.345.678,25;999;1e3;"1.000,5";0
0,5;1000,5;-1.000;1,5e2;1
;-0;"2,0";3;1
# the end
END
printf '# no end of line' >>signs.csv
cat >want <<'END'
x_0,x_1,x_2,t,k
1,-1.5,1234,0.5,2
12345678.25,999,1000,1000.5,0
0.5,1000.5,-1000,150,1
4115226.5833333335,0,2,3,1
END
./signs data | sed 's/,-0,/,0,/' >found && cmp found want || fail "signs: $(cat found)"
for cell in 1.5 1.23 12.34.567 1234.567 1,5,6 .500 1.000.00 1,000.5 1.000e3.000 1.; do
    sed "s/^1;/$cell;/" signs.csv >wrong.csv
    refused "$cell" "wrong.csv:4:1: expected a number in column \"a\", found \"$cell\"" ./signs --data wrong.csv
done
sed 's/;2$/;1,5/' signs.csv >wrong.csv
refused "a class that is not whole" 'wrong.csv:4:17: expected a class, a whole number 0 .. 2, found "1,5"' ./signs --data wrong.csv
sed 's/^data.*/data d = csv("points.csv", decimal = ".", thousands = " ") {/' signs.nn >spaces.nn
"$NNC" build spaces.nn && printf 'a,b,c,t,kind\n1 000.5,2,-1 000 000,4,0\n1,2,3,4,1\n1,2,3,4,2\n' >points.csv && ./spaces data | sed -n 2p >found
[ "$(cat found)" = 1000.5,2,-1000000,4,0 ] || fail "blanks between groups: $(cat found)"
exit $bad
