#!/bin/bash
# Files given by --library, and --set: what they name, what they change, and what is said where they are wrong.
set -u
fail() { echo "$*"; [ ! -f out.txt ] || cat out.txt; exit 1; }
refuses() { # MESSAGE, COMMAND...: exit 1 or 2, one error, with the message
    "${@:2}" >out.txt 2>&1 && fail "${*:2}: accepted"
    [ "$(grep -c 'error: ' out.txt)" = 1 ] && grep -qF "$1" out.txt || fail "${*:2}: expected only: $1"
}
mkdir -p libraries && cd libraries || exit 1
cat >mine.nn <<'END'
scale = 2
fn _bent(x) = x * scale
layer widen(x[b, n], factor = 2) -> y[b, n * factor] {
    h = x |> dense(n * factor)
    y = _bent(h)
}
END
cat >run.nn <<'END'
width = 4
half  = width / 2
data d = table {
    x[2] = [[0, 0], [0, 1], [1, 0], [1, 1]]
    t[1] = [[0], [1], [1], [0]]
    test {
        x = [[0, 1], [1, 1], [0, 0]]
        t = [[1], [0], [0]]
    }
}
model net(x[batch, 2]) -> y[batch, 1] {
    x |> mine.widen(factor = 3) |> tanh |> dense(width) |> dense(half) |> dense(1)
}
train net on d {
    loss      = mse(y, t)
    optimizer = adam(lr = cosine(0.01 * mine.scale, warmup = 10 steps))
    batch     = all
    steps     = 20
}
END
"$NNC" check mine.nn >out.txt 2>&1 || fail "a library is accepted by check"
for command in build run summary explain gradcheck; do
    refuses "mine.nn:1:1: error: this file has no \`train\` block" "$NNC" $command mine.nn
done
"$NNC" build run.nn --library mine.nn && ./run --quiet && ./run eval >out.txt || fail "a run with a library"
grep -q '^test: 3 rows' out.txt || fail "the test part of a table has rows of its own"
"$NNC" summary run.nn --library mine.nn | grep -q 'net.widen_1.dense_1 ' || fail "a library's prefix is no part of a name"

cp mine.nn my-lib.nn
sed 's/mine\./my_lib./g' run.nn >other.nn
"$NNC" check other.nn --library my-lib.nn >out.txt 2>&1 || fail "a file's name as a word of the language"
sed 's/mine\.widen/mine._bent/' run.nn >own.nn
refuses "has no \`_bent\`" "$NNC" check own.nn --library mine.nn
sed 's/mine\.widen/mine.wide/' run.nn >wrong.nn
refuses "has no \`wide\`" "$NNC" check wrong.nn --library mine.nn
refuses "cannot read \`none.nn\`" "$NNC" check run.nn --library none.nn
refuses "two libraries are called \`mine\`" "$NNC" check run.nn --library mine.nn --library mine.nn
refuses "a file given by \`--library\` has no \`train\` block" "$NNC" check run.nn --library mine.nn --library other.nn
echo 'fn f(x) = y' >bad.nn
refuses "bad.nn:1:11: error: cannot find \`y\` here" "$NNC" check run.nn --library mine.nn --library bad.nn
sed -e 's/mine\.widen.*/dense(1)/' -e 's/mine\.scale/2/' -e 's/\<net\>/mine/' \
    -e 's/mse(y, t)/mse(y, t) + square(norm(mine.dense_1.w))/' -e '/^width\|^half/d' run.nn >named.nn
"$NNC" check named.nn --library mine.nn >out.txt 2>&1 || fail "the file's own names come before a library's"

set_() { "$NNC" summary run.nn --library mine.nn --set "$@"; }
set_ width=8 | grep -q 'net.dense_2  *\[batch, 4\]' || fail "--set of a constant, and of what depends on it"
"$NNC" build run.nn --library mine.nn --set steps=3 --set optimizer.beta1=0.5 --set "lr.warmup=2 steps" &&
    ./run --quiet --log log.jsonl --out set.run && tail -n 1 log.jsonl | grep -q '"step": 3,' || fail "--set of settings"
refuses "did you mean \`width\`" set_ widht=3
refuses "did you mean \`optimizer.beta1\`" set_ optimizer.beta9=3
refuses "the size \`units\` is 2.5" set_ width=5
refuses "without a unit" set_ "width=8 steps"
refuses "without a unit" set_ "steps=2 epochs"
refuses "cannot find \`abc\`" set_ width=abc
refuses "cannot find \`abc\`" set_ steps=abc
refuses "the loss is 1 whatever the model gives" set_ loss=1
refuses "an optimizer is asked for" set_ optimizer=1
refuses "expected a list of metrics" set_ metrics=1
refuses "expected a condition" set_ stop=1
refuses "cannot find \`q\`" set_ "clip=norm(q)"
"$NNC" explain run.nn --library mine.nn --set "metrics=[mae(y, t)]" --set "optimizer=adam(0.1)" >explain.txt &&
    grep -q '^optimizer  *= adam(0.1)  *--set' explain.txt && grep -q '^metrics  *= \[mae(y, t)\]  *--set' explain.txt ||
    fail "--set of settings that the block gives, and of one that it does not"
exit 0
