// Reductions: the language's own, and those by functions of one tensor (rules 4 and 5).
#include "emit/write.h"

#include <math.h>

// A reduction's brackets bound: where its operand is written, its indices, the condition of its filters.
typedef struct {
    At at;
    const Index *indices[MAX_RANK * 2];
    int count;
    const Expr *filter;
} Brackets;

static void bind_dots(Brackets *b) {
    static const char *const names[MAX_RANK] = {"r", "s", "t", "u", "v", "w", "x", "y"};
    const Case *c = b->at.frame->of;
    const Index **dots = arena_array(b->at.m->arena, const Index *, c->dot_count + 1);
    for (int d = 0; d < c->dot_count; d++)
        b->indices[b->count++] = dots[d] = index_over(b->at.m, names[d], c->dots[d]);
    b->at.dots = dots;
}

static void add_filter(Brackets *b, const Expr *condition) {
    b->filter = b->filter ? expr_binary(b->at.m->p, OP_AND, b->filter, condition) : condition;
    b->at = at_given(b->at, condition, true);
}

// The filter that the tensor behind `..` brought along.
static void add_frame_filter(Brackets *b) {
    const Frame *frame = b->at.frame;
    Binding bindings[MAX_RANK];
    for (int d = 0; d < frame->of->dot_count; d++)
        bindings[d] = (Binding){frame->filter_indices[d], affine_index(b->at.m->p, b->at.dots[d])};
    add_filter(b, expr_substitute(b->at.m->p, frame->filter, bindings, frame->of->dot_count));
}

// False: a filter is WRONG.
static bool bind(At at, const Phrase *p, Brackets *b) {
    *b = (Brackets){.at = at};
    b->at.indexed = true;
    bool dots = false;
    for (int i = 0; i < p->binders; i++) {
        const Binder *binder = &p->binder[i];
        dots |= binder->kind == BINDER_DOTS;
        if (binder->kind == BINDER_DOTS)
            bind_dots(b);
        else
            b->indices[b->count++] = index_bind(at, binder->index);
    }
    if (dots && at.frame->filter) add_frame_filter(b);
    Program *program = at.m->p;
    for (int i = 0; i < p->binders; i++) {
        if (!p->binder[i].filter) continue;
        Operand c = operand_first(operand_of(b->at, p->binder[i].filter));
        if (!operand_is_number(c)) return false;
        if (c.kind == OPERAND_SCALAR)
            add_filter(b, truth_of(program, c.e));
        else if (c.number == 0)
            add_filter(b, expr_binary(program, OP_LT, expr_int(program, 1), expr_int(program, 0)));
    }
    return true;
}

// ---- the language's own ----

typedef struct {
    const char *name;
    Reduction reduction;
    double neutral;
    bool of_bools;
} Kind;

static const Kind *kind_of(const Builtin *row) {
    static const Kind kinds[] = {
        {"sum", REDUCE_SUM, 0, false},
        {"prod", REDUCE_PROD, 1, false},
        {"max", REDUCE_MAX, -(double)INFINITY, false},
        {"min", REDUCE_MIN, (double)INFINITY, false},
        {"argmax", REDUCE_ARGMAX, -(double)INFINITY, false},
        {"argmin", REDUCE_ARGMIN, (double)INFINITY, false},
        {"any", REDUCE_MAX, 0, true},
        {"all", REDUCE_MIN, 1, true},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (string_equal(kinds[i].name, row->name)) return &kinds[i];
    die("`%s` of builtins.def is no reduction", row->name);
}

static const Expr *with_filter(Program *p, const Kind *kind, const Expr *e, const Expr *filter) {
    if (kind->of_bools) e = truth_of(p, e);
    if (!filter) return e;
    bool whole = type_whole(e->type) && isfinite(kind->neutral);
    const Expr *neutral = whole ? expr_int(p, (int64_t)kind->neutral) : expr_const(p, kind->neutral);
    return expr_condition(p, filter, e, neutral);
}

bool reduce_parts(At at, const Phrase *p, Reduced *parts) {
    const Kind *kind = kind_of(p->builtin);
    Brackets b;
    if (!bind(at, p, &b)) return false;
    const Expr *operand = operand_as_scalar(b.at, operand_of(b.at, p->part[p->count - 1]));
    if (!operand) return false;
    *parts = (Reduced){.reduction = b.count ? kind->reduction : REDUCE_NONE, .count = b.count};
    parts->e = with_filter(at.m->p, kind, operand, b.filter);
    for (int i = 0; i < b.count; i++) parts->indices[i] = b.indices[i];
    return true;
}

static Operand reduced(At at, const Reduced *parts, Span span) {
    if (parts->reduction == REDUCE_NONE) return operand_scalar(parts->e);
    const Expr *e = reduce_write(at, parts, span);
    return e ? operand_scalar(e) : operand_wrong();
}

Operand reduce_whole(At at, const Builtin *row, Operand v, Span span) {
    const Kind *kind = kind_of(row);
    Program *p = at.m->p;
    v = operand_plain(at, v, span);
    if (v.kind != OPERAND_TENSOR) return v;
    const Array *a = v.array;
    Reduced parts = {.reduction = kind->reduction, .count = a->rank};
    Binding bindings[MAX_RANK];
    for (int d = 0; d < a->rank; d++) {
        parts.indices[d] = index_over(at.m, a->indices[d]->name, a->dims[d]);
        bindings[d] = (Binding){a->indices[d], affine_index(p, parts.indices[d])};
    }
    const Expr *filter = a->filter ? expr_substitute(p, a->filter, bindings, a->rank) : NULL;
    parts.e = with_filter(p, kind, expr_substitute(p, a->e, bindings, a->rank), filter);
    return reduced(at, &parts, span);
}

Operand operand_count(At at, Operand v, Span span) {
    Program *p = at.m->p;
    v = operand_plain(at, v, span);
    if (operand_is_number(v)) return operand_number(1, true);
    if (v.kind != OPERAND_TENSOR) return v;
    const Array *a = v.array;
    if (a->filter) {
        Array ones = *a;
        ones.filter = NULL;
        ones.e = expr_condition(p, a->filter, expr_const(p, 1), expr_const(p, 0));
        return reduce_whole(at, builtin_find("sum", 1u << GROUP_REDUCTION), operand_array(at.m, &ones), span);
    }
    Operand size = operand_number(1, true);
    for (int d = 0; d < a->rank; d++) {
        Operand dim =
            a->dims[d].batch ? operand_scalar(expr_rows(p)) : operand_number((double)a->dims[d].size, true);
        size = operand_join(at, OPERATOR_MUL, size, dim, span);
    }
    return size;
}

// ---- by a function ----

static Operand by_function(At at, const Phrase *p, const Definition *d) {
    Brackets b;
    if (!bind(at, p, &b)) return operand_wrong();
    const Expr *operand = operand_as_scalar(b.at, operand_of(b.at, p->part[p->count - 1]));
    if (!operand) return operand_wrong();
    Array a = {.rank = b.count, .filter = b.filter, .e = operand};
    for (int i = 0; i < b.count; i++) {
        a.indices[i] = b.indices[i];
        a.dims[i] = (Extent){b.indices[i]->size, b.indices[i]->batch};
    }
    Operand *given = arena_array(at.m->arena, Operand, d->parameters + 1);
    given[0] = operand_array(at.m, &a);
    given[0].is_view = true;
    return operand_first(phrase_apply(at, p, given));
}

Operand operand_of_reduce(At at, const Phrase *p) {
    if (!p->builtin) {
        const Definition *d = p->definition;
        if (p->part[0]) d = operand_of(at, p->part[0]).callable->definition;
        return by_function(at, p, d);
    }
    Reduced parts;
    return reduce_parts(at, p, &parts) ? reduced(at, &parts, p->span) : operand_wrong();
}
