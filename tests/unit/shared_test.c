// Expressions whose parts are shared: what they take is linear in the parts, not in what they would be
// written out.
#include "pass/passes.h"

#include <stdio.h>

typedef struct {
    int passed, failed;
} Test;

static void check(Test *t, bool good, const char *what) {
    t->passed += good;
    t->failed += !good;
    if (!good) printf("FAILED %s\n", what);
}

static const Affine *at(Program *p, const Expr *e) { return affine_atom(p, e); }

// y[b] = w[e], with a gradient by w: valid, and still so after all passes.
static void through_passes(Test *t, Program *p, const Index *b, const Expr *e, const char *what) {
    Tensor *w = tensor_add(p, "w", TENSOR_PARAM, TYPE_REAL, 1, (int64_t[]){6});
    Tensor *y = tensor_add(p, "y", TENSOR_OUTPUT, TYPE_REAL, 1, &p->batch);
    Tensor *dw = tensor_add(p, "dw", TENSOR_OUTPUT, TYPE_REAL, 1, w->dims);
    Function *f = function_add(p, FUNCTION_STEP, "step");
    const Affine *out = affine_index(p, b), *place = at(p, e);
    y->batch_dims = 1;
    equation_add(p, f, y, &out, REDUCE_NONE, NULL, 0, expr_read(p, w, &place, NULL), NULL);
    vec_push(p->arena, &f->outputs, y);
    vec_push(p->arena, &f->outputs, dw);
    vec_push(p->arena, &f->gradients, ((GradientRequest){y, w, dw}));
    check(t, !program_verify(p), what);
    passes_run(p, "differentiate", "clean", NULL, NULL);
    check(t, !program_verify(p), what);
}

// k = mod(k * k + k, 6), forty times: read as a tree, 3^40 parts.
static void test_integers(Test *t) {
    Context *ctx = context_create();
    Program *p = program_create(ctx, PRECISION_DEFAULT, 8);
    Tensor *c = tensor_add(p, "c", TENSOR_INPUT, TYPE_INT, 1, &p->batch);
    c->batch_dims = 1;
    c->bounded = true;
    c->high = 5;
    const Index *b = index_add(p, "b", p->batch, true);
    const Affine *row = affine_index(p, b);
    const Expr *k = expr_read(p, c, &row, NULL);
    for (int i = 0; i < 40; i++)
        k = expr_binary(p, OP_MOD, expr_add(p, expr_mul(p, k, k), k), expr_int(p, 6));
    int64_t low, high;
    check(t, expr_integer_bounds(k, &low, &high) && low == 0 && high == 5, "a remainder by 6 is 0 to 5");
    through_passes(t, p, b, k, "integers that are shared");
    context_destroy(ctx);
}

// k = t[t[t[.. c[b]]]], forty tables deep, under a guard that holds it: each read is among those of all
// around it.
static void test_reads(Test *t) {
    Context *ctx = context_create();
    Program *p = program_create(ctx, PRECISION_DEFAULT, 8);
    Tensor *table = tensor_add(p, "t", TENSOR_INPUT, TYPE_INT, 1, (int64_t[]){6});
    Tensor *c = tensor_add(p, "c", TENSOR_INPUT, TYPE_INT, 1, &p->batch);
    c->batch_dims = 1;
    c->bounded = table->bounded = true;
    c->high = table->high = 5;
    const Index *b = index_add(p, "b", p->batch, true);
    const Affine *place = affine_index(p, b);
    const Expr *k = expr_read(p, c, &place, NULL);
    for (int i = 0; i < 40; i++) {
        place = at(p, k);
        k = expr_read(p, table, &place, NULL);
    }
    Guard low = {at(p, k), 3}, odd = {at(p, expr_read(p, table, &low.form, NULL)), 4};
    k = expr_where(p, (Guard[]){low, odd}, 2, k, expr_int(p, 5));
    check(t, k->guard_count == 2 && k->guards[0].form == low.form, "the deeper guard stands behind");
    through_passes(t, p, b, k, "reads in reads");
    context_destroy(ctx);
}

// A product of many reads, each at an index of its own: the node lists them once.
static void test_parts(Test *t) {
    enum { PARTS = 250, PRODUCTS = 8000 };
    Context *ctx = context_create();
    Program *p = program_create(ctx, PRECISION_DEFAULT, 8);
    Tensor *x = tensor_add(p, "x", TENSOR_INPUT, TYPE_REAL, 1, (int64_t[]){6});
    const Expr *parts[PARTS];
    int exponents[PARTS];
    for (int i = 0; i < PARTS; i++) {
        const Affine *place = affine_index(p, index_add(p, "i", 6, false));
        parts[i] = expr_read(p, x, &place, NULL);
        exponents[i] = 1;
    }
    uint64_t bound = memory_bound((uint64_t)1500 << 20); // a third of what lists of lists would take
    const Expr *all = NULL;
    for (int i = 0; i < PRODUCTS; i++) all = expr_product(p, 2 + i, exponents, parts, PARTS);
    memory_bound(bound);
    check(t, all->read_count == PARTS && all->free_count == PARTS, "every read and index");
    context_destroy(ctx);
}

int main(void) {
    Test t = {0};
    test_integers(&t);
    test_reads(&t);
    test_parts(&t);
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed > 0;
}
