# Updates that wait until a row is read: weights and optimizer states are, bit by bit, those of --dense, for any number of threads,
# with schedules, clips of values, averages and constraints, over resumed runs, epochs that are evaluated, and for a host program that
# looks at parameters, sets them, saves and loads. 90 to 200 rows have rings of 128 and 256 steps, so that they go round.
set -u
steps=${SLOW:-200} many=${SLOW:+1 2 3 7}
many=${many:-2}
fail() { echo "$*"; exit 1; }
numbers() { tail -c +$((9 + $(od -An -tu8 -N8 "$1"))) "$1"; } # without what it was compiled with
awk 'BEGIN {
    srand(3)
    print "one,a,b,c,t"
    for (r = 0; r < 61; r++) { for (c = 0; c < 4; c++) printf "%d,", int((c ? 130 : 200) * rand()^3); print rand() - 0.5 }
}' >net.csv
write_model() { # optimizer, more of `train`, steps
    cat >net.nn <<END
data d = csv("net.csv") {
    one   = int(column("one"), 200)
    k[3]  = int(columns(1 .. 3), 130)
    t     = column("t")
    split = random(test = 20%)
}
fn wave(peak) = peak * (0.5 + 0.5 * cos(0.03 * step))
model net(one[batch]: int, k[batch, 3]: int) -> y[batch] {
    param first[200, 70]  = uniform(-0.5, 0.5)
    param second[130, 70] = uniform(-0.5, 0.5)
    bag[n, d] = sum[j if k[n, j] != 7] second[k[n, j], d] * second[k[n, 0], d]
    y[n]      = sum[d] first[one[n], d] * bag[n, d]
}
train net on d {
    loss      = mse(y, t)
    optimizer = $1
    $2
    batch     = 5
    steps     = $3
}
END
}
build() { # options of nnc
    "$NNC" build net.nn -o net "$@" || fail "nnc build $*"
    "$NNC" build net.nn -o dense --dense "$@" || fail "nnc build --dense $*"
}
waits() { # how many tables
    "$NNC" explain net.nn | sed -n '/^function step/,/^function/p' | grep -c 'catches up with touched rows'
}
equal() { # what: want and got hold the same
    for file in weights checkpoint; do
        [ -s "want/$file.safetensors" ] && cmp <(numbers "want/$file.safetensors") <(numbers "got/$file.safetensors") ||
            fail "$1: $file is not that of --dense"
    done
}
same() { # what, tables that wait, threads
    [ "$(waits)" = "$2" ] || fail "$1: $(waits) tables wait"
    rm -rf want got
    ./dense --threads 1 --out want --quiet 2>/dev/null || fail "$1: dense"
    for threads in $3; do
        ./net --threads $threads --out got --quiet --checkpoint 61 2>/dev/null || fail "$1: $threads threads"
        equal "$1, $threads threads"
    done
}

# The optimizers, under a rate that comes near 0 and rises again, clipped or not; those that keep rows without a gradient need not wait.
while read -r tables optimizer; do
    for clip in '' 'clip = value(0.05)' ${SLOW:+'clip = norm(0.1)'}; do
        write_model "$optimizer" "$clip" "$steps"
        build
        [[ $clip == *norm* ]] && all=0 || all=$tables
        same "$optimizer $clip" "$all" "$many"
    done
done <<END
0 sgd(wave(0.1))
0 adagrad(wave(0.1))
2 sgd(wave(0.1), weight_decay = 0.01)
2 sgd(wave(0.1), momentum = 0.9)
2 sgd(wave(0.1), momentum = 0.9, nesterov = true, weight_decay = 1e-3)
2 adam(wave(0.02))
2 adam(wave(0.02), weight_decay = 0.01)
2 adamw(wave(0.02))
2 rmsprop(wave(0.01), momentum = 0.9, centered = true)
2 radam(wave(0.02))
END
write_model 'adam(0.02)' '' 400
build --verify
same 'checked code, a ring that goes round' 2 '1 2 3 7'
for way in strict double; do
    build --precision $way
    same "precision $way" 2 2
done
write_model 'nadam(0.01)' 'average = ema(0.9)' 200
build
same 'an average' 2 2
write_model 'adamax(0.01)' 'constrain = non_negative' 200
build
same 'a constraint of each number' 2 2

# What reads the whole table has all rows updated.
for line in 'clip = norm(0.1)' 'accumulate = 2' 'constrain = unit_norm'; do
    write_model 'adam(0.02)' "$line" 60
    build
    same "$line" 0 2
done

# Epochs that are evaluated, a checkpoint in between, a run that goes on.
write_model 'adam(0.02)' 'checkpoint = best(test.loss)' 330
build
rm -rf want got
./dense --threads 1 --out want --quiet 2>/dev/null || fail 'dense'
./net --out got --quiet --checkpoint 7 --steps 143 2>/dev/null || fail 'with checkpoints'
./net --out got --quiet --checkpoint 7 --steps 330 --resume 2>/dev/null || fail 'resumed'
equal 'checkpoints and a resumed run'

# A host program.
cat >host.c <<'END'
#include "net.h"
#include <stdio.h>
#include <stdlib.h>
static float table[200 * 70];
static unsigned char saved[1 << 21];
int main(void) {
    net_config config = {.seed = 5, .steps = 300};
    net *m = net_create(&config);
    uint64_t needed, hash = 0;
    for (int step = 0; step < 300; step++) {
        int32_t one[5], k[15];
        float t[5], loss;
        for (int i = 0; i < 5; i++) one[i] = (step * step + 31 * i) % 200, t[i] = 0.1f * (float)i;
        for (int i = 0; i < 15; i++) k[i] = (step / 3 * (i + 1)) % 130;
        if (net_train_step(m, one, k, t, 5, &loss)) return 1;
        hash = hash * 31 + *(uint32_t *)(void *)&loss;
        if (step % 37 == 36) {
            if (net_get_parameter(m, "net.first", table, 200 * 70)) return 2;
            for (int i = 0; i < 200 * 70; i++) hash = hash * 31 + *(uint32_t *)(void *)&table[i];
        }
        if (step == 100) table[777] = 1;
        if (step == 100 && net_set_parameter(m, "net.first", table, 200 * 70)) return 3;
        if (step == 150 && net_save_memory(m, saved, sizeof saved, &needed)) return 4;
        if (step == 200 && net_load_memory(m, saved, needed)) return 5;
    }
    printf("%llx\n", (unsigned long long)hash);
    net_destroy(m);
    return 0;
}
END
write_model 'adam(wave(0.02))' '' 300
for way in '' --dense; do
    "$NNC" build net.nn --emit obj $way || fail "nnc build --emit obj $way"
    cc -O1 -I. host.c net.o "$BUILD/libnn.a" -lm -lpthread -o host || fail 'the host program'
    ./host >host$way.out || fail "the host program $way: $?"
done
cmp host.out host--dense.out || fail 'a host program sees other parameters than with --dense'
