# Event files: the log's numbers, record by record; cut back when a run is resumed; read by TensorBoard where it is installed (PYTHON
# names an interpreter that has it). The bytes of records are tests/unit/report_test.c's.
set -u
. "$ROOT/tests/support/command.sh"
cp "$ROOT"/examples/digits/digits.nn "$ROOT"/examples/digits/digits.csv .
sed -i 's/accuracy(logits, label)\]/accuracy(logits, label), confusion(logits, label)]/' digits.nn
"$NNC" build digits.nn || fail "digits does not build"
run() { ./digits --quiet --threads 1 "$@"; }
run --epochs 9 --out plain && run --epochs 9 --tensorboard || fail "digits does not train"
cmp plain/weights.safetensors digits.run/weights.safetensors || fail "--tensorboard makes other weights"
events=events.out.tfevents.nn

# Frames: a length, its checksum, as many bytes, theirs. Prints step and tags of each record.
records() {
    od -An -v -tu1 -w1 "$1" | awk '{ b[NR - 1] = $1 } END {
        for (at = 0; at < NR; at += n + 16) {
            n = b[at] + 256 * b[at + 1] + 65536 * b[at + 2]; end = at + 12 + n; k = at + 12 + 9; step = 0
            if (end + 4 > NR) { print "cut"; exit }
            if (b[k] == 16) { for (f = 1; ; f *= 128) { step += b[++k] % 128 * f; if (b[k] < 128) break } k++ }
            tags = ""
            for (; k < end; k++) if (b[k] == 10 && b[k + 1] > 5 && b[k + 1] < 60) {
                word = ""; for (i = 1; i <= b[k + 1]; i++) word = word sprintf("%c", b[k + 1 + i])
                if (word ~ /^[a-z_]+\/[a-z_0-9.]+$/) tags = tags " " word }
            print step tags } }'
}
records digits.run/$events >seen
[ "$(head -n 1 seen)" = 0 ] && ! grep -q cut seen || fail "$(head -n 3 seen)"
for step in $(seq 45 45 405); do
    grep -qx "$step loss/train accuracy/train loss/test accuracy/test run/lr run/samples_per_s" seen || fail "no numbers of step $step: $(grep "^$step" seen)"
    grep -qx "$step confusion/test" seen || fail "no matrix of step $step"
done
for step in 1 10 100; do
    [ "$(grep -cE "^$step weights/mlp.dense_[12].[bw] changes/mlp.dense_[12].[bw]" seen)" = 4 ] || fail "no histograms of step $step"
done
[ "$(grep -cE "^405 weights/" seen)" = 4 ] && [ "$(grep -c loss/train seen)" = 9 ] || fail "the end: $(grep ^405 seen)"

# Resumed, behind what a checkpoint knows; what a kill left half is cut off.
run --epochs 9 --steps 200 --out cut --tensorboard && printf 'torn' >>cut/$events && run --epochs 9 --out cut --resume 2>said || fail "a resumed run: $(cat said)"
records cut/$events | grep -v '^200' >again
diff <(grep -v ^200 seen) again || fail "a resumed run has other records"
# A new run replaces the file with its first save, not before.
cp cut/$events kept && run --lr 1e38 --epochs 2 --out cut --tensorboard 2>/dev/null && fail "a wild rate ends well"
cmp kept cut/$events || fail "a run that saved nothing wrote over another one's records"
[ -z "$(find . -name 'events.nn-new')" ] || fail "left behind: $(find . -name 'events.nn-new')"
run --epochs 1 --out cut --tensorboard && [ "$(records cut/$events | grep -c loss/train)" = 1 ] || fail "a new run does not replace the file"

python=${PYTHON:-python3}
"$python" -c 'import tensorboard' 2>/dev/null || exit $bad
"$python" - digits.run <<'PROGRAM' 2>/dev/null || fail "TensorBoard reads something else"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
read = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "images": 0})
read.Reload()
lines = [json.loads(line) for line in open(sys.argv[1] + "/log.jsonl")]
epochs = [line for line in lines if line["event"] == "epoch"]
for tag, name in (("loss/train", "loss"), ("loss/test", "test.loss"), ("accuracy/test", "test.accuracy"), ("run/lr", "lr")):
    seen = [(e.step, e.value) for e in read.Scalars(tag)]
    assert len(seen) == len(epochs) and all(s == e["step"] and abs(v - e[name]) <= 1e-6 * abs(e[name]) for (s, v), e in zip(seen, epochs)), tag
weights = {(line["step"], line["tensor"]): line for line in lines if line["event"] == "weights"}
for tag in read.Tags()["histograms"]:
    kind, name = tag.split("/", 1)
    for e in read.Histograms(tag):
        line = weights[e.step, name]
        line = line if kind == "weights" else line["update"]
        assert e.histogram_value.num == line["count"] and list(e.histogram_value.bucket) == line["counts"], tag
images = read.Images("confusion/test")
assert len(images) == len(epochs) and all((i.width, i.height) == (80, 80) for i in images)
PROGRAM
exit $bad
