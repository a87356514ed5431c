# A folder of 10 000 small pictures, of which 10 are broken: all ten are named before the first step, and without them it trains.
set -u
. "$ROOT/tests/support/command.sh"
good=$ROOT/tests/pictures/good broken=$ROOT/tests/pictures/broken
mkdir -p many/{a,b,c,d}
for k in $(seq 1 2500); do for f in a b c d; do ln "$good/one.png" "many/$f/$k.png" 2>/dev/null || cp "$good/one.png" "many/$f/$k.png"; done; done
for f in a b c d; do rm "many/$f/2500.png"; done
n=0
for f in cut.jpg cut.png cut_in_head.png empty.png huge.jpg huge.png large.png no_pixels.png text.jpg damaged.png; do
    n=$((n + 1))
    [ $n -le 4 ] || rm "many/a/$n.png"
    cp "$broken/$f" "many/b/broken_$f"
done
[ "$(find many -type f | wc -l)" = 10000 ] || fail "$(find many -type f | wc -l) files"
cat >net.nn <<'NN'
data d = images("many") {
    x[8, 8, 3] = resize(pixels, 8, 8) / 255
    t          = class(folder, 4)
}
model net(x[batch, 8, 8, 3]) -> y[batch, 4] = x |> flatten |> dense(4)
train net on d {
    loss      = cross_entropy(y, t)
    optimizer = sgd(0.01)
    batch     = 100
    epochs    = 1
}
NN
"$NNC" build net.nn || fail "no program"
./net >said.txt 2>&1
[ $? -eq 4 ] && grep -q '^error: many: 10 of 10000 pictures cannot be read:$' said.txt && [ "$(grep -c '^  b/broken_' said.txt)" = 10 ] || fail "$(cat said.txt)"
[ -e net.run/weights.safetensors ] && fail "it trained on some of them"
rm many/b/broken_*
time ./net --quiet || fail "9 990 pictures do not train"
exit $bad
