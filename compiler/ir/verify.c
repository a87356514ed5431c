// What every pass must leave true of a program. The first failure comes back as a text with its equation and
// origin.

#include "ir/tables.h"

enum { MOST_GUARDS = 64, MOST_VISITS = 1000000 };

typedef struct {
    Program *p;
    const Function *f;
    const Equation *q;
    Border *border; // NULL: there are none
    const char *failure;
    int *last;   // by the tensor's id: number + 1 of the last equation that defines it
    int *cycles; // by number: function_cycles
    int number;  // of the equation at hand
} Verifier;

static void fail(Verifier *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(Verifier *v, const char *format, ...) {
    if (v->failure) return;
    Text text = {.arena = v->p->arena};
    va_list args;
    va_start(args, format);
    text_put(&text, string_vformat(v->p->arena, format, args));
    va_end(args);
    if (v->q) {
        text_put(&text, " in ");
        equation_print(&text, v->q);
        for (const Origin *o = v->q->origin; o; o = o->caller)
            if (o->what) text_add(&text, ", from %s", o->what);
    }
    text_add(&text, " (function %s)", v->f->name);
    v->failure = text_string(&text);
}

// ---- reads stay inside ----

typedef struct {
    Verifier *v;
    Guard known[MOST_GUARDS];
    int count;
    Scratch *seen;
    bool in_guard; // there an integer may be read outside its tensor (ir.h)
    int visits; // shared parts under nested guards are looked at once for each: up to a limit, then trusted
} Inside;

static void inside(Inside *x, const Expr *e);

// Bounds are made with a node: what they were made of may not have changed.
static void check_bounds(const Inside *x, const Expr *e) {
    Expr again = *e;
    expr_settle(&again);
    if (again.low != e->low || again.high != e->high)
        fail(x->v, "a node of %s has other bounds than its parts", x->v->q->tensor->name);
}

static void inside_form(Inside *x, const Affine *a) {
    for (int i = 0; i < a->count; i++) {
        check_bounds(x, a->terms[i].atom);
        if (a->terms[i].atom->op != OP_INDEX) inside(x, a->terms[i].atom);
    }
}

static const char *form_text(const Verifier *v, const Affine *form) {
    Text text = {.arena = v->p->arena};
    affine_print(&text, form);
    return text_string(&text);
}

// In the master, and until `totals`, a batch stands for all rows of a part: they may be sorted, and read in
// that order.
static bool sees_all_rows(const Function *f) { return f->kind == FUNCTION_RUN || f->measures.count > 0; }

static bool is_order(const Verifier *v, const Affine *form) {
    return sees_all_rows(v->f) && form->count == 1 && form->constant == 0 &&
           form->terms[0].atom->op == OP_READ && form->terms[0].atom->type == TYPE_INT;
}

static bool stays(const Inside *x, const Tensor *t, int d, const Affine *form) {
    int64_t low = 0, high = 0;
    if (x->v->border) x->v->border(t, d, &low, &high);
    Guard inside = {affine_offset(x->v->p, form, low), low + t->dims[d] + high};
    return guards_imply_together(x->v->p, x->known, x->count, inside);
}

// Is it known that the batch has this row?
static bool row_exists(const Inside *x, const Affine *form, int64_t rows) {
    Program *p = x->v->p;
    const Affine *behind = affine_sub(p, affine_atom(p, expr_rows(p)), form);
    return guards_imply_together(p, x->known, x->count, (Guard){affine_offset(p, behind, -1), rows});
}

static void check_read(Inside *x, const Expr *e) {
    const Tensor *t = e->tensor;
    if (t->kind == TENSOR_TRAINING && x->v->f->kind != FUNCTION_RUN)
        fail(x->v, "only the master asks whether it trains");
    for (int d = 0; d < t->rank && !x->v->failure; d++) {
        const Affine *form = e->forms[d];
        if (t->kind == TENSOR_SOURCE && d == 0) continue;
        if (t->batch_dims >> d & 1) {
            const Index *index = affine_only(form);
            bool single = t->dims[d] == 1 && affine_is_constant(form) && form->constant == 0;
            if ((!index || !index->batch) && !single && !is_order(x->v, form) && !x->in_guard &&
                !row_exists(x, form, t->dims[d]))
                fail(x->v, "the batch of %s is read at %s, not at a batch index", t->name,
                     form_text(x->v, form));
        } else if (!x->in_guard && !stays(x, t, d, form)) {
            fail(x->v, "the read of %s at %s may leave 0..%lld", t->name, form_text(x->v, form),
                 (long long)t->dims[d] - 1);
        }
    }
    int last = x->v->last[t->id], cycle = x->v->cycles[x->v->number];
    if (cycle && last && x->v->cycles[last - 1] == cycle) {
        if (equation_reads_when(x->v->p, x->v->q, t) > (last > x->v->number ? READ_EARLIER : READ_NOW))
            fail(x->v, "%s is read before its step", t->name);
    } else if (last > x->v->number)
        fail(x->v, "%s is read before it is defined", t->name);
    else if (last == 0 && (t->kind == TENSOR_TEMP || t->kind == TENSOR_OUTPUT))
        fail(x->v, "%s is read and never defined", t->name);
}

// Each side of a where sees its own knowledge; the memo is for one knowledge only.
static void inside_where(Inside *x, const Expr *e) {
    int before = x->count;
    bool in_guard = x->in_guard;
    Scratch *seen = x->seen;
    x->seen = scratch_open(x->v->p);
    x->in_guard = true;
    for (int i = 0; i < e->guard_count; i++) {
        inside_form(x, e->guards[i].form);
        if (x->count < MOST_GUARDS) x->known[x->count++] = e->guards[i];
    }
    x->in_guard = in_guard;
    scratch_close(x->v->p, x->seen);
    x->seen = scratch_open(x->v->p);
    inside(x, e->args[0]);
    scratch_close(x->v->p, x->seen);
    x->count = before;
    Guard opposite;
    if (e->guard_count == 1 && x->count < MOST_GUARDS &&
        guard_complement(x->v->p, x->known, x->count, e->guards[0], &opposite))
        x->known[x->count++] = opposite;
    x->seen = scratch_open(x->v->p);
    inside(x, e->args[1]);
    scratch_close(x->v->p, x->seen);
    x->count = before;
    x->seen = seen;
}

static void inside(Inside *x, const Expr *e) {
    if (x->v->failure || x->visits > MOST_VISITS || (e->read_count == 0 && !e->has_draw) ||
        scratch_get(x->seen, e))
        return;
    scratch_set(x->v->p, x->seen, e, e);
    x->visits++;
    check_bounds(x, e);
    if (e->op == OP_WHERE) {
        inside_where(x, e);
        return;
    }
    if (e->op == OP_READ) {
        for (int d = 0; d < e->guard_count; d++) inside_form(x, e->forms[d]);
        check_read(x, e);
    } else if (e->op == OP_AFFINE) {
        inside_form(x, e->form);
    } else if (e->op == OP_DRAW) {
        inside_form(x, e->draw->element);
    }
    for (int i = 0; i < e->count; i++) inside(x, e->args[i]);
}

// ---- one equation ----

static void check_results(Verifier *v, const Equation *q) {
    const Tensor *t = q->tensor;
    const Index *known[SMALL];
    int count = 0;
    if (q->out_count != t->rank)
        fail(v, "%s has %d dimensions and %d result forms", t->name, t->rank, q->out_count);
    for (int d = 0; d < q->out_count && !v->failure; d++) {
        int64_t low, high;
        for (int i = 0; i < q->out[d]->count; i++)
            if (q->out[d]->terms[i].atom->op != OP_INDEX) {
                fail(v, "a result form of %s holds more than indices", t->name);
                return;
            }
        affine_bounds(q->out[d], &low, &high);
        if (low < 0 || high >= t->dims[d] || q->out[d]->denominator != 1)
            fail(v, "the result form %s leaves dimension %d of %s", form_text(v, q->out[d]), d, t->name);
        const Index *index = affine_only(q->out[d]);
        if ((t->batch_dims >> d & 1) && t->dims[d] > 1 && !(index && index->batch))
            fail(v, "the batch of %s is defined at %s", t->name, form_text(v, q->out[d]));
    }
    for (int round = 0; round < q->out_count && !v->failure; round++)
        for (int d = 0; d < q->out_count; d++)
            for (int i = 0; i < q->out[d]->count && form_is_injective(q->out[d], known, count); i++)
                if (index_find(known, count, q->out[d]->terms[i].atom->index) < 0 && count < SMALL)
                    known[count++] = q->out[d]->terms[i].atom->index;
    const Index *all[SMALL];
    if (!v->failure && equation_result_indices(q, all, SMALL) != count)
        fail(v, "an element of %s may be defined twice", t->name);
}

static void check_indices(Verifier *v, const Equation *q) {
    const Index *results[SMALL];
    int count = equation_result_indices(q, results, SMALL);
    if (count > SMALL || q->index_count > SMALL) fail(v, "too many indices");
    if (q->reduction == REDUCE_NONE && q->index_count > 0) fail(v, "indices without a reduction");
    for (int i = 0; i < q->index_count && !v->failure; i++)
        if (index_find(results, count, q->indices[i]) >= 0 || index_find(q->indices, i, q->indices[i]) >= 0)
            fail(v, "the reduction's index %s stands elsewhere too", q->indices[i]->name);
    for (int i = 0; i < q->e->free_count && !v->failure; i++)
        if (index_find(results, count, q->e->free[i]) < 0 &&
            index_find(q->indices, q->index_count, q->e->free[i]) < 0)
            fail(v, "the index %s is not the equation's", q->e->free[i]->name);
}

static void check_order(Verifier *v, const Equation *q) {
    const Index *results[SMALL],
        *i = q->e->op == OP_AT ? affine_only(affine_atom(v->p, q->e->args[1])) : NULL;
    int count = equation_result_indices(q, results, SMALL);
    const Expr *x = i ? q->e->args[0] : NULL;
    bool plain = x && x->op == OP_READ && x->tensor->kind != TENSOR_SOURCE;
    for (int d = 0; plain && d < x->guard_count; d++)
        for (int k = 0; k < x->forms[d]->count; k++)
            plain = plain && x->forms[d]->terms[k].atom->op == OP_INDEX;
    if (!plain || q->index_count != 1 || index_find(results, count, i) < 0 ||
        i->size != q->indices[0]->size || i->batch != q->indices[0]->batch ||
        (i->batch && !sees_all_rows(v->f)) || expr_depends(x, i))
        fail(v, "an order is not of the form order[r] at(x, i)");
}

static void check_equation(Verifier *v, const Equation *q) {
    v->q = q;
    const Index *time = equation_time(q);
    if (q->tensor->step && (!time || time->size != q->tensor->dims[q->tensor->along]))
        fail(v, "dimension %d of %s is not walked by an index", q->tensor->along, q->tensor->name);
    check_indices(v, q);
    if (!v->failure) check_results(v, q);
    if (!v->failure && q->reduction == REDUCE_ORDER) check_order(v, q);
    bool position =
        q->reduction == REDUCE_ARGMAX || q->reduction == REDUCE_ARGMIN || q->reduction == REDUCE_ORDER;
    bool integer = q->tensor->type == TYPE_INT || q->tensor->type == TYPE_BOOL;
    bool whole = q->e->op == OP_CONST && number_whole(q->e->value, &(int64_t){0});
    if (integer && !position && !whole && !expr_is_integer(q->e))
        fail(v, "%s is an integer tensor and its expression is not an integer", q->tensor->name);
    Inside x = {.v = v, .seen = scratch_open(v->p)};
    inside(&x, q->e);
    scratch_close(v->p, x.seen);
}

// ---- pieces, effects, the function ----

static void check_pieces(Verifier *v) {
    const Function *f = v->f;
    int *before = arena_array(v->p->arena, int, f->equations.count + 1); // the piece before, + 1
    int *latest = arena_array(v->p->arena, int, v->p->tensors.count + 1);
    for (int i = 0; i < f->equations.count && !v->failure; i++) {
        const Equation *q = f->equations.data[i];
        before[i] = latest[q->tensor->id];
        latest[q->tensor->id] = i + 1;
        for (int k = before[i]; k > 0 && !v->failure; k = before[k - 1]) {
            v->q = q;
            if (!forms_disjoint(q->out, f->equations.data[k - 1]->out, q->out_count))
                fail(v, "two pieces of %s may overlap", q->tensor->name);
        }
    }
}

static bool same_shape(const Tensor *a, const Tensor *b) {
    if (a->rank != b->rank || a->batch_dims != b->batch_dims) return false;
    for (int d = 0; d < a->rank; d++)
        if (a->dims[d] != b->dims[d]) return false;
    return true;
}

static void check_defined(Verifier *v, const Tensor *t) {
    if (v->last[t->id] == 0 && (t->kind == TENSOR_TEMP || t->kind == TENSOR_OUTPUT))
        fail(v, "%s is never defined", t->name);
}

// Is it what `totals` will define?
static bool is_measured(const Verifier *v, const Tensor *t) {
    for (int i = 0; i < v->p->functions.count; i++)
        for (int k = 0; k < v->p->functions.data[i]->measures.count; k++)
            if (v->p->functions.data[i]->measures.data[k].output == t) return true;
    return false;
}

static void check_ends(Verifier *v) {
    const Function *f = v->f;
    v->q = NULL;
    for (int i = 0; i < f->effects.count && !v->failure; i++) {
        const Effect *e = &f->effects.data[i];
        check_defined(v, e->value);
        if (!same_shape(e->target, e->value))
            fail(v, "%s gets the value of %s, which has another shape", e->target->name, e->value->name);
        for (int k = 0; k < i; k++)
            if (f->effects.data[k].target == e->target) fail(v, "%s gets two new values", e->target->name);
        if (v->last[e->target->id] != 0) fail(v, "%s is defined and gets a new value", e->target->name);
    }
    for (int i = 0; i < f->gradients.count && !v->failure; i++) {
        const GradientRequest *g = &f->gradients.data[i];
        check_defined(v, g->of);
        if (!same_shape(g->by, g->result))
            fail(v, "the gradient %s has not the shape of %s", g->result->name, g->by->name);
    }
    for (int i = 0; i < f->measures.count && !v->failure; i++) check_defined(v, f->measures.data[i].value);
    for (int i = 0; i < f->outputs.count && !v->failure; i++)
        if (!is_measured(v, f->outputs.data[i])) check_defined(v, f->outputs.data[i]);
}

const char *function_verify(Program *p, const Function *f, Border *border) {
    Verifier v = {.p = p, .f = f, .border = border, .last = arena_array(p->arena, int, p->tensors.count + 1)};
    const Function *in = f->from ? f->from : f; // where its tensors are defined
    v.cycles = function_cycles(p, f);
    for (int i = 0; i < in->equations.count; i++) v.last[in->equations.data[i]->tensor->id] = i + 1;
    for (int i = 0; i < in->gradients.count; i++) // defined where `differentiate` will put it
        if (v.last[in->gradients.data[i].result->id] == 0) v.last[in->gradients.data[i].result->id] = -1;
    for (v.number = 0; v.number < f->equations.count && !v.failure; v.number++)
        check_equation(&v, f->equations.data[v.number]);
    if (!v.failure) check_pieces(&v);
    if (!v.failure) check_ends(&v);
    return v.failure;
}

const char *program_verify(Program *p) {
    for (int i = 0; i < p->functions.count; i++) {
        const char *failure = function_verify(p, p->functions.data[i], NULL);
        if (failure) return failure;
    }
    return NULL;
}
