# One file that many instances save to at once, and one that changes while it is loaded; what is no file is not written over. In
# memory, where the machine has a file system there: what is tested is who sees what, not the disk.
set -eu
. "$ROOT/tests/host/check.sh"
emit "$ROOT/examples/iris/iris.nn"
gcc $warnings -I. "$ROOT/tests/host/files.c" iris.o "$BUILD/libnn.a" -lm -lpthread -o files
place=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo .)" nn-files.XXXXXX)
trap 'rm -rf "$place"' EXIT
./files saves "$place/w.safetensors" 10000 || fail "saves of several instances"
[ "$(ls -A "$place")" = w.safetensors ] || fail "left behind: $(ls -A "$place")"
./files loads "$place/w.safetensors" 5000 || fail "a file that changes while it is loaded"
# Nothing that stands under a temporary name is written through, and what is no file stays.
cat >save.c <<'END'
#include "iris.h"
#include <stdio.h>
int main(int argc, char **argv) {
    iris *m = iris_create(NULL);
    nn_status status = argc > 1 ? iris_save(m, argv[1]) : NN_USAGE;
    puts(nn_status_text(status));
    iris_destroy(m);
    return (int)status;
}
END
gcc $warnings -I. save.c iris.o "$BUILD/libnn.a" -lm -o save
echo precious >precious
sh -c 'for k in $(seq 0 9); do ln -s precious "x.nn-new-$$-$k"; done; exec ./save x' >/dev/null || fail "names that are taken"
[ "$(cat precious)" = precious ] && [ -f x ] && [ ! -L x ] || fail "a link under a temporary name is followed"
mkdir folder && mkfifo fifo
for path in folder fifo /dev/null; do
    status=0; timeout 10 ./save $path >/dev/null || status=$?
    [ $status = 3 ] || fail "saving to $path: $status"
done
[ -d folder ] && [ -p fifo ] && [ -c /dev/null ] || fail "what is no file is written over"
