// Trains net.nn by epochs on the rows that the trainer's `data` printed, and compares with the weights that
// the trainer made of them: the same bits, also when it is stopped, saved and gone on with elsewhere. Usage:
// epochs ROWS.csv WEIGHTS EPOCHS
#include "net.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 300, BYTES = 1 << 20 };

static float x[ROWS][NET_X_SIZE];
static int32_t k[ROWS];
static int failed;

static void check(int holds, const char *what, const net *m) {
    if (holds) return;
    printf("%s: %s\n", what, m ? net_error(m) : "");
    failed = 1;
}

static int read_rows(const char *path) {
    FILE *f = fopen(path, "r");
    int rows = 0;
    if (!f || fscanf(f, "%*[^\n]") != 0) return 0;
    for (; rows < ROWS; rows++) {
        for (int i = 0; i < NET_X_SIZE; i++)
            if (fscanf(f, "%f,", &x[rows][i]) != 1) return fclose(f) == 0 ? rows : 0;
        if (fscanf(f, "%d", &k[rows]) != 1) return 0;
    }
    return 0;
}

// What a run says of itself, and where it shall end.
typedef struct {
    net *m;
    int64_t updates, epochs, rows, stop_at, stop_epoch;
    double last, watched;
} Log;

static int hear(nn_training *t, void *user) {
    Log *log = user;
    float y[NET_BATCH * NET_Y_SIZE];
    check(net_predict(log->m, x[3], NET_BATCH / 2, y) == NN_OK, "a prediction while training", log->m);
    check(net_step(log->m) == t->step && t->loss == t->loss && t->value == t->loss, "what is said", log->m);
    if (t->ends_epoch) {
        check(t->epoch == log->epochs + 1 && t->rows >= log->rows, "an epoch's end", log->m);
        log->rows = 0;
        log->epochs = t->epoch;
        log->last = t->loss;
        if (log->watched > 0) t->value = log->watched;
        return t->epoch == log->stop_epoch;
    }
    log->updates++;
    log->rows += t->rows;
    return t->step == log->stop_at;
}

static net *create(void) {
    net_config config = {0};
    config.seed = 7;
    return net_create(&config);
}

static nn_status train(Log *log, int rows, int64_t epochs) {
    return net_train(log->m, x[0], k, rows, epochs, hear, log);
}

// Do both give the same bits for every row?
static int same(net *a, net *b, int rows) {
    float p[NET_BATCH * NET_Y_SIZE], q[NET_BATCH * NET_Y_SIZE];
    for (int at = 0; at < rows; at += NET_BATCH) {
        int count = rows - at < NET_BATCH ? rows - at : NET_BATCH;
        if (net_predict(a, x[at], count, p) != NN_OK || net_predict(b, x[at], count, q) != NN_OK) return 0;
        if (memcmp(p, q, (size_t)(count * NET_Y_SIZE) * sizeof *p)) return 0;
    }
    return 1;
}

static int same_state(net *a, net *b) {
    static unsigned char one[BYTES], other[BYTES];
    uint64_t n = 0, o = 0;
    if (net_save_memory(a, one, BYTES, &n) != NN_OK || net_save_memory(b, other, BYTES, &o) != NN_OK)
        return 0;
    return n == o && !memcmp(one, other, (size_t)n);
}

// Stopped after `at` updates, or at the end of an epoch, and gone on with by another instance.
static void stop(net *straight, int rows, int64_t epochs, int64_t at, int64_t epoch) {
    static unsigned char saved[BYTES];
    uint64_t bytes = 0;
    Log log = {create(), 0, 0, 0, at, epoch, 0, 0};
    check(train(&log, rows, epochs) == NN_STOPPED && strstr(net_error(log.m), "callback"), "a stop", log.m);
    check(net_save_memory(log.m, saved, BYTES, &bytes) == NN_OK, "saving what was stopped", log.m);
    net_destroy(log.m);
    log.m = create();
    log.stop_at = log.stop_epoch = -1;
    check(net_load_memory(log.m, saved, bytes) == NN_OK, "loading what was stopped", log.m);
    check(train(&log, rows, epochs - log.epochs) == NN_OK, "going on", log.m);
    check(same_state(straight, log.m), "what went on differs", log.m);
    net_destroy(log.m);
}

static void refuse(net *m, int rows) {
    net *fresh = create();
    int32_t kept = k[rows - 1];
    check(net_train(NULL, x[0], k, rows, 1, NULL, NULL) == NN_USAGE, "no instance", NULL);
    check(net_train(m, x[0], k, 0, 1, NULL, NULL) == NN_USAGE && strstr(net_error(m), "rows is 0"), "no rows",
          m);
    check(net_train(m, x[0], k, INT64_MAX, 1, NULL, NULL) == NN_USAGE, "more rows than there can be", m);
    check(net_train(m, x[0], k, rows, 0, NULL, NULL) == NN_USAGE && strstr(net_error(m), "epochs is 0"),
          "no epochs", m);
    check(net_train(m, x[0], NULL, rows, 1, NULL, NULL) == NN_USAGE && strstr(net_error(m), "k is NULL"),
          "NULL", m);
    k[rows - 1] = NET_K_LIMIT;
    check(net_train(m, x[0], k, rows, 1, NULL, NULL) == NN_DATA && strstr(net_error(m), "the field k: row "),
          "data", m);
    k[rows - 1] = kept;
    check(same_state(m, fresh), "a refused call changed something", m);
    net_destroy(fresh);
}

// What callers in other languages declare for themselves.
static void test_layout(void) {
    check(sizeof(nn_training) == 48 && offsetof(nn_training, loss) == 16 &&
              offsetof(nn_training, rows) == 32 && offsetof(nn_training, ends_epoch) == 40 &&
              sizeof(net_config) == 32 && offsetof(net_config, lr) == 24,
          "the layout of structures", NULL);
}

int main(int argc, char **argv) {
    test_layout();
    int rows = argc == 4 ? read_rows(argv[1]) : 0;
    int64_t epochs = argc == 4 ? atoll(argv[3]) : 0;
    Log log = {create(), 0, 0, 0, -1, -1, 0, 0};
    net *theirs = create(), *silent = create(), *told = create();
    if (!rows || !log.m || !theirs || !silent || !told) return 1;
    refuse(log.m, rows);
    check(train(&log, rows, epochs) == NN_OK && log.epochs == epochs, "epochs", log.m);
    check(net_load(theirs, argv[2]) == NN_OK && same(log.m, theirs, rows), "the trainer's weights", theirs);
    check(net_train(silent, x[0], k, rows, epochs, NULL, NULL) == NN_OK && same_state(log.m, silent),
          "without a callback", silent);
    stop(log.m, rows, epochs, log.updates / 2, -1);
    stop(log.m, rows, epochs, 1, -1);
    stop(log.m, rows, epochs, -1, 2);
    Log watched = {told, 0, 0, 0, -1, -1, 0, 1};
    check(train(&watched, rows, epochs) == NN_OK, "a value of the caller's", told);
    printf("%lld %.9g %d\n", (long long)log.updates, log.last, same(log.m, told, rows));
    net_destroy(log.m);
    net_destroy(theirs);
    net_destroy(silent);
    net_destroy(told);
    return failed;
}
