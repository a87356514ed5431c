// Which losses can be accumulated over batches, and by what weight (`accumulate`). A loss is a sum over the
// rows, or a quotient of such a sum by one that no parameter moves, or terms with the same denominator;
// beside them may stand what no row moves. Then the losses and gradients of the batches, weighted by their
// denominators, add up to those of all rows at once. Guarantees: any other loss is refused, with the reason.
#include "emit/run.h"

typedef enum {
    SHARE_FIXED, // no row moves it
    SHARE_ROW,   // of each row its own
    SHARE_SUM,   // a sum over rows
    SHARE_MEAN,  // a sum over rows by the sum over rows `weight`
    SHARE_NONE   // none of these: `why` says so
} ShareKind;
typedef struct {
    ShareKind kind;
    const Expr *weight;
} Share;

// `open`: it is being looked at, and what reads it in a circle takes for granted what it is.
typedef struct {
    Share share;
    bool open, granted;
} Known;

typedef struct {
    const Run *r;
    Program *p;
    const Equations *equations;
    Table shares; // tensor -> Known *
    const char *why;
} Analysis;

static const Share fixed = {SHARE_FIXED, NULL}, of_row = {SHARE_ROW, NULL}, sum = {SHARE_SUM, NULL};

static Share share_of(Analysis *x, const Expr *e);
static Share share_of_tensor(Analysis *x, const Tensor *t);

static Share none(Analysis *x, const char *why) {
    if (!x->why) x->why = why;
    return (Share){SHARE_NONE, NULL};
}

// Of a + b, or of either.
static Share either(Analysis *x, Share a, Share b) {
    if (a.kind > b.kind) return either(x, b, a);
    if (b.kind == SHARE_NONE || a.kind == b.kind)
        return a.weight == b.weight ? b : none(x, "its terms have different denominators");
    if (b.kind == SHARE_ROW || (a.kind == SHARE_FIXED && b.kind == SHARE_MEAN)) return b;
    if (a.kind == SHARE_FIXED) return none(x, "beside a sum over the rows a term would count once a batch");
    if (a.kind == SHARE_ROW) return none(x, "a row's own value meets a sum over the rows");
    return none(x, "a sum over the rows stands beside a quotient");
}

static const Expr *decide(void *data, const Expr *read) {
    const Analysis *x = data;
    return read == x->r->m->training ? expr_int(x->p, true) : read;
}

// What equation i computes in training.
static const Expr *trained(Analysis *x, int i) {
    return expr_map_reads(x->p, x->equations->data[i]->e, decide, x);
}

static bool moved_tensor(Analysis *x, Table *seen, const Tensor *t);

// Does a parameter move it? `seen`: tensors that were asked.
static bool moved(Analysis *x, Table *seen, const Expr *e) {
    if (e->op == OP_STOP_GRADIENT) return false;
    for (int i = 0; i < e->count; i++)
        if (moved(x, seen, e->args[i])) return true;
    return e->op == OP_READ && moved_tensor(x, seen, e->tensor);
}

static bool moved_tensor(Analysis *x, Table *seen, const Tensor *t) {
    if (t->kind == TENSOR_PARAM || table_get(seen, t)) return t->kind == TENSOR_PARAM;
    table_set(x->p->arena, seen, t, seen);
    const GradientRequest *g = function_request(x->r->master, t);
    if (g) return moved_tensor(x, seen, g->of);
    for (int i = 0; i < x->equations->count; i++)
        if (x->equations->data[i]->tensor == t && moved(x, seen, trained(x, i))) return true;
    return false;
}

// ---- tensors ----

static Share share_of_equation(Analysis *x, int i) {
    const Equation *q = x->equations->data[i];
    Share s = share_of(x, trained(x, i));
    bool rows = false;
    for (int k = 0; k < q->index_count; k++) rows = rows || q->indices[k]->batch;
    if (s.kind == SHARE_NONE || q->reduction == REDUCE_NONE || (s.kind <= SHARE_ROW && !rows)) return s;
    if (q->reduction != REDUCE_SUM) return none(x, "it is no sum over the rows");
    if (!rows) return s;
    return s.kind <= SHARE_ROW ? sum : none(x, "inside a reduction over the rows it reads another one");
}

// What a layer makes of the rows is the model's own, its statistics over the batch too.
static bool is_models(const Analysis *x, int i) {
    const Origin *origin = x->equations->data[i]->origin;
    while (origin && !(origin->what && tree_layer(x->r->tree, origin->what))) origin = origin->caller;
    return i < x->r->loss_first || origin;
}

// Of all its pieces.
static Share share_of_pieces(Analysis *x, const Tensor *t, Share models) {
    Share s = models;
    for (int i = 0, pieces = 0; i < x->equations->count; i++) {
        if (x->equations->data[i]->tensor != t) continue;
        Share one = is_models(x, i) ? models : share_of_equation(x, i);
        s = pieces++ ? either(x, s, one) : one;
    }
    return s;
}

// grad(e, x): the sum of e runs over the rows, and where x has none, so does the derivative.
static Share share_of_gradient(Analysis *x, const GradientRequest *g) {
    Share s = share_of_tensor(x, g->of);
    if (s.kind == SHARE_FIXED || (s.kind == SHARE_ROW && g->by->batch_dims)) return s;
    return none(x, "it derives a sum over the rows");
}

static Share share_of_tensor(Analysis *x, const Tensor *t) {
    Known *known = table_get(&x->shares, t);
    if (known) {
        known->granted = known->granted || known->open;
        return known->share;
    }
    const GradientRequest *g = function_request(x->r->master, t);
    Share models = t->batch_dims ? of_row : fixed;
    known = arena_new(x->p->arena, Known);
    *known = (Known){.share = models, .open = true};
    table_set(x->p->arena, &x->shares, t, known);
    Share s = g ? share_of_gradient(x, g) : share_of_pieces(x, t, models);
    if (known->granted && s.kind > models.kind)
        s = none(x, "a loop carries a sum over the rows from step to step");
    *known = (Known){.share = s};
    return s;
}

// ---- expressions ----

static Share product(Analysis *x, Share a, Share b) {
    if (a.kind == SHARE_FIXED || b.kind == SHARE_NONE) return b;
    if (b.kind == SHARE_FIXED || a.kind == SHARE_NONE) return a;
    if (a.kind == SHARE_ROW && b.kind == SHARE_ROW) return a;
    return none(x, "it multiplies a sum over the rows by what changes with the rows");
}

// Weights are the same up to a factor.
static const Expr *without_factor(const Expr *e) {
    while ((e->op == OP_PRODUCT && e->count == 1 && e->exponents[0] == 1) || e->op == OP_REAL) e = e->args[0];
    return e->op == OP_AFFINE && e->form->count == 1 && !e->form->constant ? e->form->terms[0].atom : e;
}

// a by `e`, which is b.
static Share quotient(Analysis *x, Share a, Share b, const Expr *e) {
    if (b.kind == SHARE_NONE || a.kind == SHARE_NONE) return b.kind == SHARE_NONE ? b : a;
    if (b.kind == SHARE_FIXED) return a;
    if (a.kind <= SHARE_ROW && b.kind == SHARE_ROW) return b;
    if (a.kind == SHARE_ROW) return none(x, "inside a reduction over the rows it reads another one");
    if (a.kind != SHARE_SUM || b.kind != SHARE_SUM)
        return none(x, "it divides by what is no sum over the rows");
    if (moved(x, &(Table){0}, e)) return none(x, "its denominator depends on the parameters");
    return (Share){SHARE_MEAN, without_factor(e)};
}

static Share share_of_product(Analysis *x, const Expr *e) {
    Share s = fixed;
    for (int below = 0; below < 2; below++)
        for (int i = 0; i < e->count; i++) {
            if ((e->exponents[i] < 0) != below) continue;
            Share one = share_of(x, e->args[i]);
            int times = e->exponents[i] < 0 ? -e->exponents[i] : e->exponents[i];
            for (int k = 0; k < times && s.kind != SHARE_NONE; k++)
                s = below ? quotient(x, s, one, e->args[i]) : product(x, s, one);
        }
    return s;
}

// A quotient that is 0 where its denominator is.
static bool guards_quotient(const Expr *e, Share s) {
    const Expr *zero = e->args[e->op == OP_SELECT], *c = e->args[0];
    if (s.kind != SHARE_MEAN || !expr_is_const(zero, 0)) return false;
    for (int i = 0; i < 2 && e->op == OP_SELECT && c->op == OP_EQ; i++)
        if (without_factor(c->args[i]) == s.weight && expr_is_const(c->args[1 - i], 0)) return true;
    if (e->op == OP_SELECT || e->guard_count != 1) return false;
    const Affine *form = e->guards[0].form;
    return e->guards[0].count == 1 && form->count == 1 && !form->constant && form->terms[0].atom == s.weight;
}

static Share share_of_form(Analysis *x, const Affine *form) {
    Share s = fixed;
    for (int i = 0; i < form->count; i++) s = either(x, s, share_of(x, form->terms[i].atom));
    return s;
}

static Share share_of_choice(Analysis *x, const Expr *e) {
    int sides = e->op == OP_SELECT;
    Share condition = fixed, a = share_of(x, e->args[sides]), b = share_of(x, e->args[sides + 1]);
    if (guards_quotient(e, b)) return b;
    if (sides) condition = share_of(x, e->args[0]);
    for (int i = 0; i < e->guard_count && !sides; i++)
        condition = either(x, condition, share_of_form(x, e->guards[i].form));
    bool by_row = condition.kind == SHARE_ROW && a.kind <= SHARE_ROW && b.kind <= SHARE_ROW;
    if (condition.kind == SHARE_FIXED || by_row) return either(x, condition, either(x, a, b));
    return none(x, "it decides by what changes with the batch");
}

static Share share_of_read(Analysis *x, const Expr *e) {
    Share s = share_of_tensor(x, e->tensor);
    for (int d = 0; d < e->guard_count; d++) {
        Share at = share_of_form(x, e->forms[d]);
        s = at.kind <= SHARE_ROW && s.kind <= SHARE_ROW ? either(x, s, at) : s;
    }
    return s;
}

static Share share_of(Analysis *x, const Expr *e) {
    Share s = fixed;
    switch (e->op) {
    case OP_DRAW: return of_row;
    case OP_INDEX: return e->index->batch ? of_row : fixed;
    case OP_AFFINE: return share_of_form(x, e->form);
    case OP_ROWS: return sum;
    case OP_READ: return share_of_read(x, e);
    case OP_SUM:
        if (!e->value) s = share_of(x, e->args[0]); // a constant would be a term before them
        for (int i = !e->value; i < e->count; i++) s = either(x, s, share_of(x, e->args[i]));
        return s;
    case OP_PRODUCT: return share_of_product(x, e);
    case OP_DIV: return quotient(x, share_of(x, e->args[0]), share_of(x, e->args[1]), e->args[1]);
    case OP_REAL:
    case OP_STOP_GRADIENT: return share_of(x, e->args[0]);
    case OP_SELECT:
    case OP_WHERE: return share_of_choice(x, e);
    default: break;
    }
    for (int i = 0; i < e->count; i++) {
        Share one = share_of(x, e->args[i]);
        s = one.kind > s.kind ? one : s;
    }
    return s.kind <= SHARE_ROW ? s : none(x, "it is no sum or mean over the rows, but a function of one");
}

bool accumulate_weight(Run *r, const Expr **weight) {
    Analysis x = {.r = r, .p = r->p, .equations = &r->master->equations};
    const Expr *rows = expr_rows(r->p);
    Share s = share_of_tensor(&x, r->module->loss);
    *weight = s.kind == SHARE_FIXED ? rows : s.weight;
    if (*weight && *weight != rows) {
        // A batch without weight still has its penalties: they count where no other batch has any.
        const Expr *none_there = expr_binary(r->p, OP_EQ, *weight, expr_const(r->p, 0));
        *weight = expr_select(r->p, none_there, expr_const(r->p, 1e-20), *weight);
    }
    if (s.kind != SHARE_NONE && s.kind != SHARE_ROW) return true;
    diagnose(r->ctx, ACCUMULATE_LOSS, r->tree->lines.data[0].loss->span,
             x.why ? x.why : "it is of single rows");
    return false;
}
