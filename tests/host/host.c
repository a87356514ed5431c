// Everything that the header of an object file promises, asked of any model: host.c knows it by interface.h
// alone, which interface.awk makes from the header. Prints what does not hold; exits with 1 if anything did
// not.
#include "interface.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>

enum { STEPS = 6, MARK = 0x5a, RUN_STEPS = 60, EPOCH_STEPS = 5 };

static int failures;

static void check(bool holds, const char *format, ...) {
    if (holds) return;
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    puts("");
    if (++failures == 20) exit(1);
}

// ---- who asks for memory ----------------------------------------------------------------------------------

static bool watching;
static int asked;

#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void note(void) { asked += watching; }

void *malloc(size_t size) { return note(), __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return note(), __libc_calloc(count, size); }
void *realloc(void *memory, size_t size) { return note(), __libc_realloc(memory, size); }
void *aligned_alloc(size_t alignment, size_t size) { return note(), __libc_memalign(alignment, size); }
void *memalign(size_t alignment, size_t size) { return note(), __libc_memalign(alignment, size); }
int posix_memalign(void **memory, size_t alignment, size_t size) {
    return note(), (*memory = __libc_memalign(alignment, size)) == NULL;
}
// A file that is read may be mapped; memory may not be taken so.
void *mmap(void *at, size_t size, int protection, int flags, int file, off_t offset) {
    asked += watching && (flags & MAP_ANONYMOUS) != 0;
    return (void *)syscall(SYS_mmap, at, size, protection, flags, file, offset);
}
#endif

// ---- rows -------------------------------------------------------------------------------------------------

typedef struct {
    void *fields[FIELDS];
    void *outputs[OUTPUTS + 1]; // of some models none
} Rows;

static long values(const Argument *a) { return BATCH * a->size; }

static Rows rows_create(void) {
    Rows r;
    for (int k = 0; k < FIELDS; k++) r.fields[k] = malloc((size_t)values(&fields[k]) * sizeof(double));
    for (int k = 0; k < OUTPUTS; k++) r.outputs[k] = calloc((size_t)values(&outputs[k]), sizeof(double));
    return r;
}

static void rows_destroy(Rows *r) {
    for (int k = 0; k < FIELDS; k++) free(r->fields[k]);
    for (int k = 0; k < OUTPUTS; k++) free(r->outputs[k]);
}

// The rows of batch number `batch`: always the same.
static void rows_fill(Rows *r, int batch) {
    uint64_t state = 1442695040888963407U + (uint64_t)batch;
    for (int k = 0; k < FIELDS; k++)
        for (long i = 0; i < values(&fields[k]); i++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            uint64_t draw = state >> 40;
            if (fields[k].whole)
                ((int32_t *)r->fields[k])[i] =
                    (int32_t)(draw % (uint64_t)(fields[k].limit ? fields[k].limit : 3));
            else
                ((Real *)r->fields[k])[i] = (Real)draw / (Real)(1 << 24);
        }
}

static nn_status train(Model *m, Rows *r, int count, Real *loss) {
    void **f = r->fields;
    return TRAIN(m, f, count, loss);
}

static nn_status predict(Model *m, Rows *r, int count) {
    void **f = r->fields, **o = r->outputs;
    (void)f, (void)o;
    return PREDICT(m, f, count, o);
}

static Config configuration(void) {
    Config c = {0};
    c.seed = 11;
    c.steps = RUN_STEPS;
    c.steps_per_epoch = EPOCH_STEPS;
    return c;
}

static Model *model_create(void) {
    Config c = configuration();
    Model *m = F(create)(&c);
    check(m != NULL, "an instance is made");
    if (!m) exit(1);
    return m;
}

// Steps first .. last - 1 of the one run that all tests make; some batches are not full.
static void run(Model *m, Rows *r, int first, int last) {
    for (int i = first; i < last; i++) {
        Real loss = 0;
        rows_fill(r, i);
        nn_status s = train(m, r, i % 3 == 2 ? (BATCH + 1) / 2 : BATCH, &loss);
        check(s == NN_OK && loss == loss, "step %d: %s", i, nn_status_text(s));
        if (i % EPOCH_STEPS == EPOCH_STEPS - 1) check(F(epoch)(m, (double)loss) == NN_OK, "an epoch's end");
    }
}

// ---- all that an instance is, as bytes --------------------------------------------------------------------

typedef struct {
    unsigned char *bytes;
    uint64_t count;
} Saved;

static Saved saved_room(Model *m) {
    Saved s = {NULL, 0};
    check(F(save_memory)(m, NULL, 0, &s.count) == NN_OK && s.count > 8, "the bytes needed");
    s.bytes = calloc(1, (size_t)s.count + 4096);
    return s;
}

static void save(Saved *s, Model *m) {
    check(F(save_memory)(m, s->bytes, s->count + 4096, &s->count) == NN_OK, "saving to memory");
}

static bool equal(const Saved *a, const Saved *b) {
    return a->count == b->count && !memcmp(a->bytes, b->bytes, (size_t)a->count);
}

static Saved before, after;

static void unchanged(Model *m, const char *what) {
    save(&after, m);
    check(equal(&before, &after), "%s changed something", what);
}

// ---- the tests --------------------------------------------------------------------------------------------

// The text of the call that just failed.
static void says(const Model *m, const char *word) {
    check(strstr(F(error)(m), word) != NULL, "the text names %s: %s", word, F(error)(m));
}

static void test_wrong_calls(Model *m, Rows *r) {
    Real loss = MARK;
    rows_fill(r, 0);
    check(train(NULL, r, 1, &loss) == NN_USAGE && predict(NULL, r, 1) == NN_USAGE, "no instance");
    const int counts[] = {0, -1, BATCH + 1, INT32_MAX, INT32_MIN};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        check(train(m, r, counts[k], &loss) == NN_USAGE && predict(m, r, counts[k]) == NN_USAGE, "%d rows",
              counts[k]);
    says(m, "count is -2147483648: a call takes 1 .. ");
    for (int k = 0; k < FIELDS; k++) {
        void *kept = r->fields[k];
        r->fields[k] = NULL;
        check(train(m, r, 1, &loss) == NN_USAGE, "%s is NULL", fields[k].name);
        says(m, fields[k].name);
        says(m, " is NULL");
        if (k < INPUTS) check(predict(m, r, 1) == NN_USAGE, "%s is NULL in predict", fields[k].name);
        r->fields[k] = kept;
    }
    for (int k = 0; k < FIELDS; k++) {
        int32_t *last = (int32_t *)r->fields[k] + values(&fields[k]) - 1, kept = *last;
        const int32_t wrong[] = {(int32_t)fields[k].limit, -1, INT32_MAX, INT32_MIN};
        for (int w = 0; fields[k].limit && w < 4; w++) {
            *last = wrong[w];
            check(train(m, r, BATCH, &loss) == NN_DATA, "%s is %d", fields[k].name, (int)wrong[w]);
            char found[64];
            snprintf(found, sizeof found, "row %d holds %d", BATCH - 1, (int)wrong[w]);
            says(m, fields[k].name);
            says(m, found);
            if (k < INPUTS)
                check(predict(m, r, BATCH) == NN_DATA, "%s is %d in predict", fields[k].name, (int)wrong[w]);
        }
        *last = kept;
    }
    check(loss == MARK, "a refused step wrote the loss");
    check(F(load)(m, NULL) == NN_USAGE && F(save)(m, NULL) == NN_USAGE && F(load)(NULL, "x") == NN_USAGE &&
              F(save)(NULL, "x") == NN_USAGE,
          "files without a name or an instance");
    check(F(load_memory)(m, NULL, 9) == NN_USAGE && F(load_memory)(NULL, "123456789", 9) == NN_USAGE &&
              F(save_memory)(NULL, NULL, 0, NULL) == NN_USAGE,
          "memory that is not there");
    check(F(load)(m, "/nonexistent/weights") == NN_FILE && F(save)(m, "/nonexistent/weights") == NN_FILE &&
              F(load)(m, "/") == NN_FILE,
          "files that are not there");
    check(F(epoch)(NULL, 1) == NN_USAGE && F(set_lr)(NULL, 1) == NN_USAGE && F(step)(NULL) == 0,
          "nothing of no instance");
    check(F(load)(m, "/nonexistent/weights") == NN_FILE, "a file that is not there");
    says(m, "/nonexistent/weights");
    check(F(load_memory)(m, "123456789", 9) == NN_DATA, "memory that holds something else");
    says(m, "memory: ");
    F(destroy)(NULL);
    check(strstr(F(error)(NULL), "NULL") != NULL, "the text of no instance");
    unchanged(m, "a wrong call");
}

static void test_configurations(Rows *r) {
    Real loss;
    Config c = configuration();
    rows_fill(r, 0);
    c.steps = -1;
    Model *m = F(create)(&c);
    check(m && train(m, r, 1, &loss) == NN_USAGE, "less than no steps");
    says(m, "config.steps is -1");
    F(destroy)(m);
    c = configuration();
    c.lr = (double)__builtin_nanf("");
    m = F(create)(&c);
    check(m && train(m, r, 1, &loss) == NN_USAGE, "a learning rate that is no number");
    says(m, "config.lr is nan");
    if (m && F(set_lr)(m, 0.01) == NN_OK) check(train(m, r, 1, &loss) == NN_OK, "until there is one");
    F(destroy)(m);
    m = F(create)(NULL);
    nn_status s = train(m, r, 1, NULL);
    check(m && (s == NN_OK || s == NN_USAGE) && predict(m, r, 1) == NN_OK, "no configuration");
    F(destroy)(m);
}

// The results of count rows are those of the first rows of a whole batch. Sums may be ordered otherwise.
static void test_counts(Model *m, Rows *r) {
    Rows all = rows_create();
    rows_fill(&all, 3);
    rows_fill(r, 3);
    check(predict(m, &all, BATCH) == NN_OK, "a whole batch");
    for (int count = 1; count <= BATCH; count += BATCH > 64 && count > 8 && count < BATCH - 9 ? 7 : 1) {
        for (int k = 0; k < OUTPUTS; k++)
            memset(r->outputs[k], MARK, (size_t)values(&outputs[k]) * sizeof(Real));
        check(predict(m, r, count) == NN_OK, "%d rows", count);
        for (int k = 0; k < OUTPUTS; k++) {
            if (outputs[k].whole || !outputs[k].rows) continue;
            const Real *a = all.outputs[k], *b = r->outputs[k];
            Real largest = 1, apart = 0;
            for (long i = 0; i < count * outputs[k].size; i++) {
                Real d = a[i] > b[i] ? a[i] - b[i] : b[i] - a[i], size = a[i] > 0 ? a[i] : -a[i];
                largest = size > largest ? size : largest;
                apart = d > apart || d != d ? d : apart;
            }
            check(apart <= largest * (Real)1e-4, "%s of %d rows is %g apart", outputs[k].name, count,
                  (double)apart);
            const unsigned char *rest = (const unsigned char *)(b + count * outputs[k].size);
            bool kept = true;
            for (size_t i = 0; i < (size_t)((BATCH - count) * outputs[k].size) * sizeof(Real); i++)
                kept = kept && rest[i] == MARK;
            check(kept, "%s is written beyond %d rows", outputs[k].name, count);
        }
    }
    void *kept = r->outputs[0];
    r->outputs[0] = NULL;
    check(predict(m, r, 1) == NN_OK, "a result that is not wanted");
    r->outputs[0] = kept;
    unchanged(m, "predicting");
    rows_destroy(&all);
}

static void test_parameters(Model *m, Real *room) {
    for (int k = 0; k < PARAMETERS; k++) {
        const Parameter *p = &parameters[k];
        check(F(get_parameter)(m, p->name, room, (uint64_t)p->count) == NN_OK, "%s is read", p->name);
        check(F(set_parameter)(m, p->name, room, (uint64_t)p->count) == NN_OK, "%s is set", p->name);
        check(F(get_parameter)(m, p->name, room, (uint64_t)p->count + 1) == NN_USAGE &&
                  F(set_parameter)(m, p->name, room, (uint64_t)p->count - 1) == NN_USAGE,
              "another count for %s", p->name);
        says(m, p->name);
        room[0] = (Real)0.5;
        if (p->whole)
            check(F(set_parameter)(m, p->name, room, (uint64_t)p->count) == NN_DATA, "%s is half", p->name);
    }
    unchanged(m, "setting what was read");
    check(F(get_parameter)(m, "no.such", room, 1) == NN_USAGE &&
              F(get_parameter)(m, NULL, room, 1) == NN_USAGE &&
              F(set_parameter)(m, parameters[0].name, NULL, (uint64_t)parameters[0].count) == NN_USAGE &&
              F(get_parameter)(NULL, parameters[0].name, room, 1) == NN_USAGE,
          "parameters that are not there");
    check(F(get_parameter)(m, "no.such", room, 1) == NN_USAGE, "a name");
    says(m, "no.such");
}

// Another instance takes what one saved, and goes on as that would have.
static void test_loading(Model *m, Rows *r, const char *path) {
    Model *n = model_create();
    run(n, r, 2, 4);
    check(F(save)(m, path) == NN_OK && F(load)(n, path) == NN_OK, "through a file");
    save(&after, n);
    check(equal(&before, &after) && F(step)(n) == F(step)(m), "a file brings everything");
    run(n, r, 1, 3);
    check(F(load_memory)(n, before.bytes, before.count) == NN_OK, "from memory");
    run(n, r, STEPS, STEPS + 2);
    Model *straight = model_create();
    run(straight, r, 0, STEPS + 2);
    Saved other = saved_room(straight);
    save(&other, straight);
    save(&after, n);
    check(equal(&other, &after), "and training goes on as if it had not been saved");
    free(other.bytes);
    check(F(save_memory)(m, after.bytes, before.count - 1, NULL) == NN_USAGE, "one byte too few");
    F(destroy)(straight);
    F(destroy)(n);
}

// Every byte of a small file; of a large one the first and the last, and so many that it stays a matter of
// seconds.
static bool is_sampled(uint64_t at, uint64_t size) {
    uint64_t budget = 20000000 / size;
    return at < 16 || at + 16 > size || at % (size / (budget + 20) + 1) == 0;
}

// Whatever byte is wrong or missing: an error and nothing changed, or what is read is the same all the same.
static void test_damage(Model *m, Rows *r) {
    Model *other = model_create();
    run(other, r, 0, 1);
    Saved file = saved_room(other);
    save(&file, other);
    for (uint64_t at = 0; at < file.count; at++) {
        if (!is_sampled(at, file.count)) continue;
        file.bytes[at] ^= at % 2 ? 0x01 : 0x80;
        nn_status s = F(load_memory)(m, file.bytes, file.count);
        file.bytes[at] ^= at % 2 ? 0x01 : 0x80;
        save(&after, m);
        check(s == NN_DATA ? equal(&before, &after) : s == NN_OK && equal(&file, &after),
              "byte %llu wrong: %s", (unsigned long long)at, nn_status_text(s));
        if (s == NN_OK) check(F(load_memory)(m, before.bytes, before.count) == NN_OK, "loading again");
        check(F(load_memory)(m, file.bytes, at) == NN_DATA, "only %llu bytes", (unsigned long long)at);
    }
    unchanged(m, "a file cut short");
    free(file.bytes);
    F(destroy)(other);
}

static void test_own_memory(Rows *r) {
    uint64_t size = F(size)();
    unsigned char *memory = malloc((size_t)size + 64);
    Config c = configuration();
    check(F(init)(NULL, size, &c) == NULL && F(init)(memory, size - 1, &c) == NULL &&
              F(init)(memory, 0, &c) == NULL,
          "too little memory");
    for (int shift = 0; shift < 64; shift += 21) {
        memset(memory, MARK, (size_t)size + 64);
        Model *m = F(init)(memory + shift, size, &c);
        check(m != NULL, "memory of one's own, %d bytes from a line", shift);
        if (!m) continue;
        run(m, r, 0, STEPS);
        unchanged(m, "other memory");
        bool kept = true;
        for (int i = 0; i < shift; i++) kept = kept && memory[i] == MARK;
        for (int i = 0; i < 64 - shift; i++)
            kept = kept && memory[size + (uint64_t)shift + (uint64_t)i] == MARK;
        check(kept, "memory beside one's own is written");
        F(destroy)(m);
    }
    free(memory);
}

static void *run_alone(void *rows) {
    Model *m = model_create();
    run(m, rows, 0, STEPS);
    return m;
}

static void test_two_threads(Rows *r) {
    Rows other = rows_create();
    pthread_t thread;
    pthread_create(&thread, NULL, run_alone, &other);
    Model *mine = run_alone(r);
    void *theirs;
    pthread_join(thread, &theirs);
    unchanged(mine, "another thread");
    unchanged(theirs, "this thread");
    F(destroy)(mine);
    F(destroy)(theirs);
    rows_destroy(&other);
}

// Rounding upwards, subnormals as they are, traps on: none of it is seen by a model, all of it stays as it
// is.
static void test_floating_point(Rows *r) {
    const unsigned int normal = _mm_getcsr(), odd = 0x5f80 & ~0x0600u;
    Rows *shown = r;
    _mm_setcsr(odd);
    Model *m = model_create();
    check(_mm_getcsr() == odd, "creation leaves another floating-point state");
    _mm_setcsr(normal);
    for (int i = 0; i < STEPS; i++) {
        Real loss = 0;
        rows_fill(shown, i);
        _mm_setcsr(odd);
        nn_status s = train(m, shown, i % 3 == 2 ? (BATCH + 1) / 2 : BATCH, &loss), p = predict(m, shown, 1);
        unsigned int left = _mm_getcsr();
        if (i % EPOCH_STEPS == EPOCH_STEPS - 1) F(epoch)(m, (double)loss);
        _mm_setcsr(normal);
        check(s == NN_OK && p == NN_OK && left == odd, "a step leaves the floating-point state %x for %x",
              left, odd);
    }
    unchanged(m, "the host's floating-point state");
    F(destroy)(m);
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "host.safetensors";
    Rows r = rows_create();
    Model *m = model_create(), *other = model_create();
    before = saved_room(m);
    after = saved_room(m);
    long most = 1;
    for (int k = 0; k < PARAMETERS; k++) most = parameters[k].count > most ? parameters[k].count : most;
    Real *room = malloc((size_t)(most + 1) * sizeof *room);
    watching = true;
    run(m, &r, 0, STEPS);
    predict(m, &r, 1);
    F(get_parameter)(m, parameters[0].name, room, (uint64_t)parameters[0].count);
    check(F(save)(m, path) == NN_OK && F(load)(other, "/nonexistent") == NN_FILE, "files");
    watching = false; // what is loaded is read as a whole
    check(F(load)(other, path) == NN_OK, "a file is loaded");
    watching = true;
    save(&before, m);
    F(load_memory)(other, before.bytes, before.count);
    F(load_memory)(other, before.bytes, before.count / 2);
    watching = false;
    check(asked == 0, "memory is asked for after creation, %d times", asked);
    test_wrong_calls(m, &r);
    test_configurations(&r);
    test_counts(m, &r);
    test_parameters(m, room);
    test_loading(m, &r, path);
    test_damage(m, &r);
    test_own_memory(&r);
    test_two_threads(&r);
    test_floating_point(&r);
    F(destroy)(m);
    F(destroy)(other);
    free(room);
    free(before.bytes);
    free(after.bytes);
    rows_destroy(&r);
    return failures != 0;
}
