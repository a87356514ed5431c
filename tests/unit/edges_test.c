// Wherever a definition of the library has a finite value, its gradient is finite: at 0, 1, -1, 100 and -100,
// with equal arguments, mixed ones, lengths of 0, one row and several, parameters as they start and all 0.
// Every layer and every differentiable function is walked, found in the library's own text (support/calls.h),
// in each way of giving its options. The equations are those of the compiler after all its simplifications,
// interpreted in double, so that what overflows in single is not taken for an edge. Where all numbers are 1
// and all integers 0, lengths among them, the value must be finite.
#include "oracle/interpret.h"
#include "pipeline.h"
#include "support/calls.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, PATTERNS = 7, MOST_RUNS = 400 };

// ---- the points ----

// What stands at an element of a row, in pattern 0 .. PATTERNS - 1.
static double number_at(int pattern, int64_t element, int64_t row) {
    static const double SAME[] = {0, 1, -1, 100, -100}, MIXED[] = {100, -100, 0, 1, -1};
    if (pattern < 5) return SAME[pattern];
    return pattern == 5 ? MIXED[(element + row) % 5] : element == row ? 100 : 0;
}

static double whole_at(const Tensor *t, int pattern, int64_t element, int64_t row) {
    int64_t low = t->type == TYPE_BOOL ? 0 : t->low, high = t->type == TYPE_BOOL ? 1 : t->high;
    if (pattern < 2) return (double)(pattern ? high : low);
    return (double)(low + (element + row + pattern) % (high - low + 1));
}

static void fill(Environment *env, Tensor *t, int pattern) {
    double *values = environment_values(env, t);
    int64_t rows = t->batch_dims & 1 ? t->dims[0] : 1, size = tensor_elements(t) / rows;
    for (int64_t i = 0; i < rows * size; i++)
        values[i] = t->type == TYPE_REAL ? number_at(pattern, i % size, i / size)
                                         : whole_at(t, pattern, i % size, i / size);
}

// ---- a program ----

typedef struct {
    const LibraryItem *item;
    Pipeline *p;
    CallProgram calls;
    Environment *env;
    int points, bad;
} Edges;

static Function *function_of(const Program *p, FunctionKind kind) {
    for (int i = 0; i < p->functions.count; i++)
        if (p->functions.data[i]->kind == kind) return p->functions.data[i];
    return NULL;
}

// The number behind a name's beginning: 3 of "net.p_3" with "net.p_"; 0: it does not begin so.
static int number_behind(const char *name, const char *start) {
    size_t n = strlen(start);
    return strncmp(name, start, n) ? 0 : atoi(name + n);
}

// Which tensor of the calls an input or parameter is (from 1), or 0.
static int tensor_of(const char *name) {
    static const char *const STARTS[] = {"x_", "k_", "net.p_", "net.q_"};
    int k = 0;
    for (size_t i = 0; i < sizeof STARTS / sizeof *STARTS && !k; i++) k = number_behind(name, STARTS[i]);
    return k;
}

// Which call a parameter belongs to: a layer's first in a program is its first call.
static int call_of(const Edges *e, const char *name) {
    int k = tensor_of(name);
    if (k) return e->calls.call_of[k];
    return number_behind(name, string_format(e->p->ctx->arena, "net.%s_", e->item->node->name));
}

// How many tensors of its call stand before this one: it takes the pattern of that digit.
static int digit_of(const Edges *e, int tensor) {
    int digit = 0;
    for (int k = 1; k < tensor; k++) digit += e->calls.call_of[k] == e->calls.call_of[tensor];
    return digit;
}

static int most_digits(const Edges *e) {
    int most = 1;
    for (int k = 1; k <= e->calls.tensors; k++)
        if (digit_of(e, k) + 1 > most) most = digit_of(e, k) + 1;
    return most;
}

static int pattern_of(int point, int digit) {
    for (int i = 0; i < digit; i++) point /= PATTERNS;
    return point % PATTERNS;
}

// p_K is 1 and q_K 0, so that the argument is the field; one without a field has the point itself.
static void give_point(Edges *e, int point, bool zero) {
    Program *p = e->p->module->program;
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i];
        if (t->kind != TENSOR_INPUT && t->kind != TENSOR_PARAM) continue;
        int k = tensor_of(t->name);
        double *values = environment_values(e->env, t);
        if (k && t->kind == TENSOR_INPUT)
            fill(e->env, t, pattern_of(point, digit_of(e, k)));
        else if (k && tensor_find(p, string_format(p->arena, "x_%d", k)))
            for (int64_t n = 0; n < tensor_elements(t); n++) values[n] = t->name[4] == 'p';
        else if (k)
            fill(e->env, t, pattern_of(point, digit_of(e, k)));
        else if (zero)
            memset(values, 0, sizeof *values * (size_t)tensor_elements(t));
    }
}

static bool is_finite(const Edges *e, const GradientRequest *g) {
    const double *values = environment_values(e->env, g->result);
    for (int64_t i = 0; i < tensor_elements(g->result); i++)
        if (!isfinite(values[i])) return false;
    return true;
}

static bool value_is_finite(Edges *e, int call) {
    const char *name = string_format(e->p->ctx->arena, "net.c_%d", call);
    for (int i = 0; i < e->p->gradients.count; i++)
        if (!strcmp(e->p->gradients.data[i].by->name, name)) return is_finite(e, &e->p->gradients.data[i]);
    return false;
}

// A setting that a definition divides by: it has no value there in the limit.
static bool is_outside(const Edges *e, int point, int call) {
    if (strcmp(e->item->node->name, "celu")) return false;
    for (int k = 1; k <= e->calls.tensors; k++) // alpha, its second argument
        if (e->calls.call_of[k] == call && digit_of(e, k) == 1) {
            int pattern = pattern_of(point, 1);
            return pattern == 0 || pattern > 4;
        }
    return false;
}

// Are all numbers of a call 1 and all integers 0 at this point? (`masked` is there to give -inf.)
static bool is_plain(const Edges *e, int point, int call) {
    if (!strcmp(e->item->node->name, "masked")) return false;
    for (int k = 1; k <= e->calls.tensors; k++) {
        if (e->calls.call_of[k] != call) continue;
        bool whole = tensor_find(e->p->module->program, string_format(e->p->ctx->arena, "k_%d", k)) != NULL;
        if (pattern_of(point, digit_of(e, k)) != !whole) return false;
    }
    return true;
}

static void complain(Edges *e, const char *what, int call, int point, int rows) {
    if (!e->bad++)
        printf("%s (%s): %s of call %d is not finite at point %d with %d rows\n%s\n", e->item->node->name,
               e->item->file, what, call, point, rows, e->calls.text);
}

static void look(Edges *e, int point, int rows, bool zero) {
    for (int call = 1; call <= e->calls.calls && !zero; call++)
        if (is_plain(e, point, call) && !value_is_finite(e, call))
            complain(e, "the value", call, point, rows);
    for (int i = 0; i < e->p->gradients.count; i++) {
        const GradientRequest *g = &e->p->gradients.data[i];
        int call = call_of(e, g->by->name);
        if (!call || !value_is_finite(e, call) || is_outside(e, point, call)) continue;
        e->points++;
        const char *what =
            string_format(e->p->ctx->arena, "the value is finite, the gradient by %s", g->by->name);
        if (!is_finite(e, g)) complain(e, what, call, point, rows);
    }
}

static const char *walk(Edges *e) {
    Program *p = e->p->module->program;
    int points = 1;
    for (int i = 0; i < most_digits(e) && points * PATTERNS <= MOST_RUNS; i++) points *= PATTERNS;
    for (int way = 0; way < 4; way++) {
        int rows = way & 1 ? 1 : ROWS;
        bool zero = way & 2;
        if (zero && e->item->node->definition != DEFINE_LAYER) break;
        e->env = environment_create(p, rows, 3);
        const char *wrong = interpret(e->env, function_of(p, FUNCTION_INITIAL));
        for (int point = 0; point < points && !wrong && !e->bad; point++) {
            give_point(e, point, zero);
            wrong = interpret(e->env, function_of(p, FUNCTION_STEP));
            if (!wrong) look(e, point, rows, zero);
        }
        if (wrong) return wrong;
    }
    return NULL;
}

enum { PASSED, FAILED };

static int check_item(Context *ctx, const LibraryItem *item) {
    Edges e = {.item = item, .calls = call_program(ctx, item, CALLS_EDGES)};
    PipelineOptions options = {.path = "edges.nn", .cpu = "native"};
    options.compile = (CompileOptions){.batch = ROWS};
    e.p = pipeline_create(&options);
    e.p->gradients_only = true;
    pipeline_again(e.p, e.calls.text, strlen(e.calls.text));
    int result = FAILED;
    if (e.calls.problem)
        printf("%s: no size or value for `%s`: a row of calls.c\n", item->node->name, e.calls.problem);
    else if (pipeline_run_to(e.p, "clean")) {
        const char *wrong = walk(&e);
        if (wrong) printf("%s: %s\n%s", item->node->name, wrong, e.calls.text);
        if (!wrong && !e.points) printf("%s: no value is finite\n%s", item->node->name, e.calls.text);
        result = wrong || e.bad || !e.points ? FAILED : PASSED;
    } else {
        diagnostics_print(e.p->ctx, false, stdout);
        printf("%s", e.calls.text);
    }
    pipeline_destroy(e.p);
    return result;
}

// Is it of numbers? What is made of integers alone has no slope.
static bool of_numbers(const Node *node) {
    bool tensors = false;
    for (int i = 0; i < node->count; i++) {
        const Node *p = node->items[i];
        if (p->brackets && !p->type) return true;
        tensors |= p->brackets;
    }
    return node->definition == DEFINE_LAYER || !tensors;
}

int main(int argc, char **argv) {
    Context *ctx = context_create();
    LibraryItems all = library_items(ctx);
    int counts[2] = {0};
    for (int i = 0; i < all.count; i++) {
        const LibraryItem *item = &all.items[i];
        bool walked =
            item->node->definition == DEFINE_LAYER || (item->node->definition == DEFINE_FN && !item->of_run);
        bool wanted = argc == 1;
        for (int k = 1; k < argc; k++) wanted = wanted || !strcmp(argv[k], item->node->name);
        if (walked && wanted && of_numbers(item->node)) counts[check_item(ctx, item)]++;
    }
    printf("%d passed, %d failed\n", counts[PASSED], counts[FAILED]);
    context_destroy(ctx);
    return counts[FAILED] || !counts[PASSED];
}
