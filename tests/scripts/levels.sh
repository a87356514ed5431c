# --cpu A+B: one file for several levels of processors, each to the bits of a build for it alone.
set -eu
fail() { echo "$*"; exit 1; }
levels=x86-64-v2
! grep -qw avx2 /proc/cpuinfo || ! grep -qw fma /proc/cpuinfo || levels="$levels x86-64-v3"
! grep -qw avx512dq /proc/cpuinfo || ! grep -qw avx512vl /proc/cpuinfo || levels="$levels x86-64-v4"
highest=${levels##* }
cat >net.nn <<'END'
data d = synthetic(500) {
    x[20] = normal(0, 1)
    t     = uniform(0, 1)
}
model net(x[batch, 20]) -> y[batch] {
    h = x |> dense(40) |> gelu |> dense(1)
    y = h[:, 0]
}
train net on d {
    loss      = mse(y, t)
    optimizer = adam(lr = milestones(0.01, at = [48 steps], gamma = 0))
    batch     = 32
    epochs    = 3
}
END
"$NNC" build net.nn --cpu x86-64-v2+v4+x86-64-v3 -o several

# ---- what is chosen, and its bits ----
numbers() { # of a file of tensors: what stands behind its head
    local head
    head=$(od -An -tu8 -N8 "$1")
    tail -c +$((9 + head)) "$1"
}
same() { [ "$(numbers "$1" | cksum)" = "$(numbers "$2" | cksum)" ]; }
./several info | grep -qx "cpu  *$highest" || fail "not the highest level is chosen: $(./several info | grep cpu), $levels"
./several --epochs 1 --out shown 2>&1 | grep -q "$highest" || fail "the level is not shown"
grep -q "\"cpu\": \"$highest\"" shown/log.jsonl || fail "the level is not in the log: $(head -c 600 shown/log.jsonl)"
for level in $levels; do
    "$NNC" build net.nn --cpu "$level" -o single
    ./single --quiet --out "single.$level"
    for threads in 1 2; do
        NN_CPU=$level ./several --quiet --threads $threads --out "several.$level.$threads"
        same "single.$level/weights.safetensors" "several.$level.$threads/weights.safetensors" ||
            fail "$level, $threads threads: other weights than of a build for it alone"
    done
    [ "$(NN_CPU=$level ./several info | grep '^memory\|^features')" = "$(./single info | grep '^memory\|^features')" ] ||
        fail "$level: memory and features are not its own"
done
[ "$highest" = x86-64-v2 ] || ! same several.x86-64-v2.1/weights.safetensors "several.$highest.1/weights.safetensors" ||
    fail "levels do not differ: nothing was compared"

# ---- checkpoints move between them, exactly ----
for level in $levels; do
    cp -r several.x86-64-v2.1 "moved.$level"
    NN_CPU=$level ./several --quiet --resume --steps 49 --out "moved.$level"
    grep -q '"event": "end".*"step": 49' "moved.$level/log.jsonl" || fail "a checkpoint does not move to $level: $(tail -1 "moved.$level/log.jsonl")"
    # A step at a rate of 0 moves no parameter.
    same several.x86-64-v2.1/weights.safetensors "moved.$level/weights.safetensors" || fail "weights that moved to $level are others"
done

# ---- what cannot be ----
refused() { # CODE TEXT COMMAND...
    local code=$1 text=$2 status=0
    shift 2
    "$@" >said 2>&1 || status=$?
    [ $status -eq "$code" ] && grep -qF "$text" said || fail "expected $code and \"$text\" from $*, got $status: $(cat said)"
}
refused 2 "NN_CPU: this trainer was compiled for x86-64-v4, x86-64-v3, x86-64-v2, found i386" env NN_CPU=i386 ./several
refused 2 '`--cpu v3` is unknown' "$NNC" build net.nn --cpu v3+v4
refused 2 '`--cpu ` is unknown' "$NNC" build net.nn --cpu x86-64-v3+
refused 2 'names several levels' "$NNC" summary net.nn --cpu x86-64-v3+v4
refused 2 'names several levels' "$NNC" build net.nn --emit asm --cpu x86-64-v3+v4
"$NNC" build net.nn --cpu x86-64-v2+v2 -o once && ./once info | grep -qx "cpu  *x86-64-v2" || fail "a level that is named twice"
# valgrind is a processor without AVX-512.
if command -v valgrind >/dev/null && [ "$highest" = x86-64-v4 ] && [ -z "${SANITIZED:-}" ]; then
    valgrind -q ./several info 2>/dev/null | grep -qx "cpu  *x86-64-v3" || fail "where the highest level does not run, the next is not chosen"
    "$NNC" build net.nn --cpu x86-64-v4+x86-64-v4-bf16 -o high
    refused 2 "this processor lacks avx512f, which this trainer was compiled for (--cpu x86-64-v4)" valgrind -q ./high
fi

# ---- objects and libraries ----
[ -z "${SANITIZED:-}" ] || exit 0
cat >main.c <<'END'
#include "net.h"
#include <stdio.h>
int main(void) {
    static float x[32 * 20], t[32], y[32], loss;
    net *m = net_create(NULL);
    for (int k = 0; k < 32 * 20; k++) x[k] = (float)(k % 17) / 17;
    for (int k = 0; k < 32; k++) t[k] = (float)(k % 5);
    for (int k = 0; k < 20; k++)
        if (!m || net_train_step(m, x, t, 32, &loss)) return 1;
    if (net_predict(m, x, 32, y)) return 1;
    for (int k = 0; k < 32; k++) printf("%a ", (double)y[k]);
    printf("%llu\n", (unsigned long long)net_size());
    net_destroy(m);
    return 0;
}
END
runtime=$(dirname "$NNC")
"$NNC" build net.nn --emit obj --cpu "$highest"
cc main.c net.o -L"$runtime" -lnn -lm -lpthread -o of_one
./of_one >wanted
for kind in obj lib shared; do
    rm -f net.o net.a libnet.so net.h
    "$NNC" build net.nn --emit $kind --cpu x86-64-v2+v3+v4
    grep -q "for x86-64-v4, x86-64-v3, x86-64-v2\." net.h || fail "the header's levels: $(head -1 net.h)"
    case $kind in
    obj) cc main.c net.o -L"$runtime" -lnn -lm -lpthread -o host ;;
    lib) cc main.c net.a -lm -lpthread -o host ;;
    shared)
        cc main.c -L. -lnet -Wl,-rpath,"$PWD" -o host
        ! nm -D --defined-only libnet.so | grep version || fail "names of levels in a shared library"
        ;;
    esac
    ./host | cmp - wanted || fail "$kind: other numbers than an object for $highest"
done
