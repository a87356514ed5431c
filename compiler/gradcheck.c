// The gradient check: runs the compiled step in this process, on rows drawn here, and compares its gradients with central
// differences. Draws of the network are the same in every evaluation; so are the rows, unless a point turns out to be a kink.
//
// With step h = 6e-6 max(1, |w|) the error is |a - d| / max(|a|, |d|, 1e-3 |loss|) and must be at most 1e-6. Where it is more, and
// the one-sided differences differ by more than 2e-5 of that maximum, which a smooth loss does not do within such a step, the
// point is a kink: other rows, a tenth of the step, ten times the tolerance (docs/decisions/kinks.md).
#include "gradcheck.h"

#include "abi.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
#define STATUS(code, value, text) code = value,
#include "status.def"
#undef STATUS
};

enum { ALL_UP_TO = 256, CHOSEN = 64, DIRECTIONS = 3, TRIES = 4, MOST_KINKS_PERCENT = 1, MOST_ROWS = 8 };

typedef struct {
    Pipeline *p;
    Arena *arena;
    nn_run *run;
    nn_call call;
    unsigned char *memory;
    VEC(const void *) sources;
    uint32_t rows_key;                // which rows are drawn
} Check;

typedef struct { double worst, analytic, numeric; int64_t element; int checked, kinks, wrong; } Result;

static double *real_at(const Check *c, const Tensor *t, int64_t element) {
    return (double *)(void *)(c->memory + layout_byte(t->layout, t, element));
}

static uint32_t random_bits(uint32_t key, uint32_t what, uint64_t element) {
    uint32_t counter[4] = {(uint32_t)element, (uint32_t)(element >> 32), what, key};
    philox(counter, 0);
    return counter[0];
}

// Rows of one source: numbers uniform in 0 .. 1, integers uniform in their range, bools even.
static void draw_source(Check *c, const Tensor *t, void *values, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = random_bits(c->rows_key, t->id, (uint64_t)i);
        if (t->type == TYPE_REAL || t->type == TYPE_DOUBLE) {
            ((double *)values)[i] = (bits >> 8) * 0x1p-24;
        } else {
            int64_t low = t->type == TYPE_BOOL ? 0 : t->low, high = t->type == TYPE_BOOL ? 1 : t->high;
            ((int32_t *)values)[i] = (int32_t)(low + (int64_t)(((uint64_t)bits * (uint64_t)(high - low + 1)) >> 32));
        }
    }
}

static int64_t source_elements(const Check *c, const Tensor *t) {
    int64_t n = c->call.rows;
    for (int d = 1; d < t->rank; d++) n *= t->dims[d];
    return n;
}

static void draw_rows(Check *c) {
    Program *program = c->p->module->program;
    for (int i = 0, s = 0; i < program->tensors.count; i++) {
        Tensor *t = program->tensors.data[i];
        if (t->kind == TENSOR_SOURCE) draw_source(c, t, (void *)c->sources.data[s++], source_elements(c, t));
    }
}

static bool write_object(const char *path, const Compiled *code) {
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(code->bytes, 1, code->length, f) == code->length;
    if (f) good = fclose(f) == 0 && good;
    return good;
}

static int link_shared(const char *object, const char *library) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execlp("cc", "cc", "-shared", "-o", library, object, "-lm", (char *)NULL);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

// The step as a function of this process: the object is linked by `cc`, which building needs anyway, and loaded.
// NULL after a diagnostic.
static nn_run *load(Pipeline *p) {
    Context *ctx = p->ctx;
    Compiled code = compile_kernels(p->kernels, p->target, "gradcheck", 2);
    const char *base = getenv("TMPDIR");
    char *folder = string_format(ctx->arena, "%s/nnc.XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(folder)) {
        diagnose(ctx, CANNOT_WRITE, NO_SPAN, folder, strerror(errno));
        return NULL;
    }
    const char *object = string_format(ctx->arena, "%s/step.o", folder), *library = string_format(ctx->arena, "%s/step.so", folder);
    void *handle = NULL, *symbol = NULL;
    if (!write_object(object, &code)) diagnose(ctx, CANNOT_WRITE, NO_SPAN, object, strerror(errno));
    else if (link_shared(object, library)) diagnose(ctx, TOOL_FAILED, NO_SPAN, "cc", library, "see its message above");
    else if (!(handle = dlopen(library, RTLD_NOW | RTLD_LOCAL))) diagnose(ctx, TOOL_FAILED, NO_SPAN, "cc", library, dlerror());
    unlink(object);
    unlink(library);
    rmdir(folder);
    if (handle) symbol = dlsym(handle, "gradcheck_run");
    nn_run *run = NULL;
    memcpy(&run, &symbol, sizeof run);
    return run;
}

static bool prepare(Check *c) {
    Program *program = c->p->module->program;
    size_t bytes = (size_t)c->p->kernels->arena_size + 2 * NN_MARGIN;
    unsigned char *block = aligned_alloc(NN_MARGIN, (bytes + NN_MARGIN - 1) / NN_MARGIN * NN_MARGIN);
    if (!block) return false;
    memset(block, 0, bytes);
    c->memory = block + NN_MARGIN;
    c->call = (nn_call){.arena = c->memory, .rows = program->batch < MOST_ROWS ? program->batch : MOST_ROWS};
    for (int i = 0; i < program->tensors.count; i++) {
        Tensor *t = program->tensors.data[i];
        if (t->kind == TENSOR_SOURCE) vec_push(c->arena, &c->sources, arena_array(c->arena, double, source_elements(c, t)));
        if (!t->layout || !t->layout->stored) continue;
        if (t->kind == TENSOR_CLOCK || t->kind == TENSOR_SETTING || t->kind == TENSOR_TOTAL)
            for (int64_t e = 0; e < tensor_elements(t); e++) *real_at(c, t, e) = t->start;
    }
    c->call.sources = c->sources.data;
    c->run(NN_INITIAL, &c->call, 0, 1);
    draw_rows(c);
    return true;
}

// The rows' numbers are an input of each call, whose place is free for others after it was read.
static double loss_now(Check *c) {
    Tensor *map = c->p->module->rowmap;
    for (int64_t r = 0; map && map->layout && r < c->call.rows; r++)
        *(int32_t *)(void *)(c->memory + layout_byte(map->layout, map, r)) = (int32_t)r;
    c->run(NN_STEP, &c->call, 0, 1);
    return *real_at(c, c->p->module->loss, 0);
}

// The loss with the parameters moved by `distance` along a direction, which is one element or all of them.
typedef struct { Tensor *tensor; int64_t element; uint32_t direction; } Move;

static double along(uint32_t direction, const Tensor *t, int64_t element) {
    return random_bits(direction, t->id, (uint64_t)element) * 0x1p-31 - 1;
}

static void shift(Check *c, const Move *m, double distance, double *const *saved) {
    Program *program = c->p->module->program;
    if (m->tensor) {
        *real_at(c, m->tensor, m->element) += distance;
        return;
    }
    for (int i = 0; i < program->tensors.count; i++) {
        Tensor *t = program->tensors.data[i];
        if (t->kind == TENSOR_PARAM && t->trainable)
            for (int64_t e = 0; e < tensor_elements(t); e++) *real_at(c, t, e) = saved[i][e] + distance * along(m->direction, t, e);
    }
}

// A parameter moved must be moved in its second copy too, where it has one.
static void write_copies(Check *c) {
    Program *program = c->p->module->program;
    for (int i = 0; i < program->tensors.count; i++) {
        Tensor *t = program->tensors.data[i];
        if (t->kind != TENSOR_PARAM || !t->layout || !t->layout->twin) continue;
        for (int64_t e = 0; e < tensor_elements(t); e++)
            *(double *)(void *)(c->memory + layout_byte(t->layout->twin, t, e)) = *real_at(c, t, e);
    }
}

static double moved_loss(Check *c, const Move *m, double distance, double *const *saved) {
    double keep = m->tensor ? *real_at(c, m->tensor, m->element) : 0;
    shift(c, m, distance, saved);
    write_copies(c);
    double loss = loss_now(c);
    if (m->tensor) *real_at(c, m->tensor, m->element) = keep;
    else shift(c, m, 0, saved);
    write_copies(c);
    return loss;
}

typedef enum { AGREES, DIFFERS, KINK } Verdict;

static Verdict compare(Check *c, const Move *m, double analytic, double step, double tolerance, double *const *saved, Result *r) {
    double loss = loss_now(c), up = moved_loss(c, m, step, saved), down = moved_loss(c, m, -step, saved);
    double numeric = (up - down) / (2 * step);
    double scale = fmax(fmax(fabs(analytic), fabs(numeric)), 1e-3 * fabs(loss));
    double error = scale > 0 ? fabs(analytic - numeric) / scale : 0;
    if (error > tolerance && fabs((up - loss) / step - (loss - down) / step) > 2e-5 * scale) return KINK;
    if (!(error <= r->worst)) *r = (Result){error, analytic, numeric, m->element, r->checked, r->kinks, r->wrong};
    return error <= tolerance ? AGREES : DIFFERS;
}

static Tensor *gradient_of(const Pipeline *p, const Tensor *parameter) {
    for (int i = 0; i < p->gradients.count; i++)
        if (p->gradients.data[i].by == parameter) return p->gradients.data[i].result;
    return NULL;
}

static double directional(Check *c, uint32_t direction) {
    Program *program = c->p->module->program;
    double sum = 0;
    for (int i = 0; i < program->tensors.count; i++) {
        Tensor *t = program->tensors.data[i], *g = t->kind == TENSOR_PARAM && t->trainable ? gradient_of(c->p, t) : NULL;
        for (int64_t e = 0; g && e < tensor_elements(t); e++) sum += *real_at(c, g, e) * along(direction, t, e);
    }
    return sum;
}

static void check_move(Check *c, const Move *m, double *const *saved, Result *r) {
    r->checked++;
    for (int attempt = 0; attempt < TRIES; attempt++) {
        c->rows_key = (uint32_t)attempt;
        draw_rows(c);
        loss_now(c);
        double analytic = m->tensor ? *real_at(c, gradient_of(c->p, m->tensor), m->element) : directional(c, m->direction);
        double at = m->tensor ? fabs(*real_at(c, m->tensor, m->element)) : 1;
        double step = 6e-6 * fmax(1, at) * pow(0.1, attempt);
        Verdict v = compare(c, m, analytic, step, 1e-6 * pow(10, attempt), saved, r);
        if (v == DIFFERS) r->wrong++;
        if (v == KINK && attempt + 1 == TRIES) r->kinks++;
        if (v != KINK) break;
    }
    c->rows_key = 0;
}

static Result check_parameter(Check *c, Tensor *t, double *const *saved) {
    Result r = {.worst = 0};
    int64_t n = tensor_elements(t), count = n <= ALL_UP_TO ? n : CHOSEN;
    for (int64_t k = 0; k < count; k++) {
        int64_t e = n <= ALL_UP_TO ? k : (int64_t)(((uint64_t)random_bits(7, t->id, (uint64_t)k) * (uint64_t)n) >> 32);
        check_move(c, &(Move){t, e, 0}, saved, &r);
    }
    return r;
}

static bool report(FILE *out, const char *name, const Result *r) {
    bool bad = r->wrong || r->kinks * 100 > r->checked * MOST_KINKS_PERCENT;
    fprintf(out, "%-40s %5d checked, worst error %.1e at %lld (derived %.9g, measured %.9g)%s\n", name, r->checked, r->worst,
            (long long)r->element, r->analytic, r->numeric, r->wrong ? "  WRONG" : bad ? "  too many kinks" : "");
    return !bad;
}

int gradcheck(Pipeline *p, void *file) {
    Check c = {.p = p, .arena = p->ctx->arena, .run = load(p)};
    Program *program = p->module->program;
    if (!c.run) return NN_FILE;
    if (!prepare(&c)) return NN_MEMORY;
    double **saved = arena_array(c.arena, double *, program->tensors.count);
    bool good = true;
    int checked = 0;
    for (int i = 0; i < program->tensors.count; i++) {
        Tensor *t = program->tensors.data[i];
        if (t->kind != TENSOR_PARAM || !t->trainable) continue;
        saved[i] = arena_array(c.arena, double, tensor_elements(t));
        for (int64_t e = 0; e < tensor_elements(t); e++) saved[i][e] = *real_at(&c, t, e);
    }
    for (int i = 0; i < program->tensors.count; i++) {
        Tensor *t = program->tensors.data[i];
        if (!saved[i]) continue;
        if (!gradient_of(p, t)) die("gradcheck: %s has no gradient", t->name);
        Result r = check_parameter(&c, t, saved);
        good &= report(file, t->name, &r);
        checked += r.checked;
    }
    Result all = {.worst = 0};
    for (uint32_t d = 1; d <= DIRECTIONS; d++) check_move(&c, &(Move){NULL, d, d}, saved, &all);
    good &= report(file, "all, in random directions", &all);
    fprintf(file, "%s: %d derivatives checked, %s\n", p->module->name, checked + all.checked, good ? "all agree" : "some do not");
    free(c.memory - NN_MARGIN);
    return good ? NN_OK : NN_NOT_FINITE;
}
