# Object files of every example and of the small models: what is in them, their headers in every C and C++, and every promise of
# the header by tests/host/host.c. The large models: tests/slow/object.sh.
set -eu
. "$ROOT/tests/host/check.sh"
large='graph|lenet|resnet20|siamese|unet|vae|vit'
examples=$(basename -s .nn -a "$ROOT"/examples/*/*.nn | paste -sd"|") # of a name, the example
check_models "$ROOT"/examples/*/*.nn $(ls "$ROOT"/tests/models/*.nn | grep -vE "/($large|$examples)\.nn$") "$ROOT"/tests/host/*.nn
[ "$(ls *.o | wc -l)" -ge 20 ] || fail "only $(ls *.o | wc -l) models give an object"
# The same options, another place: the same bytes.
mkdir -p elsewhere/deep
for kind in obj lib asm llvm ir header; do
    "$NNC" build "$ROOT/examples/iris/iris.nn" --emit $kind -o a && (cd elsewhere/deep && "$NNC" build "$ROOT/examples/iris/iris.nn" --emit $kind -o a)
    cmp a elsewhere/deep/a || fail "--emit $kind twice: other bytes"
done
