// One sweep over a function in order: every definition is put into normal form over definitions that already
// are. Aliases are replaced by what they say, sums are solved and split in phases, factors leave sums, sums
// that vanish go, equal definitions become one, and what nobody reads is dropped. Work is linear in the
// function.
#include "pass/algebra.h"
#include "pass/passes.h"

#include <math.h>

typedef struct {
    Program *p;
    Flow *in, *out;
    Numbers *numbers;
    VEC(Tensor *) same; // by tensor id: another tensor that says the same
    Type reader;        // what the definition in hand computes in
    bool sorts;         // it is an order
    bool unstop;
} Sweep;

static Tensor *same_as(const Sweep *s, const Tensor *t) {
    return (int)t->id < s->same.count ? s->same.data[t->id] : NULL;
}

static void set_same(Sweep *s, const Tensor *t, Tensor *other) {
    while (s->same.count <= (int)t->id) vec_push(s->p->arena, &s->same, NULL);
    s->same.data[t->id] = other;
}

static bool no_reads(const Guard *guards, int count) {
    for (int i = 0; i < count; i++)
        if (affine_read_depth(guards[i].form)) return false;
    return true;
}

static bool of_no_tensor(Program *p, const Expr *e) {
    return !e->read_count && (e->has_draw ? e->depth <= 8 : e->depth <= 3 && expr_is_cheap(p, e));
}

static bool wide(const Tensor *t) { return t->type == TYPE_DOUBLE && t->rank > 0; }

// A reader of a double tensor computes in double itself, and what is computed in double is not computed again
// in single.
bool types_allow(const Equation *producer, Type reader) {
    if (reader == TYPE_DOUBLE) return true;
    const Expr *e = producer->e;
    if (producer->tensor->type == TYPE_DOUBLE && e->op != OP_READ && e->op != OP_CONST) return false;
    every_read (read, e)
        if (wide(read->tensor) && !wide(producer->tensor)) return false;
    return true;
}

static bool types_agree(const Tensor *t, const Expr *e) { return tensor_is_real(t) || e->type == t->type; }

bool equation_is_alias(Program *p, const Equation *q) {
    if (q->reduction != REDUCE_NONE || !equation_identity(q) || !types_agree(q->tensor, q->e)) return false;
    const Expr *e = q->e;
    if (of_no_tensor(p, e)) return true;
    bool one_hot = e->op == OP_WHERE && of_no_tensor(p, e->args[0]);
    if (e->op == OP_WHERE && e->args[1]->op == OP_CONST && (one_hot || no_reads(e->guards, e->guard_count)))
        e = e->args[0];
    if (e->op == OP_PRODUCT && e->count == 1 && e->exponents[0] == 1) e = e->args[0];
    if (e->op == OP_SUM && e->count == 1 && e->value == 0) e = e->args[0];
    if (e->op == OP_READ) return q->tensor->type != TYPE_INT || (e->tensor->bounded >= q->tensor->bounded);
    return of_no_tensor(p, e);
}

const Expr *expr_inline(Program *p, const Equation *producer, const Expr *read) {
    Binding at[MAX_RANK];
    for (int d = 0; d < producer->out_count; d++)
        at[d] = (Binding){affine_only(producer->out[d]), read->forms[d]};
    return expr_substitute(p, producer->e, at, producer->out_count);
}

// In a recurrence an alias may be one of itself, or of another alias: saying what it says would never end.
static bool endless(const Sweep *s, const Equation *alias) {
    for (int i = 0; alias->tensor->step && i < alias->e->read_count; i++) {
        const Definition *d = flow_definition(s->in, alias->e->reads[i]->tensor);
        if (d && d->tensor->step && d->equations.count == 1 && equation_is_alias(s->p, d->equations.data[0]))
            return true;
    }
    return false;
}

// What is sorted stays a read of a tensor at indices.
static bool may_be_sorted(const Expr *e) {
    for (int d = 0; d < e->guard_count && e->op == OP_READ; d++)
        if (!affine_only(e->forms[d]) && !affine_is_constant(e->forms[d])) return false;
    return e->op == OP_READ && e->tensor->kind != TENSOR_SOURCE;
}

static const Expr *replace(void *data, const Expr *read) {
    Sweep *s = data;
    Tensor *other = same_as(s, read->tensor);
    if (other) read = expr_read(s->p, other, read->forms, read->origin);
    const Definition *d = flow_definition(s->out, read->tensor);
    if (!d || d->equations.count != 1 || !equation_is_alias(s->p, d->equations.data[0])) return read;
    if (!types_allow(d->equations.data[0], s->reader) || endless(s, d->equations.data[0])) return read;
    const Expr *e = expr_inline(s->p, d->equations.data[0], read);
    return s->sorts && !may_be_sorted(e) ? read : e;
}

// Enters a definition; the result is the tensor that holds it: another one that says the same, where there is
// one. Aliases are not numbered (their readers say what they say), and nobody reads what outlives the
// function for another.
static Tensor *define(Sweep *s, Tensor *t, const Equations *pieces, bool live) {
    Program *p = s->p;
    bool shared = t->kind == TENSOR_TEMP || t->kind == TENSOR_OUTPUT;
    bool alias = pieces->count == 1 && equation_is_alias(p, pieces->data[0]);
    Tensor *other = alias    ? NULL
                    : shared ? numbers_enter(s->numbers, pieces, t)
                             : numbers_find(s->numbers, pieces, t);
    if (other) {
        set_same(s, t, other);
        if (!live) return other;
        Definition *copied = flow_add(s->out, t);
        const Affine **place = elements_of(p, t);
        const Origin *origin = pieces->data[0]->origin;
        copied->live = true;
        vec_push(p->arena, &copied->equations,
                 equation_map(p, t, place, expr_read(p, other, place, origin), origin));
        return other;
    }
    Definition *d = flow_add(s->out, t);
    d->live = live;
    for (int i = 0; i < pieces->count; i++) vec_push(p->arena, &d->equations, pieces->data[i]);
    return t;
}

static Tensor *define_one(Sweep *s, Tensor *t, Equation *q) {
    Equations one = {0};
    vec_push(s->p->arena, &one, q);
    return define(s, t, &one, false);
}

typedef struct {
    double sum, largest;
    const Expr *e;
} Total;
enum { MAX_TOTALS = 8 };

static bool add_total(Program *p, Total *totals, int *count, double coef, const Expr *e) {
    Factors f;
    expr_factors(p, expr_normal(p, e), &f);
    coef *= f.k;
    f.k = 1;
    e = factors_expr(p, &f);
    int i = 0;
    while (i < *count && totals[i].e != e) i++;
    if (i == MAX_TOTALS) return false;
    if (i == *count) totals[(*count)++] = (Total){0, 0, e};
    totals[i].sum += coef;
    totals[i].largest = fmax(totals[i].largest, fabs(coef));
    return true;
}

// A mean is read as what it is the mean of, so that it can cancel.
static const Expr *opened(Sweep *s, const Expr *addend) {
    const Definition *d = addend->op == OP_READ ? flow_definition(s->out, addend->tensor) : NULL;
    const Equation *q = d && d->equations.count == 1 ? d->equations.data[0] : NULL;
    if (!q || q->reduction != REDUCE_NONE || !equation_identity(q) || q->e->depth > 4) return addend;
    return expr_inline(s->p, q, addend);
}

// The sum of one addend: a count of it, or a tensor that already is that sum; else NULL.
static const Expr *sum_of(Sweep *s, const Equation *q, const Expr *addend) {
    Program *p = s->p;
    if (!expr_depends_on_any(addend, q->indices, q->index_count)) {
        addend = opened(s, addend);
        for (int i = 0; i < q->index_count; i++)
            addend = expr_mul(
                p, addend, q->indices[i]->batch ? expr_rows(p) : expr_const(p, (double)q->indices[i]->size));
        return addend;
    }
    if (addend->op != OP_READ) return NULL;
    Equations one = {0};
    vec_push(p->arena, &one, equation_simplify(p, equation_with(p, q, addend)));
    Tensor *t = numbers_find(s->numbers, &one, q->tensor);
    return t ? expr_read(p, t, q->out, q->origin) : NULL;
}

// sum[c] (x[b, c] - m[b]), with m the mean of x, is 0: it is split only where its parts cancel.
static bool vanishes(Sweep *s, const Equation *q) {
    const Expr *e = q->e;
    if (q->reduction != REDUCE_SUM || e->op != OP_SUM || e->count < 2 || !equation_identity(q)) return false;
    Total totals[MAX_TOTALS];
    int count = 0;
    bool some_free = e->value != 0;
    for (int i = 0; i < e->count; i++)
        some_free = some_free || !expr_depends_on_any(e->args[i], q->indices, q->index_count);
    if (!some_free) return false;
    if (e->value != 0 && !add_total(s->p, totals, &count, e->value, sum_of(s, q, expr_const(s->p, 1))))
        return false;
    for (int i = 0; i < e->count; i++) {
        const Expr *part = sum_of(s, q, e->args[i]);
        if (!part || !add_total(s->p, totals, &count, e->coefs[i], part)) return false;
    }
    for (int i = 0; i < count; i++)
        if (fabs(totals[i].sum) > 1e-14 * totals[i].largest) return false;
    return true;
}

static Equation *nothing(Program *p, const Equation *q) {
    return equation_map(p, q->tensor, q->out, expr_const(p, 0), q->origin);
}

// y = outer * sum[r] inner: the sum becomes a tensor.
static Equation *pull_out(Sweep *s, Equation *q) {
    Program *p = s->p;
    if (vanishes(s, q)) return nothing(p, q);
    Factors outer, inner;
    if (!equation_pull_out(p, q, &outer, &inner)) return q;
    Tensor *t = temp_like(p, q->tensor, "", "_sum", q->tensor->type);
    Equation *sum = equation_into(p, q, t, factors_expr(p, &inner));
    sum = equation_simplify(p, equation_copy(p, sum, t));
    if (vanishes(s, sum)) return nothing(p, q);
    equation_signs(p, sum);
    t = define_one(s, t, sum);
    const Expr *read = expr_read(p, t, q->out, q->origin);
    const Definition *d = flow_definition(s->out, t);
    if (d && d->equations.count == 1 && equation_is_alias(p, d->equations.data[0]))
        read = expr_inline(p, d->equations.data[0], read);
    factors_push(p, &outer, read, 1);
    return equation_map(p, q->tensor, q->out, factors_expr(p, &outer), q->origin);
}

static void put(Sweep *s, const Definition *d) {
    Program *p = s->p;
    Equations pieces = {0};
    s->reader = d->tensor->type;
    every (q, d->equations) {
        const Expr *e = s->unstop ? expr_unstop(p, q->e) : q->e;
        s->sorts = q->reduction == REDUCE_ORDER;
        equation_phases(p, equation_with(p, q, expr_map_reads(p, e, replace, s)), &pieces);
    }
    vec_keep(q, pieces, !expr_is_const(q->e, 0));
    if (pieces.count == 0) pieces.data[pieces.count++] = nothing(p, pieces.data[0]);
    if (pieces.count == 1 && p->precision != PRECISION_STRICT) pieces.data[0] = pull_out(s, pieces.data[0]);
    define(s, d->tensor, &pieces, d->live);
}

// In a recurrence a definition may read one that comes after it: what became of that one.
static void read_later(Sweep *s, Definition *d) {
    s->reader = d->tensor->type;
    for (int i = 0; d->tensor->step && i < d->equations.count; i++) {
        const Equation *q = d->equations.data[i];
        s->sorts = q->reduction == REDUCE_ORDER;
        const Expr *e = expr_map_reads(s->p, q->e, replace, s);
        if (e != q->e) d->equations.data[i] = equation_simplify(s->p, equation_with(s->p, q, e));
    }
}

void function_sweep(Program *p, Function *f) {
    function_bound(p, f);
    function_sort(p, f);
    function_signs(p, f);
    Sweep s = {.p = p,
               .in = flow_open(p, f),
               .out = flow_empty(p, f),
               .numbers = numbers_create(p),
               .unstop = f->gradients.count == 0};
    for (int i = 0; i < s.in->order.count; i++) put(&s, s.in->order.data[i]);
    for (int i = 0; i < s.out->order.count; i++) read_later(&s, s.out->order.data[i]);
    flow_close(s.out);
    function_drop_dead(p, f);
}

void pass_number(Program *p, Function *f) { function_sweep(p, f); }

void pass_clean(Program *p, Function *f) {
    function_sweep(p, f);
    function_inline(p, f);
    function_sweep(p, f);
}
