# Training by epochs in an object: the trainer's order, and so its weights, bit for bit; schedules that read the run's length, batches added
# up, the last batch left out, streams, balanced classes, averages.
set -eu
. "$ROOT/tests/host/check.sh"
variant() { # NAME SCHEDULE DATA-LINE TRAIN-LINE FIRST-LAYER
    cat >net.nn <<END
data rows = synthetic(101, seed = 3) {
    x[5] = normal(0, 1)
    k    = class(integer(0, 2), 3)
    $3
}
layer leaky(x[b, n]) -> h[b, n] {
    state before[b, n] = 0
    h[i, u] = 0.5 * before[i, u] + x[i, u]
    before  = h
}
model net(x[batch, 5]) -> y[batch, 3] = x |> $5dense(8) |> relu |> dropout(0.3) |> dense(3)
train net on rows {
    loss      = cross_entropy(y, k)
    optimizer = adam($2)
    batch     = 16
    epochs    = 4
    $4
}
END
    rm -rf net.run
    "$NNC" build net.nn && "$NNC" build net.nn --emit obj || fail "$1 does not compile"
    ./net --seed 7 --quiet || fail "$1 does not train"
    ./net data --part train >rows.csv
    gcc $warnings -I. "$ROOT/tests/host/epochs.c" net.o "$BUILD/libnn.a" -lm -o epochs || fail "$1 does not link"
    ./epochs rows.csv net.run/weights.safetensors 4 >said || fail "$1: $(cat said)"
    read -r updates loss told <said
    [ "$updates" = "$(sed -n 's/.*"event": "epoch".*"step": \([0-9]*\).*/\1/p' net.run/log.jsonl | tail -n 1)" ] || fail "$1: $updates updates: $(tail -n 2 net.run/log.jsonl)"
}
variant plain 1e-2 "" "" ""
[ "$told" = 1 ] || fail "a value that nobody watches changed something"
variant lengths 'cosine(1e-2, warmup = 1 epochs)' "" "" ""
variant watching 'reduce_on_plateau(1e-2, loss, factor = 0.1, patience = 1 epochs)' "" "" ""
[ "$told" = 0 ] || fail "the caller's value reaches no schedule"
variant accumulating 1e-2 "" "accumulate = 3" ""
variant dropping 1e-2 "" "drop_last = true" ""
variant file 1e-2 "" "shuffle = false" ""
variant averaging 1e-2 "" "average = ema(0.9)" ""
variant streaming 1e-2 "order = stream" "" "leaky |> "
variant balancing 1e-2 "order = balanced(k)" "" ""
# 16 rows are the least of a batch that is never smaller.
variant dropping 1e-2 "" "drop_last = true" ""
cat >few.c <<'END'
#include "net.h"
#include <stdio.h>
int main(void) {
    static float x[15][5];
    static int32_t k[15];
    net *m = net_create(NULL);
    printf("%d %s\n", net_train(m, x[0], k, 15, 1, NULL, NULL), net_error(m));
    net_destroy(m);
}
END
gcc -I. few.c net.o "$BUILD/libnn.a" -lm -o few
[ "$(./few)" = "2 rows is 15: with drop_last a batch of 16 is the least" ] || fail "fewer rows than a batch: $(./few)"
