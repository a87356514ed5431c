// A function by itself turned into that of its derivatives, for `nnc grad`: what it reads and does not define
// becomes its parameters, draws too; then the requests for differentiate.c.
#include "pass/derivative.h"

#include "pass/algebra.h"

// ---- a part of a function ---------------------------------------------------------------------------------

Function *function_part(Program *p, const Function *f, Tensor *of, Tensor *const *stops, int stop_count) {
    Function *part = arena_new(p->arena, Function);
    *part = (Function){.name = f->name, .kind = FUNCTION_UPDATE};
    const bool *needed = function_needed(p, f, &of, 1, stops, stop_count);
    every (q, f->equations)
        if (needed[q->tensor->id] && !tensor_among(stops, stop_count, q->tensor))
            vec_push(p->arena, &part->equations, q);
    for (int i = 0; i < f->gradients.count; i++)
        if (needed[f->gradients.data[i].result->id] &&
            !tensor_among(stops, stop_count, f->gradients.data[i].result))
            vec_push(p->arena, &part->gradients, f->gradients.data[i]);
    return part;
}

// ---- draws ------------------------------------------------------------------------------------------------

typedef struct {
    Program *p;
    Derivative *d;
    const Equation *q;
    Table *done;
} Draws;

static const Expr *named_draw(Draws *s, const Expr *draw) {
    const Index *own[MAX_RANK];
    int rank = 0;
    for (int i = 0; i < draw->free_count && rank < MAX_RANK; i++) own[rank++] = draw->free[i];
    Tensor *t = temp_add(s->p, s->q->tensor->name, "_draw", (Type)draw->type, rank, own);
    t->kind = TENSOR_INPUT;
    return expr_read(s->p, t, forms_of(s->p, own, rank), s->q->origin);
}

static const Expr *without_draws(void *data, const Expr *e) {
    Draws *s = data;
    if (!e->has_draw) return e;
    const Expr *r = table_get(s->done, e);
    if (r) return r;
    r = e->op == OP_DRAW ? named_draw(s, e) : expr_map_args(s->p, e, without_draws, s);
    table_set(s->p->arena, s->done, e, r);
    return r;
}

// A tensor that only draws decide is a parameter itself; elsewhere each draw is one.
static void take_draws(Program *p, Derivative *d) {
    Function *f = d->function;
    Table done = {0};
    int kept = 0;
    every (q, f->equations) {
        if (q->e->has_draw && !q->e->read_count && q->reduction == REDUCE_NONE) {
            q->tensor->kind = TENSOR_INPUT;
            continue;
        }
        Draws s = {p, d, q, &done};
        f->equations.data[kept++] = q->e->has_draw ? equation_with(p, q, without_draws(&s, q->e)) : q;
    }
    f->equations.count = kept;
}

// ---- parameters and requests ------------------------------------------------------------------------------

void derivative_open(Program *p, Derivative *d, Tensor *const *inputs, int count) {
    take_draws(p, d);
    Function *f = d->function;
    bool *known = arena_array(p->arena, bool, p->tensors.count);
    for (int i = 0; i < f->equations.count; i++) known[f->equations.data[i]->tensor->id] = true;
    for (int i = 0; i < f->gradients.count; i++) known[f->gradients.data[i].result->id] = true;
    for (int i = 0; i < count; i++) {
        if (known[inputs[i]->id]) continue;
        known[inputs[i]->id] = true;
        vec_push(p->arena, &d->parameters, inputs[i]);
    }
    d->input_count = d->parameters.count;
    for (int i = 0; i < f->equations.count; i++) {
        const Expr *e = f->equations.data[i]->e;
        every_read (read, e) {
            Tensor *t = read->tensor;
            if (known[t->id]) continue;
            known[t->id] = true;
            vec_push(p->arena, &d->parameters, t);
        }
    }
    d->given_count = d->parameters.count;
}

// sum[all] value * dvalue
static const Expr *weighed(Program *p, Derivative *d, Tensor *value) {
    Tensor *by = temp_like(p, value, "d", "", value->type);
    by->kind = TENSOR_INPUT;
    vec_push(p->arena, &d->parameters, by);
    const Index **indices = dims_fresh(p, value, NULL);
    const Affine **at = forms_of(p, indices, value->rank);
    const Expr *e = expr_mul(p, expr_read(p, value, at, value->origin), expr_read(p, by, at, value->origin));
    if (!value->rank) return e;
    Tensor *sum = temp_add(p, value->name, "_weighed", TYPE_REAL, 0, NULL);
    Equation *q = equation_make(p, sum, NULL, REDUCE_SUM, indices, value->rank, e, value->origin);
    vec_push(p->arena, &d->function->equations, q);
    return expr_read(p, sum, NULL, value->origin);
}

void derivative_seed(Program *p, Derivative *d, Tensor *const *values, int count) {
    const Expr *all = expr_const(p, 0);
    for (int i = 0; i < count; i++)
        if (tensor_is_real(values[i])) all = expr_add(p, all, weighed(p, d, values[i]));
    Tensor *total = temp_add(p, d->name, ".weighed", TYPE_REAL, 0, NULL);
    vec_push(p->arena, &d->function->equations, equation_map(p, total, NULL, all, NULL));
    VEC(Tensor *) by = {0};
    for (int i = 0; i < d->parameters.count; i++)
        if (i < d->input_count || d->parameters.data[i]->kind == TENSOR_PARAM)
            vec_push(p->arena, &by, d->parameters.data[i]);
    derivative_request(p, d, total, by.data, by.count);
}

void derivative_request(Program *p, Derivative *d, Tensor *of, Tensor *const *by, int count) {
    for (int i = 0; i < count; i++) {
        if (!tensor_is_real(by[i])) continue;
        Tensor *result = temp_like(p, by[i], "d", "", TYPE_REAL);
        result->kind = TENSOR_OUTPUT;
        vec_push(p->arena, &d->function->gradients, ((GradientRequest){of, by[i], result}));
        vec_push(p->arena, &d->function->outputs, result);
        vec_push(p->arena, &d->results, result);
        vec_push(p->arena, &d->by, by[i]);
    }
}
