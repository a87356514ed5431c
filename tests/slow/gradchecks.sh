#!/bin/bash
# nnc gradcheck of every program of tests/models: the derivative against finite differences, element by element. Of networks of practice,
# which have too many, the text with smaller sizes.
set -u
. "$ROOT/tests/support/command.sh"
smaller() { # NAME: what sed makes of its text
    case $1 in
    char_lstm) echo 's/= 65/= 7/; s/\[64\]/[6]/; s/, 64)/, 3)/; s/256/4/g' ;;
    flowers_cnn) echo 's/64, 64, 3/16, 16, 3/g; s/conv2d(32)/conv2d(3)/; s/64 \* 2^i/3/' ;;
    fine_tune) echo 's/32, 32, 3/8, 8, 3/g' ;;
    gpt) echo 's/= 65/= 7/; s/= 128/= 8/; s/\[64\]/[5]/; s/repeat 4/repeat 2/; s/heads = 4/heads = 2/' ;;
    graph) echo 's/= 2708/= 9/; s/1433/5/g' ;;
    keywords) echo 's/conv1d(32/conv1d(2/; s/conv1d(64/conv1d(2/' ;;
    mobilenet) echo 's/96/16/g; s/37/3/g; s/conv2d(32/conv2d(3/; s/able(64/able(4/; s/able(128/able(4/g; s/able(256/able(4/g; s/able(512/able(4/g; s/repeat 5/repeat 2/' ;;
    resnet20) echo 's/\[32, 32, 3\]/[8, 8, 3]/; s/batch, 32, 32, 3/batch, 8, 8, 3/; s/norm(16)/norm(2)/; s/residual(32/residual(3/; s/residual(64/residual(4/; s/repeat 3/repeat 2/' ;;
    seq2seq) echo 's/\[20\]/[4]/; s/\[24\]/[5]/; s/8_000/7/g; s/10_000/6/g; s/128/3/g; s/256/4/g' ;;
    siamese) echo 's/64, 64, 1/12, 12, 1/g; s/conv2d(32)/conv2d(2)/; s/conv2d(64)/conv2d(3)/; s/dense(64)/dense(4)/; s/\[batch, 64\]/[batch, 4]/g' ;;
    unet) echo 's/128, 128/16, 16/g; s/level(16/level(2/; s/level(32/level(2/; s/level(64/level(2/; s/twice(128)/twice(2)/' ;;
    vit) echo 's/32, 32, 3/8, 8, 3/g; s/192/6/; s/repeat 6/repeat 2/' ;;
    esac
}
for file in "$ROOT"/tests/models/*.nn; do
    name=$(basename "$file" .nn)
    sed "$(smaller "$name")" "$file" >"$name.nn"
    [ -z "$(smaller "$name")" ] || ! cmp -s "$file" "$name.nn" || fail "$name: nothing is smaller"
    start=$SECONDS
    timeout 300 "$NNC" gradcheck "$name.nn" >"$name.txt" 2>&1 || fail "$name: $(tail -n 5 "$name.txt")"
    echo "$name: $((SECONDS - start)) s, $(tail -n 1 "$name.txt")"
done
exit $bad
