// Reductions: the language's own, and those by functions of one tensor (rules 4 and 5).
#include <math.h>

#include "sema/values.h"

// A reduction's brackets bound: the scope of its operand, its indices, and the condition of its filters.
typedef struct {
    Env *env;
    const Index *indices[MAX_RANK * 2];
    int count;
    const Expr *filter;
    FactMark mark;
} Bound;

Env *env_of_reduction(Env *env, const Node *e) {
    Env *inner = env_inner(env);
    for (int i = 0; i < e->count; i++) {
        const Node *stated;
        const char *name = index_name(e->items[i], &stated);
        if (name) env_add(inner, name, value_error(), e->items[i]->span)->pending = true;
    }
    return inner;
}

static const Node *unfiltered(const Node *item) {
    return item->kind == AST_IF && !item->otherwise ? item->value : item;
}

static void bind_dots(Elaborator *el, Bound *b) {
    static const char *const names[MAX_RANK] = {"r", "s", "t", "u", "v", "w", "x", "y"};
    const Frame *frame = b->env->frame;
    b->env->dots = arena_array(el->session->arena, const Index *, frame->dots + 1);
    for (int d = 0; d < frame->dots; d++)
        b->indices[b->count++] = b->env->dots[d] = index_of(el, names[d], frame->dims[d]);
}

static void add_filter(Elaborator *el, Bound *b, const Expr *condition) {
    Program *p = el->session->program;
    b->filter = b->filter ? expr_binary(p, OP_AND, b->filter, condition) : condition;
    facts_assume(el, condition, true);
}

static bool bind_ranges(Elaborator *el, Bound *b, const Node *e) {
    const Node *texts[MAX_RANK * 2 + 1];
    int text_count = 0;
    texts[text_count++] = e->operand;
    for (int i = 0; i < e->count && text_count <= MAX_RANK; i++)
        if (e->items[i]->kind == AST_IF) texts[text_count++] = e->items[i]->condition;
    for (int i = 0; i < e->count; i++) {
        const Node *item = unfiltered(e->items[i]), *stated;
        if (item->kind == AST_DOTS) {
            bind_dots(el, b);
            continue;
        }
        const char *name = index_name(item, &stated);
        Dim dim;
        if (stated ? !dim_of(el, b->env->outer, stated, &dim)
                   : !range_of(el, b->env, texts, text_count, name, item->span, &dim))
            return false;
        Name *n = map_get(b->env->names, name);
        n->index = index_of(el, name, dim);
        n->pending = false;
        b->indices[b->count++] = n->index;
    }
    return true;
}

// The filter that the tensor behind `..` brought along.
static void bind_frame_filter(Elaborator *el, Bound *b) {
    const Frame *frame = b->env->frame;
    if (!b->env->dots || !frame->filter) return;
    Binding bindings[MAX_RANK];
    for (int d = 0; d < frame->dots; d++)
        bindings[d] =
            (Binding){frame->filter_indices[d], affine_index(el->session->program, b->env->dots[d])};
    add_filter(el, b, expr_substitute(el->session->program, frame->filter, bindings, frame->dots));
}

static bool bind(Elaborator *el, Env *env, const Node *e, Bound *b) {
    *b = (Bound){.env = env_of_reduction(env, e), .mark = facts_mark(el)};
    b->env->indexed = true;
    if (!bind_ranges(el, b, e)) return false;
    bind_frame_filter(el, b);
    for (int i = 0; i < e->count; i++) {
        if (e->items[i]->kind != AST_IF) continue;
        SemaValue c;
        int known = condition_of(el, b->env, e->items[i]->condition, &c);
        if (c.kind == SEMA_ERROR) return false;
        Program *p = el->session->program;
        if (known != 1)
            add_filter(el, b,
                       known == 0 ? expr_binary(p, OP_LT, expr_int(p, 1), expr_int(p, 0))
                                  : expr_truth(p, c.e));
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

static const Kind *kind_of(const char *name) {
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
        if (string_equal(kinds[i].name, name)) return &kinds[i];
    return NULL;
}

static const Expr *with_filter(Elaborator *el, const Kind *kind, const Expr *e, const Expr *filter) {
    Program *p = el->session->program;
    if (kind->of_bools) e = expr_truth(p, e);
    if (!filter) return e;
    bool whole = type_is_whole(e->type);
    const Expr *neutral =
        whole && isfinite(kind->neutral) ? expr_int(p, (int64_t)kind->neutral) : expr_const(p, kind->neutral);
    return expr_condition(p, filter, e, neutral);
}

bool node_is_reduction(Elaborator *el, Env *env, const Node *e) {
    return e->kind == AST_REDUCE && e->base->kind == AST_NAME && kind_of(e->base->name) &&
           !env_name(env, e->base->name) && !definition_of(el, env, e->base->name);
}

bool reduction_parts(Elaborator *el, Env *env, const Node *e, Reduced *parts) {
    const Kind *kind = kind_of(e->base->name);
    Bound b;
    if (!bind(el, env, e, &b)) {
        facts_reset(el, b.mark);
        return false;
    }
    const Expr *operand = value_as_scalar(el, value_of(el, b.env, e->operand), e->operand->span);
    facts_reset(el, b.mark);
    if (!operand) return false;
    *parts = (Reduced){.reduction = b.count ? kind->reduction : REDUCE_NONE, .count = b.count};
    parts->e = with_filter(el, kind, operand, b.filter);
    for (int i = 0; i < b.count; i++) parts->indices[i] = b.indices[i];
    return true;
}

static SemaValue reduced(Elaborator *el, const Env *env, const Reduced *parts, Span span) {
    if (parts->reduction == REDUCE_NONE) return value_scalar(parts->e);
    const Expr *e = reduction_emit(el, env, parts, span);
    return e ? value_scalar(e) : value_error();
}

SemaValue reduction_of(Elaborator *el, const Env *env, const char *name, SemaValue v, Span span) {
    const Kind *kind = kind_of(name);
    v = value_plain(el, env, v, span);
    if (v.kind == SEMA_ERROR) return v;
    if (v.kind == SEMA_NUMBER || v.kind == SEMA_SCALAR) return v;
    const Array *a = v.array;
    Reduced parts = {.reduction = kind->reduction, .count = a->rank};
    Binding bindings[MAX_RANK];
    for (int d = 0; d < a->rank; d++) {
        parts.indices[d] = index_of(el, a->indices[d]->name, a->dims[d]);
        bindings[d] = (Binding){a->indices[d], affine_index(el->session->program, parts.indices[d])};
    }
    const Expr *filter =
        a->filter ? expr_substitute(el->session->program, a->filter, bindings, a->rank) : NULL;
    parts.e = with_filter(el, kind, expr_substitute(el->session->program, a->e, bindings, a->rank), filter);
    return reduced(el, env, &parts, span);
}

SemaValue value_count(Elaborator *el, const Env *env, SemaValue v, Span span) {
    Program *p = el->session->program;
    v = value_plain(el, env, v, span);
    if (v.kind == SEMA_ERROR) return v;
    if (v.kind == SEMA_NUMBER || v.kind == SEMA_SCALAR) return value_number(1, true);
    const Array *a = v.array;
    if (a->filter) {
        Array ones = *a;
        ones.filter = NULL;
        ones.e = expr_condition(p, a->filter, expr_const(p, 1), expr_const(p, 0));
        return reduction_of(el, env, "sum", value_array(el->session, &ones), span);
    }
    SemaValue size = value_number(1, true);
    for (int d = 0; d < a->rank; d++) {
        SemaValue dim = a->dims[d].batch ? value_scalar(rows_expr(el, env, span))
                                         : value_number((double)a->dims[d].size, true);
        size = value_join(el, env, OPERATOR_MUL, size, dim, span);
    }
    return size;
}

// ---- by a function ----

static SemaValue by_function(Elaborator *el, Env *env, const Node *e, const Node *define) {
    Bound b;
    SemaValue v = value_error();
    if (bind(el, env, e, &b)) v = value_first(value_of(el, b.env, e->operand));
    facts_reset(el, b.mark);
    const Expr *operand = value_as_scalar(el, v, e->operand->span);
    if (!operand) return value_error();
    Array a = {.rank = b.count, .filter = b.filter, .e = operand};
    for (int d = 0; d < b.count; d++) {
        a.indices[d] = b.indices[d];
        a.dims[d] = (Dim){b.indices[d]->size, b.indices[d]->batch};
    }
    SemaValue argument = value_array(el->session, &a);
    argument.span = e->operand->span;
    argument.is_view = true;
    const char *none = NULL;
    Arguments one = {&argument, &none, 1};
    return value_first(definition_apply(el, env, define, NULL, one, e->span));
}

SemaValue value_of_reduction(Elaborator *el, Env *env, const Node *e) {
    if (node_is_reduction(el, env, e)) {
        Reduced parts;
        if (!reduction_parts(el, env, e, &parts)) return value_error();
        return reduced(el, env, &parts, e->span);
    }
    SemaValue f = value_of(el, env, e->base);
    if (f.kind == SEMA_ERROR) return f;
    return by_function(el, env, e, f.callable->define);
}
