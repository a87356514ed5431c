# What examples/README.md promises of those that take seconds; then what the READMEs say beside: xor stops by its rule, drawn files are what their scripts
# draw, texts are gone on from.
. "$ROOT/tests/support/examples.sh"
examples quick
(cd examples/xor && ./xor --quiet --log xor.jsonl) || fail "xor does not train"
tail -n 1 examples/xor/xor.jsonl | grep -q '"event": "end"' || fail "no end event"
tail -n 1 examples/xor/xor.jsonl | sed 's/.*"step": \([0-9]*\).*/\1/' | awk '$1 >= 2000 {exit 1}' || fail "xor did not stop by its rule"
for drawn in voyage houses; do
    sh "$ROOT/examples/$drawn/draw.sh" | cmp - "$ROOT/examples/$drawn/$drawn.csv" || fail "$drawn.csv is not what draw.sh draws"
done
cc -Wall -Wextra -Werror -fsyntax-only "$ROOT/examples/shapes/draw.c" || fail "draw.c"
for name in letters gpt; do
    [ "$(cd examples/text && ./$name sample --out $name.0 --prompt 'The clock' --length 40 --seed 5 | wc -c)" = 50 ] || fail "$name: sample"
done
# A network that draws from nothing makes a picture for each row, whatever the row holds.
[ "$(cd examples/vae && printf 'any\n1\n2\n' | ./vae predict --out vae.0 | wc -l)" = 3 ] || fail "vae: not two pictures"
exit $bad
