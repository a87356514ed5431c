# A shared library has the names of its header and no others; the module for Python that stands over one.
set -eu
. "$ROOT/tests/host/check.sh"
cp "$ROOT/tests/host/caller.nn" "$ROOT/tests/host/taken.nn" .
"$NNC" build caller.nn --emit shared && "$NNC" build taken.nn --emit shared --prefix other -o libsecond.so
[ -e caller.h ] && [ -e second.h ] || fail "headers of shared libraries: $(ls)"
sed -n 's/^[a-z].*[ *]\(caller_[a-z_]*\|nn_status_text\)(.*);/\1/p' caller.h | sort >declared
nm -D --defined-only libcaller.so | awk '{print $3}' | grep -v '^__\|^_end$\|^_edata$' | sort | diff - declared || fail "a shared library has other names than its header"
cat >main.c <<'END'
#include "caller.h"
#include "second.h"
#include <stdio.h>
int main(void) {
    caller *m = caller_create(NULL);
    other *n = other_create(NULL);
    puts(nn_status_text(caller_set_lr(m, -1)));
    caller_destroy(m);
    other_destroy(n);
    return m && n ? 0 : 1;
}
END
gcc $warnings main.c -L. -lcaller -lsecond -Wl,-rpath,"$PWD" -o main && [ "$(./main)" = "the command line or a call is wrong, or the CPU lacks what was compiled for" ] || fail "two shared libraries in one program"
"$NNC" build caller.nn --emit python
[ -e caller.py ] && [ -e libcaller.so ] || fail "what --emit python writes: $(ls)"
"$NNC" build taken.nn --emit python --checked
"$NNC" build caller.nn --emit python --prefix import_me -o 'a "b\c.py'
command -v python3 >/dev/null || exit 0
[ -z "${SANITIZED:-}" ] || export LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so) ASAN_OPTIONS=detect_leaks=0
export PYTHONDONTWRITEBYTECODE=1
PYTHONPATH=. timeout 60 python3 -W error "$ROOT/tests/host/use.py" || fail "the module for Python"
python3 - <<'END' || fail "names that Python has other uses for"
import array, importlib.util, taken
m = taken.Model(steps=10, steps_per_epoch=2)
d = lambda n: array.array("d", bytes(8 * n))
loss = m.train_step(d(4), d(4), array.array("i", [0, 1]), d(2), d(2))
out = m.predict(d(4), d(4))
assert loss > 0 and out.new_.shape == (2, 3) and out.whole.shape == ()
try:
    m.predict(d(40), d(40))
    raise SystemExit("a result of all rows, of more rows than a batch has")
except taken.UsageError as e:
    assert "a result is of all rows together" in str(e), e
spec = importlib.util.spec_from_file_location("odd", 'a "b\\c.py')
odd = importlib.util.module_from_spec(spec)
spec.loader.exec_module(odd)
odd.Model()
END
unset LD_PRELOAD
for kind in shared python; do
    status=0
    PATH=/nonexistent "$NNC" build caller.nn --emit $kind -o refused.x 2>said || status=$?
    [ $status -eq 3 ] && grep -q "PATH" said && [ ! -e refused.x ] || fail "no tool for $kind: $status $(cat said)"
done
