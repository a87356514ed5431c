// Reads of tensors: subscripts, slices, what lies outside, and the proof that a read stays inside (rules 6
// and 7).
#include "emit/write.h"

#include <math.h>

Index *index_bind(At at, const Slot *slot) {
    Index *index = index_over(at.m, slot->name, at.frame->of->slot[slot->number].dims[0]);
    at.frame->slot[slot->number] = operand_scalar(expr_index(at.m->p, index));
    return index;
}

const Index *const *dots_bind(At at, char first) {
    const Case *c = at.frame->of;
    const Index **dots = arena_array(at.m->arena, const Index *, c->dot_count + 1);
    for (int d = 0; d < c->dot_count; d++)
        dots[d] = index_over(at.m, string_format(at.m->arena, "%c", first + d), c->dots[d]);
    return dots;
}

// ---- lists as tensors ----

// A longer list is stored, a shorter one chosen from in place.
enum { INLINE_LIST = 16 };

// The element at `form` of values[from .. from + count): a tree of guards, so that its depth is logarithmic.
static const Expr *pick(Program *p, const Affine *form, const Expr *const *values, int from, int count) {
    if (count == 1) return values[from];
    int half = count / 2;
    Guard guard = {affine_offset(p, form, -from), half};
    return expr_where(p, &guard, 1, pick(p, form, values, from, half),
                      pick(p, form, values, from + half, count - half));
}

// Where each element is computed under an index, a loop for each costs less than choosing in one.
static bool each_has_loop(const Expr *const *es, int count) {
    bool all = true;
    for (int i = 0; i < count; i++) all &= es[i]->free_count > 0;
    return all;
}

Operand operand_of_list(At at, Operand list, Span span) {
    Program *p = at.m->p;
    Array inner = {.rank = 0};
    const Expr **es = arena_array(p->arena, const Expr *, list.count + 1);
    bool real = false;
    for (int i = 0; i < list.count; i++) real = real || !type_whole(list.items[i].type);
    for (int i = 0; i < list.count; i++) {
        Operand v = operand_plain(at, list.items[i], span);
        if (v.kind == OPERAND_WRONG) return v;
        if (!i && v.kind == OPERAND_TENSOR) inner = *v.array;
        const Affine *forms[MAX_RANK];
        for (int d = 0; d < inner.rank; d++) forms[d] = affine_index(p, inner.indices[d]);
        es[i] = v.kind == OPERAND_TENSOR ? array_element(at.m, v.array, forms) : operand_expr(at.m, v, real);
    }
    Array a = {.rank = inner.rank + 1, .dims = {{list.count, false}}};
    a.indices[0] = index_over(at.m, "i", a.dims[0]);
    for (int d = 0; d < inner.rank; d++) {
        a.dims[d + 1] = inner.dims[d];
        a.indices[d + 1] = inner.indices[d];
    }
    const char *name = path_in(at.m, at.frame, "list");
    if (list.count > INLINE_LIST && each_has_loop(es, list.count))
        return operand_of_pieces(at, name, &a, es, span);
    a.e = pick(p, affine_index(p, a.indices[0]), es, 0, list.count);
    Operand out = operand_array(at.m, &a);
    return list.count > INLINE_LIST ? operand_store(at, out, name, span) : out;
}

// ---- staying inside ----

// A division of the form in which an index can be written as q * block + rest, so that bounds become exact.
static const Index *divided(const Emitter *m, const Affine *form, int64_t *q) {
    for (int i = 0; i < form->count; i++) {
        const Expr *atom = form->terms[i].atom;
        if (atom->op != OP_FLOOR_DIV || atom->args[1]->op != OP_CONST) continue;
        const Affine *inside = form_of(m, atom->args[0]);
        int64_t by = (int64_t)atom->args[1]->value;
        for (int k = 0; k < inside->count; k++) {
            const Term *term = &inside->terms[k];
            if (term->atom->op != OP_INDEX || term->coef <= 0 || by % term->coef || by / term->coef < 2)
                continue;
            if (term->atom->index->batch || term->atom->index->size <= by / term->coef) continue;
            *q = by / term->coef;
            return term->atom->index;
        }
    }
    return NULL;
}

static bool stays(const Emitter *m, const Affine *form, int64_t size, const Guard *facts, int count,
                  int depth) {
    Program *p = m->p;
    int64_t low, high;
    affine_bounds(form, &low, &high);
    if (low >= 0 && high < size) return true;
    if (guards_imply(p, facts, count, (Guard){form, size})) return true;
    int64_t q = 0;
    const Index *index = depth ? divided(m, form, &q) : NULL;
    if (!index) return false;
    const Index *block = index_add(p, index->name, (index->size + q - 1) / q, false),
                *rest = index_add(p, index->name, q, false);
    Binding binding = {index,
                       affine_add(p, affine_scale(p, affine_index(p, block), q, 1), affine_index(p, rest))};
    Guard known[MAX_FACTS + 1];
    for (int i = 0; i < count; i++)
        known[i] = (Guard){affine_substitute(p, facts[i].form, &binding, 1), facts[i].count};
    if (index->size % q && count < MAX_FACTS) known[count++] = (Guard){binding.to, index->size};
    return stays(m, affine_substitute(p, form, &binding, 1), size, known, count, depth - 1);
}

bool form_stays_under(const Emitter *m, const Affine *form, int64_t size, const Guard *facts, int count) {
    enum { DIVISIONS = 3 };
    return stays(m, form, size, facts, count, DIVISIONS);
}

bool form_stays(At at, const Affine *form, int64_t size) {
    int64_t low, high;
    affine_bounds(form, &low, &high);
    if (low >= 0 && high < size) return true;
    const Guard *facts;
    int count = facts_guards(at.facts, &facts, at.m->arena);
    return form_stays_under(at.m, form, size, facts, count);
}

// ---- one read ----

typedef enum { OUTSIDE_NEVER, OUTSIDE_VALUE, OUTSIDE_EDGE } Outside;

typedef struct {
    At at;
    const Phrase *read;
    const Phrase *named; // what is read, for messages
    const Array *base;
    const Carried *carried; // of what a loop carries: what its tensor begins with
    Outside outside;
    const Expr *value; // what lies outside
    const Affine *forms[MAX_RANK];
    const Phrase *items[MAX_RANK]; // that gave the form; NULL: a whole dimension
    int count;
} Access;

static void add_form(Access *a, const Affine *form, const Phrase *item) {
    a->items[a->count] = item;
    a->forms[a->count++] = form;
}

static bool add_item(Access *a, const Phrase *item) {
    Program *p = a->at.m->p;
    const Case *c = a->at.frame->of;
    if (item->kind == PHRASE_WHOLE) {
        add_form(a, NULL, item);
        return true;
    }
    if (item->kind == PHRASE_DOTS) {
        int rest = a->at.dots ? c->dot_count : a->base->rank - (a->read->count - 2);
        for (int d = 0; d < rest; d++) add_form(a, a->at.dots ? affine_index(p, a->at.dots[d]) : NULL, item);
        return true;
    }
    Operand v = operand_first(operand_of(a->at, item));
    if (v.kind == OPERAND_NUMBER) {
        add_form(a, affine_constant(p, (int64_t)v.number), item);
        return true;
    }
    if (v.kind == OPERAND_SCALAR) add_form(a, form_of(a->at.m, v.e), item);
    return v.kind == OPERAND_SCALAR;
}

static void report_outside(const Access *a, int d) {
    At at = a->at;
    int64_t low, high, size = a->base->dims[d].size, far = INT64_MAX / 4;
    const Affine *form = a->forms[d];
    affine_bounds(form, &low, &high);
    Arena *arena = at.m->arena;
    const char *range = low <= -far && high >= far ? "has no limits"
                        : low <= -far              ? "has no lower limit"
                        : high >= far              ? "has no upper limit"
                        : low == high
                            ? string_format(arena, "is %lld", (long long)low)
                            : string_format(arena, "runs over %lld .. %lld", (long long)low, (long long)high);
    const char *name = node_text(at.m->arena, a->named->node);
    Diagnostic *m = report(at, READ_OUTSIDE, a->items[d]->span, node_text(at.m->arena, a->read->node), name,
                           node_text(at.m->arena, a->items[d]->node), range, d, (long long)size);
    bool is_read = form->count == 1 && form->constant == 0 && form->terms[0].coef == 1 &&
                   form->terms[0].atom->op == OP_READ;
    if (is_read && low >= 0 && high < far)
        diagnostic_help(at.m->ctx, m, "the dimension would need %lld elements, or the values a smaller limit",
                        (long long)high + 1);
    else if (low <= -far || high >= far)
        diagnostic_help(at.m->ctx, m,
                        "bound it with `clamp` or `mod`, or say what lies outside: `extend(%s, 0)[…]`", name);
    else
        diagnostic_help(at.m->ctx, m,
                        "say what lies outside: `extend(%s, 0)[…]`, or read it under a condition", name);
}

// Checks one dimension; where it may leave and something lies outside, adds the guard or clamps the form.
static bool check_dimension(Access *a, int d, Guard *guards, int *count) {
    Program *p = a->at.m->p;
    Extent dim = a->base->dims[d];
    if (dim.batch || form_stays(a->at, a->forms[d], dim.size)) return true;
    if (a->carried && a->carried->along == d) return true;
    if (a->outside == OUTSIDE_NEVER) {
        report_outside(a, d);
        return false;
    }
    if (a->outside == OUTSIDE_VALUE) {
        guards[(*count)++] = (Guard){a->forms[d], dim.size};
        return true;
    }
    const Expr *e = expr_binary(p, OP_MIN, expr_affine(p, a->forms[d]), expr_int(p, dim.size - 1));
    a->forms[d] = form_of(a->at.m, expr_binary(p, OP_MAX, e, expr_int(p, 0)));
    return true;
}

// What lies before the first step of a loop is what its tensor begins with.
static const Expr *element_of(const Access *a) {
    const Expr *e = array_element(a->at.m, a->base, a->forms);
    const Carried *c = a->carried;
    if (!c || c->along == a->base->rank) return e; // a step's own has nothing before it
    int along = c->along, count = 0;
    Guard inside = {a->forms[along], a->base->dims[along].size};
    if (form_stays(a->at, inside.form, inside.count)) return e;
    const Affine *others[MAX_RANK];
    for (int d = 0; d < a->count; d++)
        if (d != along) others[count++] = a->forms[d];
    const Expr *begin = c->begin.kind == OPERAND_TENSOR ? array_element(a->at.m, c->begin.array, others)
                                                        : operand_expr(a->at.m, c->begin, true);
    return expr_where(a->at.m->p, &inside, 1, e, begin);
}

static Operand read_access(Access *a) {
    Program *p = a->at.m->p;
    Array out = {.rank = 0};
    Guard guards[MAX_RANK];
    int count = 0;
    for (int d = 0; d < a->count; d++) {
        if (a->forms[d]) {
            if (!check_dimension(a, d, guards, &count)) return operand_wrong();
            continue;
        }
        out.dims[out.rank] = a->base->dims[d];
        out.indices[out.rank] = index_over(a->at.m, a->base->indices[d]->name, a->base->dims[d]);
        a->forms[d] = affine_index(p, out.indices[out.rank++]);
    }
    out.e = element_of(a);
    if (count) {
        const Expr *other = a->value;
        if (!type_whole(out.e->type) && other->op == OP_CONST) other = expr_const(p, other->value);
        out.e = expr_where(p, guards, count, out.e, other);
    }
    return operand_array(a->at.m, &out);
}

// ---- the base ----

// A whole tensor in an equation: its own text is not under the equation's brackets.
static Operand base_of(At at, const Phrase *p) {
    Operand v = operand_plain(at, operand_whole(at, p), p->span);
    NodeKind kind = p->node->kind;
    if (kind == AST_CALL || kind == AST_PIPE || kind == AST_BINARY)
        v = operand_store(at, v, operand_name(at, v), p->span);
    return v;
}

// False: what lies outside is WRONG.
static bool set_outside(Access *a, const Phrase *how) {
    a->outside = OUTSIDE_EDGE;
    if (how->kind == PHRASE_WORD && string_equal(how->text, "edge")) return true;
    a->outside = OUTSIDE_VALUE;
    a->value = operand_as_scalar(a->at, operand_of(a->at, how));
    return a->value != NULL;
}

static const Carried *carried_of(At at, const Array *base) {
    for (const Loop *loop = at.loop; loop; loop = loop->outer)
        for (int i = 0; i < loop->count; i++)
            if (loop->carried[i].array == base && loop->carried[i].begin.kind != OPERAND_ABSENT)
                return &loop->carried[i];
    return NULL;
}

Operand operand_of_read(At at, const Phrase *p) {
    const Phrase *base = p->part[0];
    bool extended =
        base->kind == PHRASE_BUILTIN && string_equal(base->builtin->name, "extend") && base->count > 0;
    Access a = {.at = at, .read = p, .named = extended ? base->part[0] : base};
    Operand v = base_of(at, a.named);
    if (extended && !set_outside(&a, base->part[1])) return operand_wrong();
    if (v.kind != OPERAND_TENSOR) return v; // x[..] of no dimensions, or WRONG
    a.base = v.array;
    a.carried = carried_of(at, a.base);
    for (int i = 1; i < p->count; i++)
        if (!add_item(&a, p->part[i])) return operand_wrong();
    return read_access(&a);
}
