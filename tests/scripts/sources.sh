# Sources beside csv: the same rows as objects, as a database and as numbers of LIBSVM's are the same fields, and predict the same; arrays of
# npz files, stored and deflated; CIFAR's batches. What is wrong in a file is said with its place.
set -u
. "$ROOT/tests/support/command.sh"
[ -e "$BUILD/libnn-sqlite.a" ] || { echo "this build has no libnn-sqlite.a: libsqlite3-dev"; exit 1; }
export LC_ALL=C

network() { # SOURCE FIELDS...: a network of x[3] and t, which also predicts what a row is called
    printf 'data d = %s {\n' "$1" && shift
    printf '    %s\n' "$@"
    printf '}\nmodel net(x[batch, 3], kind[batch]: class) -> y[batch, 2] {\n    param w[3, 2] = 0.5\n    param v[3, 2] = 0\n    y[n, k] = sum[i] x[n, i] * w[i, k] + v[kind[n], k]\n}\n'
    printf 'train net on d {\n    loss = cross_entropy(y, t)\n    optimizer = sgd(0.1)\n    batch = 4\n    epochs = 3\n    metrics = [accuracy(y, t)]\n'
    printf '    predict = [id, name, sure = max[i] softmax(y)[.., i], known = restore(argmax[i] y[.., i], t)]\n}\n'
}
build() { network "$@" >net.nn && "$NNC" build net.nn || fail "no program: $*"; }

# ---- the same rows three times ----
cat >sql.c <<'PROGRAM'
#include <sqlite3.h>
#include <stdio.h>
int main(int argc, char **argv) {
    sqlite3 *d;
    char *why = NULL;
    if (argc != 3 || sqlite3_open(argv[1], &d) || sqlite3_exec(d, argv[2], NULL, NULL, &why)) return printf("%s\n", why), 1;
    return sqlite3_close(d);
}
PROGRAM
cc sql.c -lsqlite3 -o sql || exit 1
awk 'BEGIN {
    srand(5)
    print "id,name,age,fare,ok,kind,day,words,said" >"rows.csv"
    print "create table r (id integer, name text, age integer, fare real, ok text, kind text, day text, words text, said text);" >"rows.sql"
    for (k = 0; k < 40; k++) {
        id = sprintf("90071992547409%02d", k); c = sprintf("%c", 97 + k % 26)
        age = k % 7 ? sprintf("%d", 20 + rand() * 40) : ""; fare = sprintf("%.16g", rand() * 9 - 4); ok = k % 3 ? "true" : "false"
        kind = substr("redblugrn", k % 3 * 3 + 1, 3); day = sprintf("2024-0%d-%02d", k % 9 + 1, k % 28 + 1)
        words = k % 2 ? "one two" : k % 4 ? "three" : "two three four"; said = k % 5 < 2 ? "yes" : "no"
        printf "%s,\"a \"\"%s\"\", b\",%s,%s,%s,%s,%s,%s,%s\n", id, c, age, fare, ok, kind, day, words, said >"rows.csv"
        printf "insert into r values (%s, %ca \"%s\", b%c, %s, %s, %c%s%c, %c%s%c, %c%s%c, %c%s%c, %c%s%c);\n", id, 39, c, 39, age == "" ? "null" : age, fare,
            39, ok, 39, 39, kind, 39, 39, day, 39, 39, words, 39, 39, said, 39 >"rows.sql"
        printf "{\"id\": %s, \"more\": [{\"a\": null}, \"\\ud83d\\ude00\"], \"who\": {\"name\": \"a \\\"%s\\u0022, b\"%s}, \"fare\": %s, \"ok\":%s, ", id, c,
            age == "" ? "" : ", \"age\": " age, fare, ok >"rows.jsonl"
        printf "\"kind\":\"%s\",\"day\" :\"%s\",\t\"words\": \"%s\", \"said\": \"%s\", \"v\": [[%d], [%s, -1e1]]}\n\n", kind, day, words, said, k, fare >"rows.jsonl"
        printf "%d 1:%d 3:%s 7:-1e1 # %s\n", k % 5 < 2 ? 5 : -1, k, fare, id >"rows.svm"
    }
}'
./sql rows.db "$(cat rows.sql)" || exit 1
i=0
for source in 'csv("rows.csv")' 'jsonl("rows.jsonl")' 'sqlite("rows.db", "select * from r order by id;")'; do
    i=$((i + 1))
    who=$([ $i = 2 ] && echo who.)
    build "$source" "x[3] = standardize([column(\"${who}age\", missing = mean), column(\"fare\"), date(column(\"day\"), day)])" \
        'kind = class(column("kind"), 3)' 'ok = column("ok") == "true"' 'n = count_words(column("words"))' 'id = column("id")' \
        "name = class(column(\"${who}name\"), 26)" 't = class(column("said"), 2)' 'split = random(test = 40%, group = column("words"))'
    ./net --quiet --out run$i --threads 1 || fail "$source does not train"
    ./net data >data$i.txt && ./net eval --out run$i 2>&1 >eval$i.txt
    file=$(sed 's/^[a-z]*("\([^"]*\)".*/\1/' <<<"$source")
    cp "$file" "new.${file#*.}"
    ./net predict --data "new.${file#*.}" --out run$i >predict$i.txt || fail "$source does not predict"
done
for k in 2 3; do
    cmp data1.txt data$k.txt && cmp eval1.txt eval$k.txt && cmp predict1.txt predict$k.txt || fail "source $k gives other rows"
done
grep -q '^9007199254740900,"a ""a"", b",0.' predict1.txt || fail "what is carried: $(head -2 predict1.txt)"

# ---- an array of a line is a row, and other columns are said by their ways ----
simple() { # SHAPE SOURCE FIELDS...: x of this shape against t
    printf 'data d = %s {\n' "$2"
    printf '    %s\n' "${@:3}"
    printf '}\nmodel net(x[batch, %s]) -> y[batch] = (x |> flatten |> dense(1))[:, 0]\ntrain net on d {\n    loss = mse(y, t)\n    optimizer = sgd(1e-6)\n    epochs = 1\n}\n' "$1"
}
made() { simple "$@" >net.nn && "$NNC" build net.nn || fail "no program: $*"; }
made '2, 2' 'jsonl("v.jsonl", missing = -7)' 'x[2, 2] = column("v")' 't = column("a.b.c")'
printf '\357\273\277{"v": [[1, 2], [true, 4]], "a": {"b": {"c": 5}}}\r\n\n {"v":[null,"6",7e0,8],"a.b":{"c":-1}, "x\\u00e9": {"a":[]}}\n{"v": [1,2,3,NaN]}' >v.jsonl
[ "$(./net data | tr '\n' ' ')" = 'x_0,x_1,x_2,x_3,t 1,2,1,4,5 -7,6,7,8,-1 1,2,3,-7,-7 ' ] || fail "arrays: $(./net data)"
printf '{"v": [1, 2, 3, 4]}\n' | ./net predict --out none 2>&1 | grep -q 'none' || fail "predict reads no standard input"
bad() { # MESSAGE BYTES
    printf "$2" >v.jsonl
    expect 4 "^error: v.jsonl:$1" ./net --quiet
}
bad '1:1: expected an object, \{\.\.\.\}, on a line of its own, found "\[1"$' '[1\n'
bad '2:10: expected JSON, found the end of the line$' '{"v":[1,2,3,4],"a":{"b":{"c":0}}}\n{"v": [1,\n2,3,4]}'
bad '1:7: expected 4 values in column "v", found 3$' '{"v": [1, [[2]], 3], "a":{"b":{"c":0}}}'
bad '1:8: expected a value or an array of values, found "\{"a": 1\}\]\}"$' '{"v": [{"a": 1}]}'
bad '1:11: expected a number in column "v", found "x"$' '{"v": [1, "x", 2, 3]}'
bad '1:19: expected JSON, found "\}\}\}"$' '{"a":{"b":{"c": 01}}}\n'
bad '1:18: expected the end of the line, found "\{\}"$' '{"v": [1,2,3,4]} {}'
bad '1:17: expected a text without zero bytes' '{"v": ["a\\u0000"]}'
bad '1: expected a column called "a.b.c" \(did you mean "a.b.d"\?\), found \["v","a.b.d"\]$' '{"v": [1,2,3,4], "a": {"b": {"d": 3}}}\n'
printf '\n \n' >v.jsonl
expect 4 '^error: v.jsonl: expected an object a line, found no lines$' ./net --quiet
made 1 'jsonl("v.jsonl")' 'x[1] = column("v")' 't = column("t")'
bad '2:8: expected a number in column "t", found nothing \(a missing cell' '{"v": 1, "t": 2}\n{"v": 1}\n'

# ---- a database ----
made 2 'sqlite("one.db", "select a, b, c from r where a > 0 order by a")' 'x[2] = columns(0 .. 1)' 't = column("c")'
./sql one.db "create table r (c, b, a); insert into r values (3, 2.5, 1), (6, '5e0', 4), (0, 0, -1);"
[ "$(./net data | tr '\n' ' ')" = 'x_0,x_1,t 1,2.5,3 4,5,6 ' ] || fail "a database: $(./net data)"
./net --quiet --out db || fail "a database does not train"
cp one.db other.db && ./sql other.db "insert into r values (9, x'00', 9); insert into r values (1, 'word', 2);"
expect 4 '^error: other.db: row 1 \(counted from 0\): expected a number in column 1, found "word" .class.column.1., n. numbers n words.$' ./net predict --out db --data other.db
./sql other.db "delete from r where a = 2"
expect 4 '^error: other.db: row 2 .*: expected a number or a text in column 1, found a blob$' ./net predict --out db --data other.db
expect 4 '^error: net.nn: SQLite says: file is not a database$' ./net predict --out db --data net.nn
./sql empty.db "create table r (a, b)"
expect 4 '^error: empty.db: SQLite says: no such column: c$' ./net predict --out db --data empty.db
made 2 'sqlite("one.db", "delete from r")' 'x[2] = columns(0 .. 1)' 't = column("c")'
expect 4 '^error: one.db: expected one query that finds rows, found delete from r$' ./net --quiet
made 2 'sqlite("one.db", "select a as x, b from r")' 'x[2] = columns(0 .. 1)' 't = column("xx")'
expect 4 '^error: one.db .the query.s columns.: expected a column called "xx" \(did you mean "x"\?\), found \["x","b"\]$' ./net --quiet

# ---- parts in files of their own, of any source that has one ----
made 2 'sqlite("one.db", "select a, b, c from r where a > 0")' 'x[2] = standardize(columns(0 .. 1))' 't = column("c")' 'test = sqlite("one.db", "select c, b, a from r where a < 0")'
[ "$(./net data --part test | tail -n 1)" = '-2.3333333,-3,0' ] || fail "a part of a database: $(./net data --part test)"
sed 's/ 7:.*//' rows.svm >three.svm
made 3 'libsvm("three.svm")' 'x[3] = row' 't = label' 'test = libsvm("test.svm")'
printf '# none\n\n3 qid:4 1:5 3:-.5\r\n' >test.svm
[ "$(./net data --part test)" = $'x_0,x_1,x_2,t\n5,0,-0.5,3' ] || fail "a part of libsvm: $(./net data --part test)"

# ---- LIBSVM's ----
cp rows.svm three.svm
expect 4 '^error: three.svm:1:.*: expected a number 1 \.\. 3, found "7:-1e1"$' ./net --quiet
simple 8 'libsvm("rows.svm", first = 0)' 'x[8] = row' 't = class(label, 2, named = true)' | sed 's/(x |> flatten |> dense(1))\[:, 0\]/x |> dense(2)/; s/y\[batch\]/y[batch, 2]/; s/mse/cross_entropy/' >net.nn
"$NNC" build net.nn && ./net --quiet --out svm || fail "libsvm does not train"
[ "$(./net data | sed -n 2,3p | cut -d, -f1-3,5-9 | tr '\n' ' ')" = '0,0,0,0,0,0,-10,1 0,1,0,0,0,0,-10,1 ' ] || fail "rows of libsvm: $(./net data | head -3)"
cut -d' ' -f2- rows.svm | sed 's/^/0 /' >new.svm
[ "$(./net predict --out svm --labels --data new.svm | tail -n 1)" = "$(./net predict --out svm --labels <new.svm | tail -n 1)" ] || fail "libsvm does not predict"
for wrong in '1 3:1 2:4|:1:7: expected numbers in increasing order, found "2:4"' '1 3|:1:3: expected NUMBER:VALUE, found "3"' 'x 3:1|:1:1: expected a label, a number, found "x"' \
    '1 3:nan|:1:3: expected NUMBER:VALUE, found "3:nan"' '1 8:1|:1:3: expected a number 0 \.\. 7, found "8:1"' '3 0:1|:1: expected a whole number that is a class'; do
    echo "${wrong%%|*}" >wrong.svm
    expect 4 "^error: wrong.svm${wrong#*|}" ./net eval --out svm --data wrong.svm
done

# ---- arrays of npz files ----
cp "$ROOT"/tests/arrays/*.npz .
for file in stored deflated; do
    made '2, 3' "npz(\"$file.npz\")" 'x[2, 3] = file("rows")' 't = file("labels.npy")' 'test {' 'x = file("rows")' 't = file("labels")' '}'
    [ "$(./net data --part test | sed -n 3p)" = '1.5,1.75,2,2.25,2.5,2.75,1' ] || fail "$file.npz: $(./net data --part test | sed -n 3p)"
    ./net --quiet --out npz && ./net predict --out npz --data deflated.npz >npz_$file.txt || fail "$file.npz does not train"
    for at in 3 30 200 600 880; do # cut off, and one byte another
        head -c $at "$file.npz" >cut.npz
        expect 4 '^error: cut.npz' ./net predict --out npz --data cut.npz
        { head -c $((at - 1)) "$file.npz"; printf '\377'; tail -c +$((at + 1)) "$file.npz"; } >cut.npz
        ./net predict --out npz --data cut.npz >npz.txt 2>npz.err
        [ $? = 4 ] && grep -q '^error: cut.npz' npz.err || cmp npz.txt npz_$file.txt || fail "$file.npz with another byte at $at"
    done
done
cmp npz_stored.txt npz_deflated.txt || fail "stored and deflated arrays differ"
made 8192 'npz("deflated.npz")' 'x[8_192] = file("wide")' 't = file("labels")'
./net data | tail -n 1 | cut -d, -f8192-8193 | grep -qx '162,2' || fail "a large array: $(./net data | tail -n 1 | cut -d, -f8192-8193)"
expect 4 '^error: stored.npz: expected an array called "wide", found "rows", "labels"$' ./net --data stored.npz --quiet
made 8191 'npz("deflated.npz")' 'x[8_191] = file("wide")' 't = file("labels")'
expect 4 '^error: deflated.npz: wide: expected 8191 elements a sample \(field x\), found 8192$' ./net --quiet
expect 4 '^error: net.nn: expected an npz file, which begins with PK$' ./net --quiet --data net.nn

# ---- CIFAR ----
mkdir -p batches
record() { octets "$@" && head -c 1024 /dev/zero && head -c 1024 /dev/zero | tr '\0' '\144' && head -c 1024 /dev/zero | tr '\0' '\310'; }
{ record 3; record 1; } >batches/data_batch_2.bin
record 7 >batches/data_batch_1.bin
record 9 >batches/test_batch.bin
echo no >batches/readme.html
picture() { simple '32, 32, 3' "$@" | sed 's/t = label/t = class(label, 10)/; s/(x |> flatten |> dense(1))\[:, 0\]/x |> flatten |> dense(10)/; s/y\[batch\]/y[batch, 10]/; s/mse/cross_entropy/' >net.nn && "$NNC" build net.nn || fail "no program: $*"; }
picture 'cifar("batches/data_batch_*.bin")' 'x[32, 32, 3] = pixels' 't = label' 'test = cifar("batches/test_batch.bin")'
[ "$(./net data | tail -n +2 | cut -d, -f1-4,3072- | tr '\n' ' ')" = '0,100,200,0,200,7 0,100,200,0,200,3 0,100,200,0,200,1 ' ] || fail "pictures: $(./net data | cut -d, -f1-4,3072-)"
[ "$(./net data --part test | tail -n +2 | cut -d, -f3073)" = 9 ] || fail "the part of its own"
./net --quiet --out cifar && [ "$(./net predict --out cifar --data batches | wc -l)" = 4 ] || fail "cifar does not predict a folder"
simple '32, 32, 1' 'cifar("fine.bin", labels = 2)' 'x[32, 32, 1] = pixels' 't = coarse' 'f = class(label, 100)' >net.nn && "$NNC" build net.nn
{ record 4 77; record 5 99; } >fine.bin
[ "$(./net data | cut -d, -f1,1024- | tr '\n' ' ')" = 'x_0,x_1023,t,f 82,82,4,77 82,82,5,99 ' ] || fail "grey pictures: $(./net data | cut -d, -f1,1024-)"
expect 4 '^error: batches/data_batch_1.bin: expected pictures of 3074 bytes each, found 3073 bytes; cifar\(\.\.\., labels = 1\) reads it$' ./net --quiet --data batches/data_batch_1.bin
head -c 4000 fine.bin >short.bin
expect 4 '^error: short.bin: expected pictures of 3074 bytes each, found 4000 bytes$' ./net --quiet --data short.bin

# ---- a file of several pieces, cells in quotes over their borders, is the file without them ----
awk -v q='"' 'BEGIN { print "x,y,note,t" >"plain.csv"; print "x,y,note,t" >"quotes.csv"
    for (k = 0; k < 150000; k++) {
        line = sprintf("%d.%03d,-%d,", k % 977, k % 1000, k); t = k % 5 ? k : "1e" k % 9
        print line "none," t >"plain.csv"
        note = k % 3 ? "none" : "a," q q "b" q q "\n\n c\n" (k % 7 ? "" : "d" q q "\r\n,1,2\n")
        print line q note q "," t (k % 11 ? "" : "\r\n") >"quotes.csv"
    } }'
made 2 'csv("plain.csv")' 'x[2] = columns("x", "y")' 't = column("t")'
./net data >plain.txt && ./net data --data quotes.csv >quotes.txt && cmp plain.txt quotes.txt || fail "pieces with quotes are other rows"
[ "$(wc -l <plain.txt)" = 150001 ] || fail "$(wc -l <plain.txt) rows of pieces"
echo '1,2,"3' >>quotes.csv
line=$(grep -c '' quotes.csv)
expect 4 "^error: quotes.csv:$line:5: expected a closing quote, found the end of the file$" ./net --quiet --data quotes.csv
sed '140000s/,none,.*/,none,word/' plain.csv >wrong.csv
expect 4 '^error: wrong.csv:140000:[0-9]*: expected a number in column "t", found "word" .class.column."t"., n. numbers n words.$' ./net --quiet --data wrong.csv
sed '140000s/,none,.*/,none,2024-02-29/' plain.csv >wrong.csv
expect 4 'column "t", found "2024-02-29" .date.column."t"., seconds. reads dates.$' ./net --quiet --data wrong.csv
exit $bad
