// Which losses can be accumulated over batches, and by what weight (`accumulate`). A loss is a sum over the
// rows, or a quotient of such a sum by one that no parameter moves, or terms with the same denominator;
// beside them may stand what no row moves. Then the losses and gradients of the batches, weighted by their
// denominators, add up to those of all rows at once. Guarantees: any other loss is refused, with the reason.
#include "sema/run.h"
#include "sema/values.h"

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

typedef struct {
    Run *r;
    const Function *f;
    int first;    // equation of the loss; those before are the model's
    Table shares; // tensor -> Share *
    Table moved;  // tensor -> does a parameter move it?
    const char *why;
} Analysis;

static const Share fixed = {SHARE_FIXED, NULL}, of_row = {SHARE_ROW, NULL};

static Share share_of(Analysis *x, const Expr *e);
static Share share_of_tensor(Analysis *x, const Tensor *t);

static Share none(Analysis *x, const char *why) {
    if (!x->why) x->why = why;
    return (Share){SHARE_NONE, NULL};
}

// The equation that defines the tensor: its number, or -1.
static int definition(const Analysis *x, const Tensor *t) {
    for (int i = x->f->equations.count - 1; i >= 0; i--)
        if (x->f->equations.data[i]->tensor == t) return i;
    return -1;
}

static bool moved_tensor(Analysis *x, const Tensor *t);

// Does a parameter move it?
static bool moved(Analysis *x, const Expr *e) {
    if (e->op == OP_STOP_GRADIENT) return false;
    for (int i = 0; i < e->count; i++)
        if (moved(x, e->args[i])) return true;
    return e->op == OP_READ && moved_tensor(x, e->tensor);
}

static bool moved_tensor(Analysis *x, const Tensor *t) {
    if (t->kind == TENSOR_PARAM) return true;
    if (!table_get(&x->moved, t)) {
        int i = definition(x, t);
        const GradientRequest *g = function_request(x->f, t);
        bool yes = g ? moved_tensor(x, g->of) : i >= 0 && moved(x, x->f->equations.data[i]->e);
        table_set(x->r->arena, &x->moved, t, yes ? (void *)x : (void *)x->r);
    }
    return table_get(&x->moved, t) == x;
}

static bool over_rows(const Equation *q) {
    for (int i = 0; i < q->index_count; i++)
        if (q->indices[i]->batch) return true;
    return false;
}

static Share share_of_equation(Analysis *x, const Equation *q) {
    Share s = share_of(x, q->e);
    bool rows = over_rows(q);
    if (s.kind == SHARE_NONE || q->reduction == REDUCE_NONE || (s.kind <= SHARE_ROW && !rows)) return s;
    if (q->reduction != REDUCE_SUM) return none(x, "it is no sum over the rows");
    if (!rows) return s;
    if (s.kind <= SHARE_ROW) return (Share){SHARE_SUM, NULL};
    return none(x, "inside a reduction over the rows it reads another one");
}

static bool in_layer(const Run *r, const Origin *origin) {
    for (; origin; origin = origin->caller)
        if (origin->what && map_get(r->session->tables->layers, origin->what)) return true;
    return false;
}

// grad(e, x): the sum of e runs over the rows, and where x has none, so does the derivative.
static Share share_of_gradient(Analysis *x, const GradientRequest *g) {
    Share s = share_of_tensor(x, g->of);
    if (s.kind == SHARE_FIXED || (s.kind == SHARE_ROW && g->by->batch_dims)) return s;
    return none(x, "it derives a sum over the rows");
}

// What a layer makes of the rows is the model's own, its statistics over the batch too.
static Share share_of_tensor(Analysis *x, const Tensor *t) {
    int i = definition(x, t);
    const GradientRequest *g = function_request(x->f, t);
    if (g) return share_of_gradient(x, g);
    if (i < x->first || in_layer(x->r, x->f->equations.data[i]->origin))
        return t->batch_dims ? of_row : fixed;
    Share *known = table_get(&x->shares, t);
    if (!known) {
        known = arena_new(x->r->arena, Share);
        *known = share_of_equation(x, x->f->equations.data[i]);
        table_set(x->r->arena, &x->shares, t, known);
    }
    return *known;
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
    if (moved(x, e)) return none(x, "its denominator depends on the parameters");
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
    if (e->op == OP_SELECT)
        return c->op == OP_EQ && ((without_factor(c->args[0]) == s.weight && expr_is_const(c->args[1], 0)) ||
                                  (without_factor(c->args[1]) == s.weight && expr_is_const(c->args[0], 0)));
    const Affine *form = e->guards[0].form;
    return e->guard_count == 1 && e->guards[0].count == 1 && form->count == 1 && form->constant == 0 &&
           form->terms[0].atom == s.weight;
}

static Share share_of_choice(Analysis *x, const Expr *e) {
    int sides = e->op == OP_SELECT;
    Share condition = fixed, a = share_of(x, e->args[sides]), b = share_of(x, e->args[sides + 1]);
    if (guards_quotient(e, b)) return b;
    if (sides) condition = share_of(x, e->args[0]);
    for (int i = 0; i < e->guard_count && e->op == OP_WHERE; i++)
        condition = either(x, condition, share_of(x, expr_affine(x->r->p, e->guards[i].form)));
    if (condition.kind == SHARE_FIXED ||
        (condition.kind == SHARE_ROW && a.kind <= SHARE_ROW && b.kind <= SHARE_ROW))
        return either(x, condition, either(x, a, b));
    return none(x, "it decides by what changes with the batch");
}

static Share share_of_form(Analysis *x, const Affine *form) {
    Share s = fixed;
    for (int i = 0; i < form->count; i++) s = either(x, s, share_of(x, form->terms[i].atom));
    return s;
}

static Share share_of(Analysis *x, const Expr *e) {
    Share s = fixed;
    int first = e->value == 0; // of a sum's terms: a constant is one before them
    switch (e->op) {
    case OP_CONST: return s;
    case OP_DRAW: return of_row;
    case OP_INDEX: return e->index->batch ? of_row : fixed;
    case OP_AFFINE: return share_of_form(x, e->form);
    case OP_ROWS: return (Share){SHARE_SUM, NULL};
    case OP_READ:
        s = share_of_tensor(x, e->tensor);
        for (int d = 0; d < e->guard_count; d++) {
            Share at = share_of_form(x, e->forms[d]);
            s = at.kind <= SHARE_ROW && s.kind <= SHARE_ROW ? either(x, s, at) : s;
        }
        return s;
    case OP_SUM:
        if (first) s = share_of(x, e->args[0]);
        for (int i = first; i < e->count; i++) s = either(x, s, share_of(x, e->args[i]));
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

bool loss_weight(Run *r, const Function *step, const Expr **weight) {
    Analysis x = {.r = r, .f = step, .first = r->loss_first};
    Share s = share_of(&x, expr_read(r->p, r->m->loss, NULL, NULL));
    *weight = s.kind == SHARE_FIXED ? expr_rows(r->p) : s.weight;
    if (*weight && *weight != expr_rows(r->p)) {
        // A batch without weight still has its penalties: they count where no other batch has any.
        const Expr *none_there = expr_binary(r->p, OP_EQ, *weight, expr_const(r->p, 0));
        *weight = expr_select(r->p, none_there, expr_const(r->p, 1e-20), *weight);
    }
    if (s.kind != SHARE_NONE && s.kind != SHARE_ROW) return true;
    return refuse(r, ACCUMULATE_LOSS, r->loss->span, x.why ? x.why : "it is of single rows");
}
