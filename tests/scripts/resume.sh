# A run stopped by a signal, and one continued with more epochs, end bit for bit where the uninterrupted run does.
set -eu
fail() { echo "$*"; exit 1; }
mkdir -p resume && cd resume
"$NNC" build "$ROOT/examples/digits/digits.nn"
./digits --data "$ROOT/examples/digits" --epochs 6 --out whole --quiet
./digits --data "$ROOT/examples/digits" --epochs 2 --out parts --quiet
cmp -s whole/weights.safetensors parts/weights.safetensors && fail "two epochs are six"
./digits --data "$ROOT/examples/digits" --epochs 6 --out parts --resume --quiet || fail "resume: exit $?"
