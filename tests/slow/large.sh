# Rows that have no room in memory: an npy file of SIZE_GB (8) and labels beside it, with --cache. The memory that is the process's own
# (RssAnon) stays below the arena, 256 MB and 16 bytes a row, while it reads and while it trains; the weights are the bits of a run with all
# rows in memory (ROOM=no: not compared, where there is no room for them). It needs twice the size on the disk.
set -u
place=$(mktemp -d -p "$PWD" nn-large.XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1
bad=0
fail() { echo "$*"; bad=1; }
size=${SIZE_GB:-8} columns=64
rows=$(awk -v gb="$size" -v columns=$columns 'BEGIN { printf "%d", gb * 1e9 / 4 / columns }')
cat >draw.c <<'END'
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
static uint32_t state = 1;
static float next(void) { return (float)((state = state * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1; }
static FILE *begin(const char *name, const char *shape) {
    char head[118];
    FILE *f = fopen(name, "wb");
    snprintf(head, sizeof head, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    if (f) fprintf(f, "\223NUMPY\001%c\166%c%-117s\n", 0, 0, head);
    return f;
}
int main(int argc, char **argv) {
    long rows = argc > 1 ? atol(argv[1]) : 0;
    static float x[64];
    char shape[40];
    snprintf(shape, sizeof shape, "%ld, 64", rows);
    FILE *a = begin("x.npy", shape);
    snprintf(shape, sizeof shape, "%ld,", rows);
    FILE *b = begin("t.npy", shape);
    if (!a || !b) return 1;
    for (long r = 0; r < rows; r++) {
        for (int k = 0; k < 64; k++) x[k] = next();
        float t = x[0] + 2 * x[1] * x[2];
        if (fwrite(x, sizeof x, 1, a) != 1 || fwrite(&t, sizeof t, 1, b) != 1) return 1;
    }
    return fclose(a) != 0 || fclose(b) != 0;
}
END
cc -O2 draw.c -o draw && ./draw "$rows" || exit 1
cat >large.nn <<END
data large = npy {
    x[$columns] = file("x.npy")
    t           = file("t.npy")
}
model net(x[batch, $columns]) -> y[batch] = (x |> dense(64) |> relu |> dense(1))[:, 0]
train net on large {
    loss      = mse(y, t)
    optimizer = sgd(1e-3)
    batch     = 256
    steps     = 1
}
END
"$NNC" build large.nn || exit 1
said() { sed -n "s/.*\"$2\": \([0-9.e+]*\).*/\1/p" "$1/log.jsonl" | tail -n 1; }
run() { # NAME STEPS OPTION...: the most memory of the process's own, in kB, and rows a second
    local name=$1 steps=$2 now process
    shift 2
    most=0
    ./large --quiet --threads 2 --steps "$steps" --out "$name" "$@" >"$name.said" 2>&1 &
    process=$!
    while kill -0 $process 2>/dev/null; do
        now=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$process/status" 2>/dev/null)
        [ "${now:-0}" -le $most ] || most=$now
        sleep 0.1
    done
    wait $process || { fail "$name: exit $?: $(cat "$name.said")"; return; }
    speed=$(said "$name" samples_per_s)
    echo "$name, $steps steps: $((most / 1024)) MB of its own, $speed rows a second"
}
steps=$((rows / 256 / 8))
mkdir rows
run cached $steps --cache rows
limit=$((($(said cached memory) + (256 << 20) + 16 * rows) / 1024))
echo "limit: $((limit / 1024)) MB of its own for $rows rows"
[ "$most" -le $limit ] || fail "a run takes $most kB of its own, more than $limit"
if [ "${ROOM:-yes}" != no ]; then
    run memory $steps
    cmp cached/weights.safetensors memory/weights.safetensors || fail "other weights with --cache"
fi
exit $bad
