# The last batch of an epoch: `drop_last`, and the warning where it leaves one row to a statistic over the batch.
set -u
. "$ROOT/tests/support/command.sh"
cat >net.nn <<'PROGRAM'
data points = csv("points.csv") {
    x[2] = columns(0 .. 1)
    y    = column(2)
}

model net(x[batch, 2]) -> p[batch] = (x |> dense(4) |> batch_norm |> relu |> dense(1))[:, 0]

train net on points {
    loss      = mse(p, y)
    optimizer = sgd(1e-2)
    batch     = 8
    shuffle   = false
    epochs    = 5
}
PROGRAM
rows() { echo a,b,y; for k in $(seq "$1"); do echo "$((k % 5)),$((k * 7 % 11)),$((k % 3))"; done; }
rows 33 >points.csv
rows 32 >even.csv
rows 7 >few.csv
rows 1 >one.csv
told() { # PATTERN TRAINER OPTIONS...: one warning before the first step; nothing: none
    local pattern=$1
    shift
    "$@" --quiet 2>said || fail "$*: $(cat said)"
    if [ -z "$pattern" ]; then [ ! -s said ] || fail "$*: $(cat said)"; else grep -q "^warning: .*$pattern" said && [ "$(wc -l <said)" = 1 ] || fail "$*: no '$pattern' in $(cat said)"; fi
}
"$NNC" build net.nn -o all && "$NNC" build net.nn --set drop_last=true -o full || fail "net does not build"
told 'the last batch of an epoch is one row (of 33, --batch 8), and net.batch_norm_1.mean takes a statistic over the rows: `drop_last = true`' ./all
told '' ./all --data even.csv --out even
told '' ./all --batch 5 --out five
told 'one row (of 33, --batch 1), and .*: another batch size' ./all --batch 1 --out single
told 'one row (of 1, --batch 8)' ./all --data one.csv --out one
told '' ./full --out full.run
told 'one row (of 33, --batch 1), and .*: another batch size' ./full --batch 1 --out single
sed 's/ |> batch_norm//' net.nn >plain.nn && "$NNC" build plain.nn && told '' ./plain

# What is left out is as if it were not there; each row is in some epoch, if they are shuffled; a short run counts full batches.
weights() { tail -c +$(($(head -c 8 "$1" | od -An -tu8) + 9)) "$1"; } # without the header, which names the program
cmp <(weights full.run/weights.safetensors) <(weights even/weights.safetensors) || fail "33 rows without the last are not 32"
./full --quiet --epochs 3 --out log --log log.jsonl && [ "$(grep -c '"event": "step"' log.jsonl)" = 12 ] || fail "steps of an epoch"
[ "$(./full eval --json --out full.run | grep -o '"rows": [0-9]*')" = '"rows": 33' ] || fail "eval leaves out rows"
./full --quiet --data few.csv --out few 2>said && fail "no batch is left, and the run ends well"
grep -q '^error: the training part has 7 rows, and `drop_last` leaves out batches of fewer than 8' said || fail "no batch is left: $(cat said)"
./full --quiet --data few.csv --out few --batch 7 || fail "few rows in smaller batches"
"$NNC" build net.nn --set drop_last=true --set shuffle=true -o mixed && ./mixed --quiet --out mixed.run || fail "shuffled"
(rows 32; echo 9,9,9) >outlier.csv
./mixed --quiet --out first --data outlier.csv --epochs 12 && ./mixed --quiet --out second --epochs 12 && cmp -s first/weights.safetensors second/weights.safetensors &&
    fail "the last row of the file is in no epoch"
./mixed --quiet --out whole --epochs 6 && ./mixed --quiet --out parts --epochs 2 && ./mixed --quiet --out parts --resume --epochs 6 || fail "--resume"
cmp -s whole/weights.safetensors parts/weights.safetensors || fail "--resume gives other weights"

# Wide rows are made fewer at a time, whatever is checked on the way.
cat >wide.nn <<'END'
data rows = synthetic(8) {
    x[4, 5, 3] = normal(0, 1)
    y[8, 80]   = normal(0, 1)
}
model net(x[batch, 4, 5, 3], y[batch, 8, 80]) -> z[batch] {
    param w = 1
    z[n] = w * (sum[i, j, k] x[n, i, j, k]) * (sum[i, j] y[n, i, j])
}
train net on rows {
    loss      = mean(z)
    optimizer = sgd(0.1)
    batch     = 4
    steps     = 2
}
END
"$NNC" build wide.nn --verify && ./wide --quiet --out wide.run || fail "wide rows"
exit $bad
