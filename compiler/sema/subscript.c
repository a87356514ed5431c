// Reads of tensors: subscripts, slices, what lies outside, and the proof that a read stays inside (rules 6
// and 7).
#include <math.h>

#include "sema/values.h"

// ---- lists as tensors ----

// A longer list is stored, a shorter one chosen from in place.
enum { INLINE_LIST = 16 };

// The element at `form` of values[from .. from + count): a tree of guards, so that its depth is logarithmic.
static const Expr *pick(Elaborator *el, const Affine *form, const Expr *const *values, int from, int count) {
    Program *p = el->session->program;
    if (count == 1) return values[from];
    int half = count / 2;
    Guard guard = {affine_offset(p, form, -from), half};
    return expr_where(p, &guard, 1, pick(el, form, values, from, half),
                      pick(el, form, values, from + half, count - half));
}

SemaValue list_tensor(Elaborator *el, const Env *env, SemaValue list, Span span) {
    Program *p = el->session->program;
    Array a = {.rank = 0}, inner = {.rank = 0};
    const Expr **es = arena_array(p->arena, const Expr *, list.count + 1);
    bool real = false;
    for (int i = 0; i < list.count; i++) real = real || !type_is_whole(list.items[i].type);
    for (int i = 0; i < list.count; i++) {
        SemaValue v = value_plain(el, env, list.items[i], span);
        if (v.kind == SEMA_ERROR) return v;
        Array shape = {.rank = 0};
        if (v.kind == SEMA_TENSOR) shape = *v.array;
        bool fits = v.kind == SEMA_NUMBER || v.kind == SEMA_SCALAR || v.kind == SEMA_TENSOR;
        if (!fits || (i && (shape.rank != inner.rank || !dims_equal(shape.dims, inner.dims, shape.rank)))) {
            Dim *dims = inner.dims;
            return fail_value(el, env, LIST_UNEVEN, list.items[i].span.start ? list.items[i].span : span,
                              i && inner.rank ? dims_text(el, dims, inner.rank)
                                              : value_shape_text(el->session, list.items[0]),
                              value_shape_text(el->session, v));
        }
        if (!i) inner = shape;
        const Affine *forms[MAX_RANK];
        for (int d = 0; d < inner.rank; d++) forms[d] = affine_index(p, inner.indices[d]);
        es[i] = v.kind == SEMA_TENSOR ? array_at(el, v.array, forms) : value_expr(el, v, real);
    }
    if (!list.count || inner.rank == MAX_RANK)
        return fail_value(el, env, LIST_UNEVEN, span, "nothing", "nothing");
    a.rank = inner.rank + 1;
    a.dims[0] = (Dim){list.count, false};
    a.indices[0] = index_of(el, "i", a.dims[0]);
    for (int d = 0; d < inner.rank; d++) {
        a.dims[d + 1] = inner.dims[d];
        a.indices[d + 1] = inner.indices[d];
    }
    a.e = pick(el, affine_index(p, a.indices[0]), es, 0, list.count);
    SemaValue out = value_array(el->session, &a);
    if (list.count > INLINE_LIST && env)
        out = value_store(el, env, out, env_path(env, p->arena, "list"), span);
    out.dimension = list.items[0].dimension;
    return out;
}

// ---- staying inside ----

// A division of the form in which an index can be written as q * block + rest, so that bounds become exact.
static const Index *divided(Elaborator *el, const Affine *form, int64_t *q) {
    for (int i = 0; i < form->count; i++) {
        const Expr *atom = form->terms[i].atom;
        if (atom->op != OP_FLOOR_DIV || atom->args[1]->op != OP_CONST) continue;
        const Affine *inside = affine_of(el, atom->args[0]);
        int64_t m = (int64_t)atom->args[1]->value;
        for (int k = 0; k < inside->count; k++) {
            const Term *term = &inside->terms[k];
            if (term->atom->op != OP_INDEX || term->coef <= 0 || m % term->coef || m / term->coef < 2)
                continue;
            if (term->atom->index->batch || term->atom->index->size <= m / term->coef) continue;
            *q = m / term->coef;
            return term->atom->index;
        }
    }
    return NULL;
}

static bool inside_by(Elaborator *el, const Affine *form, int64_t size, const Guard *facts, int count,
                      int depth) {
    Program *p = el->session->program;
    int64_t low, high;
    affine_bounds(form, &low, &high);
    if (low >= 0 && high < size) return true;
    if (guards_imply(p, facts, count, (Guard){form, size})) return true;
    int64_t q = 0;
    const Index *index = depth ? divided(el, form, &q) : NULL;
    if (!index) return false;
    const Index *block = index_add(p, index->name, (index->size + q - 1) / q, false),
                *rest = index_add(p, index->name, q, false);
    Binding binding = {index,
                       affine_add(p, affine_scale(p, affine_index(p, block), q, 1), affine_index(p, rest))};
    Guard known[MAX_FACTS + 1];
    for (int i = 0; i < count; i++)
        known[i] = (Guard){affine_substitute(p, facts[i].form, &binding, 1), facts[i].count};
    if (index->size % q && count < MAX_FACTS) known[count++] = (Guard){binding.to, index->size};
    return inside_by(el, affine_substitute(p, form, &binding, 1), size, known, count, depth - 1);
}

bool form_inside_under(Elaborator *el, const Affine *form, int64_t size, const Guard *facts, int count) {
    return inside_by(el, form, size, facts, count, 3);
}

bool form_inside(Elaborator *el, const Affine *form, int64_t size) {
    return inside_by(el, form, size, el->tables->facts.data, el->tables->facts.count, 3);
}

// ---- one read ----

typedef enum { OUTSIDE_NEVER, OUTSIDE_VALUE, OUTSIDE_EDGE } Outside;

typedef struct {
    const Node *node;
    const char *name; // of what is read, for messages
    SemaValue base;
    const Carried *carried; // of what a loop makes: outside the loop's index is what it begins with
    Outside outside;
    const Expr *value; // what lies outside
    const Affine *forms[MAX_RANK];
    const Node *items[MAX_RANK]; // the item that gave the form; NULL: a whole dimension
    int count;
} Access;

static bool add_form(Elaborator *el, const Env *env, Access *a, const Affine *form, const Node *item) {
    if (a->count == MAX_RANK) return fail_false(el, env, RANK_LIMIT, item->span, MAX_RANK);
    a->items[a->count] = item;
    a->forms[a->count++] = form;
    return true;
}

static const Index **dots_of(const Env *env) {
    for (; env; env = env->outer) {
        if (env->dots) return env->dots;
        if (env->dots_hidden) return NULL;
    }
    return NULL;
}

static bool add_dots(Elaborator *el, Env *env, Access *a, const Node *item, int rest) {
    const Index **dots = dots_of(env);
    if (dots) {
        for (int d = 0; d < env->frame->dots; d++)
            if (!add_form(el, env, a, affine_index(el->session->program, dots[d]), item)) return false;
        return true;
    }
    if (env->indexed && env->frame->has_dots) return fail_false(el, env, DOTS_NOT_BOUND, item->span, "");
    for (int d = 0; d < rest; d++)
        if (!add_form(el, env, a, NULL, item)) return false;
    return true;
}

static bool add_item(Elaborator *el, Env *env, Access *a, const Node *item) {
    Program *p = el->session->program;
    el->tables->subscript++;
    Env *scope = env_inner(env);
    scope->indexed = true;
    SemaValue v = value_first(value_of(el, scope, item));
    el->tables->subscript--;
    if (v.kind == SEMA_ERROR) return false;
    if (v.kind == SEMA_NUMBER && v.integral)
        return add_form(el, env, a, affine_constant(p, (int64_t)v.number), item);
    if (v.kind == SEMA_SCALAR && type_is_whole(v.type)) return add_form(el, env, a, affine_of(el, v.e), item);
    if (v.kind == SEMA_NUMBER && v.number == floor(v.number) && fabs(v.number) < 1e15)
        return add_form(el, env, a, affine_constant(p, (int64_t)v.number), item);
    return fail_false(el, env, SUBSCRIPT_NOT_WHOLE, item->span, node_text(el->session->arena, item));
}

static bool add_items(Elaborator *el, Env *env, Access *a) {
    const Node *e = a->node;
    int rank = a->base.array->rank;
    for (int i = 0; i < e->count; i++) {
        const Node *item = e->items[i];
        bool ok;
        if (item->kind == AST_DOTS)
            ok = add_dots(el, env, a, item, rank - (e->count - 1));
        else if (item->kind == AST_WHOLE)
            ok = add_form(el, env, a, NULL, item);
        else
            ok = add_item(el, env, a, item);
        if (!ok) return false;
    }
    if (a->count == rank) return true;
    Diagnostic *d = fail(el, env, SUBSCRIPT_COUNT, e->span, a->name, rank, a->count);
    diagnostic_note(el->session->ctx, d, e->base->span, "`%s` has shape %s", a->name,
                    dims_text(el, a->base.array->dims, rank));
    if (a->count == rank - 1 && a->base.array->dims[0].batch)
        diagnostic_help(el->session->ctx, d,
                        "the first dimension holds the rows: `:` there reads from each of them");
    return false;
}

static bool check_batch(Elaborator *el, const Env *env, const Access *a, int d) {
    const Index *index = affine_only(a->forms[d]);
    if ((index && index->batch) || form_is_order(a->forms[d])) return true;
    Diagnostic *diagnostic = fail(el, env, BATCH_SUBSCRIPT, a->items[d]->span,
                                  node_text(el->session->arena, a->items[d]), d, a->name);
    diagnostic_help(el->session->ctx, diagnostic,
                    "rows of a batch do not see one another: use an index that runs over the batch");
    return false;
}

static void report_outside(Elaborator *el, const Env *env, const Access *a, int d) {
    int64_t low, high, size = a->base.array->dims[d].size, far = INT64_MAX / 4;
    affine_bounds(a->forms[d], &low, &high);
    Arena *arena = el->session->arena;
    const char *range = low <= -far && high >= far ? "has no limits"
                        : low <= -far              ? "has no lower limit"
                        : high >= far              ? "has no upper limit"
                        : low == high
                            ? string_format(arena, "is %lld", (long long)low)
                            : string_format(arena, "runs over %lld .. %lld", (long long)low, (long long)high);
    Diagnostic *diagnostic =
        fail(el, env, READ_OUTSIDE, a->items[d]->span, node_text(el->session->arena, a->node), a->name,
             node_text(el->session->arena, a->items[d]), range, d, (long long)size);
    if (form_read(a->forms[d]) && low >= 0 && high < far)
        diagnostic_help(el->session->ctx, diagnostic,
                        "the dimension would need %lld elements, or the values a smaller limit",
                        (long long)high + 1);
    else if (low <= -far || high >= far)
        diagnostic_help(el->session->ctx, diagnostic,
                        "bound it with `clamp` or `mod`, or say what lies outside: `extend(%s, 0)[…]`",
                        a->name);
    else
        diagnostic_help(el->session->ctx, diagnostic,
                        "say what lies outside: `extend(%s, 0)[…]`, or read it under a condition", a->name);
}

// Checks one dimension; where it may leave and something lies outside, adds the guard or clamps the form.
static bool check_dimension(Elaborator *el, const Env *env, Access *a, int d, Guard *guards, int *count) {
    Program *p = el->session->program;
    Dim dim = a->base.array->dims[d];
    if (dim.batch) return check_batch(el, env, a, d);
    if (form_inside(el, a->forms[d], dim.size)) return true;
    if (a->carried && a->carried->along == d && a->carried->begin.kind != SEMA_ABSENT) return true;
    if (a->outside == OUTSIDE_NEVER) {
        report_outside(el, env, a, d);
        return false;
    }
    if (a->outside == OUTSIDE_VALUE) {
        guards[(*count)++] = (Guard){a->forms[d], dim.size};
        return true;
    }
    const Expr *e = expr_binary(p, OP_MIN, expr_affine(p, a->forms[d]), expr_int(p, dim.size - 1));
    a->forms[d] = affine_of(el, expr_binary(p, OP_MAX, e, expr_int(p, 0)));
    return true;
}

// What lies before the first step of a loop is what its tensor begins with.
static const Expr *element_at(Elaborator *el, const Access *a) {
    const Expr *e = array_at(el, a->base.array, a->forms);
    const Carried *c = a->carried;
    if (!c || c->along < 0 || c->begin.kind == SEMA_ABSENT) return e;
    Guard inside = {a->forms[c->along], a->base.array->dims[c->along].size};
    if (form_inside(el, inside.form, inside.count)) return e;
    return expr_where(el->session->program, &inside, 1, e, carried_begin(el, c, a->forms, a->count));
}

static SemaValue read_access(Elaborator *el, Env *env, Access *a) {
    Program *p = el->session->program;
    const Array *base = a->base.array;
    Array out = {.rank = 0};
    Guard guards[MAX_RANK];
    int count = 0;
    for (int d = 0; d < a->count; d++) {
        if (!a->forms[d]) {
            out.dims[out.rank] = base->dims[d];
            out.indices[out.rank] = index_of(el, base->indices[d]->name, base->dims[d]);
            a->forms[d] = affine_index(p, out.indices[out.rank++]);
        } else if (!check_dimension(el, env, a, d, guards, &count)) {
            return value_error();
        }
    }
    const Expr *e = element_at(el, a);
    if (count) {
        const Expr *other = a->value;
        if (!type_is_whole(e->type) && other->op == OP_CONST) other = expr_const(p, other->value);
        e = expr_where(p, guards, count, e, other);
    }
    out.e = e;
    SemaValue v = out.rank ? value_array(el->session, &out) : value_scalar(e);
    v.dimension = a->base.dimension;
    return v;
}

// ---- the base ----

static bool is_extend(const Env *env, const Node *e) {
    return e->kind == AST_CALL && e->base->kind == AST_NAME && string_equal(e->base->name, "extend") &&
           !env_name(env, "extend");
}

// A whole tensor in an equation: its own text is not under the equation's brackets.
static SemaValue eval_base(Elaborator *el, Env *env, const Node *e) {
    SemaValue *memo = table_get(&el->tables->memo, e);
    if (memo) return *memo;
    SemaValue v = value_plain(el, env, value_of_whole(el, env, e), e->span);
    if (e->kind == AST_CALL || e->kind == AST_PIPE || e->kind == AST_BINARY)
        v = value_store(el, env, v, value_name(el, env, v), e->span);
    return v;
}

static const Carried *carried_of(const Env *env, const Node *base) {
    const Name *n = base->kind == AST_NAME ? env_name(env, base->name) : NULL;
    return n ? n->carried : NULL;
}

static bool read_extend(Elaborator *el, Env *env, const Node *call, Access *a) {
    if (call->count != 2) return fail_false(el, env, MISSING_ARGUMENT, call->span, "extend", "outside");
    a->base = eval_base(el, env, call->items[0]);
    a->carried = carried_of(env, call->items[0]);
    a->name = node_text(el->session->arena, call->items[0]);
    const Node *how = call->items[1];
    if (how->kind == AST_NAME && string_equal(how->name, "edge") && !env_name(env, "edge")) {
        a->outside = OUTSIDE_EDGE;
        return a->base.kind != SEMA_ERROR;
    }
    SemaValue v = value_first(value_of(el, env, how));
    if (v.kind == SEMA_ERROR || a->base.kind == SEMA_ERROR) return false;
    a->outside = OUTSIDE_VALUE;
    a->value = value_as_scalar(el, v, how->span);
    return a->value != NULL;
}

SemaValue value_of_index(Elaborator *el, Env *env, const Node *e) {
    Access a = {.node = e};
    if (is_extend(env, e->base)) {
        if (!read_extend(el, env, e->base, &a)) return value_error();
    } else {
        a.base = eval_base(el, env, e->base);
        a.carried = carried_of(env, e->base);
        a.name = node_text(el->session->arena, e->base);
    }
    if (a.base.kind == SEMA_ERROR) return value_error();
    bool no_dimensions = env->frame->has_dots && !env->frame->dots && e->count == 1 &&
                         e->items[0]->kind == AST_DOTS && e->base->kind == AST_NAME;
    if (no_dimensions && (a.base.kind == SEMA_SCALAR || a.base.kind == SEMA_NUMBER)) return a.base;
    if (a.base.kind != SEMA_TENSOR)
        return fail_value(el, env, NOT_A_TENSOR, e->span, a.name, value_shape_text(el->session, a.base));
    if (!add_items(el, env, &a)) return value_error();
    return read_access(el, env, &a);
}

// ---- ranges (rule 3) ----

static bool names_known(Elaborator *el, const Env *env, const Node *e) {
    if (!e) return true;
    if (e->kind == AST_NAME) {
        const Name *n = env_name(env, e->name);
        if (n) return !n->pending;
        return definition_of(el, env, e->name) || map_get(el->words, e->name) || builtin_find(e->name, ~0u);
    }
    if (e->kind == AST_MEMBER) return names_known(el, env, e->base);
    for (int i = 0; i < node_children(e); i++)
        if (!names_known(el, env, node_child(e, i))) return false;
    return true;
}

// The tensor that brackets stand after, if it can be known before the indices have their ranges.
static bool base_known(Elaborator *el, Env *env, const Node *e, SemaValue *v) {
    *v = value_absent(e->span);
    if (e->kind == AST_NAME) {
        const SemaValue *found = env_get(env, e->name);
        const Node *define = found ? NULL : definition_of(el, env, e->name);
        if (!found && !(define && define->kind == AST_CONSTANT)) return false;
        *v = found ? *found : value_of(el, env, e);
        if (v->kind == SEMA_CLOSURE) return false;
    } else if (e->kind != AST_NAME) {
        if (!names_known(el, env, e)) return false;
        *v = eval_base(el, env, e);
        SemaValue *memo = arena_new(el->session->arena, SemaValue);
        *memo = *v;
        table_set(el->session->arena, &el->tables->memo, e, memo);
    }
    *v = value_plain(el, env, *v, e->span);
    return v->kind == SEMA_TENSOR;
}

static void found_range(Range *range, Dim dim, Span span) {
    if (!range->found) {
        range->found = true;
        range->dim = dim;
        range->span = span;
    } else if (!range->conflict && !dims_same(range->dim, dim)) {
        range->conflict = true;
        range->other = dim;
        range->other_span = span;
    }
}

static void scan_index(Elaborator *el, Env *env, const Node *e, const char *index, Range *range,
                       bool extended) {
    const Node *base = e->base;
    bool outside = is_extend(env, base);
    if (outside && base->count > 0) base = base->items[0];
    bool alone = false;
    for (int i = 0; i < e->count; i++)
        alone = alone || (e->items[i]->kind == AST_NAME && e->items[i]->name == index);
    SemaValue v = value_absent(e->span);
    bool known = alone && (!outside || extended) && base_known(el, env, base, &v);
    range->poisoned = range->poisoned || v.kind == SEMA_ERROR;
    if (known) {
        int dots = v.array->rank - (e->count - 1), at = 0;
        for (int i = 0; i < e->count && at < v.array->rank; i++) {
            if (e->items[i]->kind == AST_DOTS)
                at += dots;
            else if (e->items[i]->kind == AST_NAME && e->items[i]->name == index)
                found_range(range, v.array->dims[at++], e->items[i]->span);
            else
                at++;
        }
    }
    for (int i = 0; i < e->count; i++) range_scan(el, env, e->items[i], index, range, extended);
    if (base->kind != AST_NAME) range_scan(el, env, base, index, range, extended);
}

// A condition on other things than the index does not keep a read inside: its sides are looked at when
// nothing else gives a range.
static void scan_condition(Elaborator *el, Env *env, const Node *e, const char *index, Range *range,
                           bool extended) {
    range_scan(el, env, e->condition, index, range, extended);
    if (!condition_is_known(el, env, e->condition)) {
        if (!extended || node_names(e->condition, index)) return;
        range_scan(el, env, e->value, index, range, extended);
        range_scan(el, env, e->otherwise, index, range, extended);
        return;
    }
    SemaValue c;
    int known = condition_of(el, env, e->condition, &c);
    if (known < 0) return;
    range_scan(el, env, known ? e->value : e->otherwise, index, range, extended);
}

bool condition_is_known(Elaborator *el, const Env *env, const Node *e) {
    if (!e) return true;
    if (e->kind == AST_NAME) {
        const Name *n = env_name(env, e->name);
        if (n) return !n->pending && !n->index && !n->slot && n->value.kind == SEMA_NUMBER;
        const Node *define = definition_of(el, env, e->name);
        return define ? define->kind == AST_CONSTANT || define->kind == AST_DEFINE
                      : !map_get(el->words, e->name);
    }
    if (e->kind == AST_INDEX || e->kind == AST_REDUCE || e->kind == AST_PIPE || e->kind == AST_MEMBER)
        return false;
    for (int i = 0; i < node_children(e); i++)
        if (!condition_is_known(el, env, node_child(e, i))) return false;
    return true;
}

void range_scan(Elaborator *el, Env *env, const Node *e, const char *index, Range *range, bool extended) {
    if (!e) return;
    if (e->kind == AST_INDEX) {
        scan_index(el, env, e, index, range, extended);
        return;
    }
    if (e->kind == AST_REDUCE) {
        Env *inner = env_of_reduction(env, e);
        if (map_get(inner->names, index)) return;
        for (int i = 0; i < e->count; i++)
            if (e->items[i]->kind == AST_IF)
                range_scan(el, inner, e->items[i]->condition, index, range, extended);
        range_scan(el, inner, e->operand, index, range, extended);
        return;
    }
    if (e->kind == AST_IF) {
        scan_condition(el, env, e, index, range, extended);
        return;
    }
    if (e->kind == AST_BINARY && (e->op == OPERATOR_AND || e->op == OPERATOR_OR)) {
        range_scan(el, env, e->left, index, range, extended);
        if (condition_is_known(el, env, e->left)) range_scan(el, env, e->right, index, range, extended);
        return;
    }
    for (int i = e->kind == AST_CALL; i < node_children(e); i++)
        range_scan(el, env, node_child(e, i), index, range, extended);
}

static Range range_in(Elaborator *el, Env *env, const Node *const *texts, int count, const char *index) {
    Range range = {.found = false};
    for (int extended = 0; extended < 2 && !range.found; extended++)
        for (int i = 0; i < count; i++) range_scan(el, env, texts[i], index, &range, extended);
    return range;
}

bool range_given(Elaborator *el, Env *env, const Node *const *texts, int count, const char *index) {
    Range range = range_in(el, env, texts, count, index);
    return range.found || range.poisoned;
}

bool range_of(Elaborator *el, Env *env, const Node *const *texts, int count, const char *index, Span span,
              Dim *dim) {
    Range range = range_in(el, env, texts, count, index);
    if (range.poisoned) return false;
    if (!range.found) {
        Diagnostic *d = fail(el, env, INDEX_WITHOUT_RANGE, span, index);
        diagnostic_help(el->session->ctx, d, "state it, as in `%s < 10`", index);
        return false;
    }
    if (range.conflict) {
        Diagnostic *d = fail(el, env, INDEX_RANGES, range.other_span, index, dims_text(el, &range.dim, 1),
                             dims_text(el, &range.other, 1));
        diagnostic_note(el->session->ctx, d, range.span, "here it runs over a dimension of size %s",
                        dims_text(el, &range.dim, 1));
        diagnostic_note(el->session->ctx, d, range.other_span, "here over one of size %s",
                        dims_text(el, &range.other, 1));
        return false;
    }
    *dim = range.dim;
    return true;
}
