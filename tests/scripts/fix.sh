# `nnc check --fix`: what a message is certain of stands in the file afterwards, whole and once; nothing else is touched.
set -u
. "$ROOT/tests/support/command.sh"

cat >wrong.nn <<'END'
// digits of other languages
dataset digits = csv('digits.csv') {
    image[8, 8] = columns(0 .. 63) / 16;
    label       = clas(column(64), 10)
    split       = random(test = 20)
}

let width = 64

model net(image[batch, 8, 8]) -> logits[batch, 10] {
    image |> flatten() |> denze(width) |> nn.ReLU() |> dropout(20) |> dense(10,)
}

train net on digits {
    loss      = cross_entropy(logits, lable)
    optimizer = adam(lr: 1e-3)
    epoch     = 40
    metrics   = [acuracy(logits, label) topk = top(logits, label, k = 3)]
    stop      = test.los < .5&&epoch > 3
}
END
cat >right.nn <<'END'
# digits of other languages
data digits = csv("digits.csv") {
    image[8, 8] = columns(0 .. 63) / 16
    label       = class(column(64), 10)
    split       = random(test = 20%)
}

width = 64

model net(image[batch, 8, 8]) -> logits[batch, 10] {
    image |> flatten() |> dense(width) |> relu() |> dropout(20%) |> dense(10)
}

train net on digits {
    loss      = cross_entropy(logits, label)
    optimizer = adam(lr = 1e-3)
    epochs     = 40
    metrics   = [accuracy(logits, label), topk = top(logits, label, k = 3)]
    stop      = test.loss < 0.5 and epoch > 3
}
END
cp wrong.nn net.nn && chmod 640 net.nn && ln -s net.nn link.nn
gives 0 'link.nn:17:5: fixed: `epoch` is now `epochs`' check --fix link.nn
[ -L link.nn ] && [ "$(stat -c %a net.nn)" = 640 ] || fail "the link or the mode is gone"
diff net.nn right.nn || fail "not mended"
gives 0 '^$' check net.nn

# Nothing certain, nothing written; what is certain beside it is.
touch -d 2001-01-01 net.nn && gives 0 '^$' check --fix net.nn
printf 'fn f(x) = x +\n' >net.nn && cp net.nn before.nn && touch -d 2001-01-01 net.nn
gives 1 'the line ends where' check --fix net.nn
cmp -s net.nn before.nn && [ "$(stat -c %Y net.nn)" = "$(date -d 2001-01-01 +%s)" ] || fail "a file without a certain mistake is written"
printf 'fn f(x) = exq(x)\nfn g(x[n, m]) = x[n, m, 2]\n' >net.nn
gives 1 'net.nn:1:11: fixed: `exq` is now `exp`' check --fix net.nn
grep -q '^fn f(x) = exp(x)$' net.nn || fail "not mended beside another mistake: $(cat net.nn)"
# A library is not the file that is checked.
printf 'fn half(x) = x / 2;\n' >own.nn && printf 'fn f(x) = own.halff(x)\n' >net.nn && cp own.nn own.before
gives 1 '`;` is not needed' check --fix --library own.nn net.nn
cmp -s own.nn own.before || fail "a library is mended"
printf 'fn half(x) = x / 2\n' >own.nn && gives 0 '`own.halff` is now `own.half`' check --fix --library own.nn net.nn

# As an edit for a tool: the place and the text.
printf 'fn f(x) = exq(x)\n' >net.nn
gives 1 '"fix":{"file":"net.nn","line":1,"column":11,"end_line":1,"end_column":14,"text":"exp"}' check --json net.nn
printf 'a = [3 4]\n' >net.nn
gives 1 '"fix":{"file":"net.nn","line":1,"column":7,"end_line":1,"end_column":7,"text":","}' check --json net.nn

# ---- a message's own page ----
gives 0 'SEMICOLON, an error' explain SEMICOLON
gives 0 'example.nn:1:6: error: a line ends a statement' explain SEMICOLON
gives 0 'a warning' explain LOGITS_WANTED
gives 2 'did you mean `SEMICOLON`' explain SEMICOLN
for code in $(sed -n 's/^### //p' "$ROOT/docs/errors.md"); do
    "$NNC" explain "$code" >page.txt 2>&1 || fail "nnc explain $code: $?"
    # what has an example is provoked by it
    ! grep -q '^The smallest program' page.txt || grep -qE '^[^ ].*: (error|warning): ' page.txt || fail "nnc explain $code says nothing of its program"
done
exit $bad
