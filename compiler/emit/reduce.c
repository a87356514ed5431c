// Reductions: the language's own, and those by functions of one tensor (rules 4 and 5).
#include "emit/write.h"

#include <math.h>

static void add_filter(At *inside, Array *a, const Expr *condition) {
    a->filter = a->filter ? expr_binary(inside->m->p, OP_AND, a->filter, condition) : condition;
    *inside = at_given(*inside, condition, true);
}

// The filter that the tensor behind `..` brought along.
static void add_frame_filter(At *inside, Array *a) {
    const Frame *frame = inside->frame;
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < frame->of->dot_count; d++) forms[d] = affine_index(inside->m->p, inside->dots[d]);
    add_filter(inside, a,
               expr_at(inside->m, frame->filter, frame->filter_indices, forms, frame->of->dot_count));
}

// The operand as an array over the indices of the brackets. False: it or a filter is WRONG.
static bool operand_over(At at, const Phrase *p, Array *a) {
    At inside = at;
    *a = (Array){.rank = 0};
    inside.indexed = true;
    for (int i = 0; i < p->binders; i++) {
        if (p->binder[i].kind != BINDER_DOTS) {
            a->indices[a->rank++] = index_bind(at, p->binder[i].index);
            continue;
        }
        inside.dots = dots_bind(at, 'r');
        for (int d = 0; d < at.frame->of->dot_count; d++) a->indices[a->rank++] = inside.dots[d];
    }
    for (int d = 0; d < a->rank; d++) a->dims[d] = extent_over(a->indices[d]);
    if (inside.dots != at.dots && at.frame->filter) add_frame_filter(&inside, a);
    for (int i = 0; i < p->binders; i++) {
        if (!p->binder[i].filter) continue;
        const Expr *c = operand_as_scalar(inside, operand_of(inside, p->binder[i].filter));
        if (!c) return false;
        if (c->op != OP_CONST || c->value == 0) add_filter(&inside, a, truth_of(at.m->p, c));
    }
    a->e = operand_as_scalar(inside, operand_of(inside, p->part[p->count - 1]));
    return a->e != NULL;
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

static Reduced parts_of(Program *p, const Builtin *row, const Array *a) {
    const Kind *kind = kind_of(row);
    Reduced parts = {.reduction = a->rank ? kind->reduction : REDUCE_NONE, .count = a->rank};
    for (int d = 0; d < a->rank; d++) parts.indices[d] = a->indices[d];
    parts.e = kind->of_bools ? truth_of(p, a->e) : a->e;
    if (!a->filter) return parts;
    bool whole = type_whole(parts.e->type) && isfinite(kind->neutral);
    const Expr *neutral = whole ? expr_int(p, (int64_t)kind->neutral) : expr_const(p, kind->neutral);
    parts.e = expr_condition(p, a->filter, parts.e, neutral);
    return parts;
}

bool reduce_parts(At at, const Phrase *p, Reduced *parts) {
    Array a;
    bool right = operand_over(at, p, &a);
    if (right) *parts = parts_of(at.m->p, p->builtin, &a);
    return right;
}

Operand reduce_whole(At at, const Builtin *row, Operand v, Span span) {
    v = operand_plain(at, v, span);
    if (v.kind != OPERAND_TENSOR) return v;
    Reduced parts = parts_of(at.m->p, row, v.array);
    return reduce_write(at, &parts, span);
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

// By a function: its operand is written into it.
static Operand by_function(At at, const Phrase *p, const Definition *d) {
    Array a;
    if (!operand_over(at, p, &a)) return operand_wrong();
    Operand *given = arena_array(at.m->arena, Operand, d->parameters + 1);
    given[0] = operand_array(at.m, &a);
    given[0].is_view = true;
    return operand_first(phrase_apply(at, p, given));
}

Operand operand_of_reduce(At at, const Phrase *p) {
    Reduced parts;
    if (p->builtin) return reduce_parts(at, p, &parts) ? reduce_write(at, &parts, p->span) : operand_wrong();
    return by_function(at, p, p->part[0] ? operand_of(at, p->part[0]).callable->definition : p->definition);
}
