# A trainer that calls OpenBLAS: linked only then, right, the same bits on any number of threads, and it says which kernels
# it got; without it a trainer is small. An object that calls it says so in its header. Where there is no library to link,
# the message comes before compiling.
set -u
"$NNC" build "$ROOT/examples/digits/digits.nn" --blas none || exit 1
sanitized() { [ -n "${SANITIZED:-}" ]; }
sanitized || [ "$(stat -c %s digits)" -lt 300000 ] || { echo "a trainer of $(stat -c %s digits) bytes"; exit 1; }
cat >net.nn <<'N'
data rows = synthetic(600) {
    x[150] = uniform(0, 1)
    y[120] = uniform(0, 1)
}
model net(x[batch, 150]) -> z[batch, 120] {
    x |> dense(180) |> relu |> dense(120)
}
train net on rows {
    loss      = mse(z, y)
    optimizer = adam(lr = 0.001)
    batch     = 250
    epochs    = 3
    seed      = 4
}
N
needs() { readelf -d "$1" | grep -q 'NEEDED.*libopenblas'; }
fail() { echo "$1"; exit 1; }
for blas in openblas none; do
    "$NNC" build net.nn --blas $blas -o $blas || exit 1
    for threads in 1 2 7; do
        ./$blas --threads $threads --out $blas.$threads --quiet || exit 1
        cmp -s $blas.1/weights.safetensors $blas.$threads/weights.safetensors || fail "--blas $blas: $threads threads give other weights"
    done
    ./$blas data --part train --format csv | cut -d, -f 1-150 >rows.csv
    ./$blas predict --out $blas.1 --data rows.csv >$blas.csv || exit 1
done
needs openblas || fail "a trainer that calls OpenBLAS does not link it"
needs none && fail "--blas none links OpenBLAS"
paste -d, openblas.csv none.csv | awk -F, '{n = NF / 2; for (i = 1; i <= n; i++) {d = $i - $(i + n); if (d * d > 1e-8) bad++}} END {exit !(NR > 1 && !bad)}' ||
    fail "OpenBLAS and nnc's own kernels learn different things"
grep -q avx2 /proc/cpuinfo && {
    OPENBLAS_CORETYPE=Prescott ./openblas --epochs 1 --out poor --quiet 2>&1 | grep -q '^warning: .*Prescott.*OPENBLAS_CORETYPE=' || fail "slow kernels are not said"
    OPENBLAS_CORETYPE=Haswell ./openblas --epochs 1 --out good --quiet 2>&1 | grep -q OPENBLAS_CORETYPE && fail "good kernels are called slow"
}
sanitized || {
    echo 'int openblas_get_parallel(void) { return 0; }' >serial.c
    cc -shared -fPIC -o serial.so serial.c || exit 1
    LD_PRELOAD=$PWD/serial.so ./openblas --threads 2 --out serial --quiet 2>said || exit 1
    grep -q 'warning: this build of OpenBLAS' said || fail "a serial OpenBLAS is called from two threads"
    cmp -s serial/weights.safetensors openblas.1/weights.safetensors || fail "a serial OpenBLAS gives other weights"
}
"$NNC" explain net.nn --blas openblas | grep -q 'product 250x180x150 by OpenBLAS (--blas openblas)' || fail "explain does not say who computes"
"$NNC" explain net.nn --cpu x86-64-v4 | grep -q 'product 250x180x150 by nnc (by the table)' || fail "explain does not say what the table says"
sed 's/x\[150\]/x[1024]/; s/150\]/1024]/; s/dense(180)/dense(1024)/; s/batch     = 250/batch     = 64/' net.nn >wide.nn
"$NNC" explain wide.nn --cpu x86-64-v3 | grep -q 'product 64x1024x1024 by OpenBLAS (by the table)' || fail "the table gives nothing away"
"$NNC" explain wide.nn --cpu x86-64-v2 | grep -q 'product 64x1024x1024 by nnc (the table has no row for it)' || fail "a row fits other vectors"
"$NNC" explain net.nn --blas none | grep -q 'by OpenBLAS' && fail "explain names OpenBLAS under --blas none"
"$NNC" build net.nn --emit obj && ! grep -q openblas net.h && ! nm net.o | grep -q cblas || fail "objects call OpenBLAS unasked"
"$NNC" build net.nn --emit obj --blas openblas && grep -q -- -lopenblas net.h && nm net.o | grep -q 'U cblas_sgemm' || fail "objects do not call OpenBLAS when asked"
cat >main.c <<'C'
#include "net.h"
#include <stdio.h>
int main(void) {
    static float x[NET_BATCH * 150], y[NET_BATCH * 120];
    net_config config = {0};
    net *m = net_create(&config);
    float first = 0, last = 0;
    for (int i = 0; i < NET_BATCH * 150; i++) x[i] = (float)(i % 7) / 7;
    for (int i = 0; i < 50 && m; i++)
        if (net_train_step(m, x, y, NET_BATCH, i ? &last : &first) != NN_OK) return 1;
    net_destroy(m);
    printf("%g %g\n", first, last);
    return !(last < first);
}
C
cc -I. main.c net.o "$BUILD/libnn.a" -lopenblas -lm -lpthread -o embedded && ./embedded >/dev/null || fail "an object that calls OpenBLAS does not train"
mkdir tools
printf '#!/bin/sh\ncase $1 in -print-file-name=*) echo "${1#*=}" ;; *) exec '"$(command -v cc)"' "$@" ;; esac\n' >tools/cc
chmod +x tools/cc
PATH=$PWD/tools:$PATH "$NNC" build net.nn --blas openblas -o lacking 2>said
[ $? -eq 3 ] && grep -q 'libopenblas-dev' said && [ ! -e lacking ] || fail "the missing library: $(cat said)"
PATH=$PWD/tools:$PATH "$NNC" build net.nn --blas none -o lacking || fail "--blas none asks for OpenBLAS"
