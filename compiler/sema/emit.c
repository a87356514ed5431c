// Writes equations: values that get a tensor of their own, reductions, totals over the whole of the data.
// Guarantees: an equation has at most one reduction; what is lifted out of a condition carries the
// condition's guards, so that it reads nothing outside.
#include <math.h>

#include "sema/values.h"

bool expr_is_simple(const Expr *e) {
    return e->op == OP_READ || e->op == OP_CONST || e->op == OP_INDEX || e->op == OP_AFFINE ||
           e->op == OP_ROWS;
}

// ---- which indices and conditions an expression stands under ----

typedef struct {
    const Index *data[MAX_RANK * 4];
    int count;
} Indices;

static bool holds(const Indices *set, const Index *index) {
    for (int i = 0; i < set->count; i++)
        if (set->data[i] == index) return true;
    return false;
}

static void add_index(Indices *set, const Index *index) {
    if (!holds(set, index) && set->count < (int)(sizeof set->data / sizeof *set->data))
        set->data[set->count++] = index;
}

// Does any part of the expression pass the test? Every part is looked at once.
typedef bool PartTest(const Expr *e);

static bool part_passes(Arena *arena, Table *seen, const Expr *e, PartTest *test) {
    if (table_get(seen, e)) return false;
    table_set(arena, seen, e, seen);
    if (test(e)) return true;
    for (int i = 0; i < e->count; i++)
        if (part_passes(arena, seen, e->args[i], test)) return true;
    for (int i = 0; e->op == OP_AFFINE && i < e->form->count; i++)
        if (part_passes(arena, seen, e->form->terms[i].atom, test)) return true;
    return false;
}

static bool any_part(const Elaborator *el, const Expr *e, PartTest *test) {
    Table seen = {0};
    return part_passes(el->session->arena, &seen, e, test);
}

// Could it be infinite or NaN where its parts are not?
static bool is_risky(const Expr *e) {
    if (e->op == OP_PRODUCT)
        for (int i = 0; i < e->count; i++)
            if (e->exponents[i] < 0) return true;
    return e->op == OP_DIV || e->op == OP_POW || e->op == OP_EXP || e->op == OP_EXPM1 || e->op == OP_LOG ||
           e->op == OP_LOG1P || e->op == OP_SQRT || e->op == OP_ERFINV ||
           (e->op == OP_CONST && !isfinite(e->value));
}

static bool is_rows(const Expr *e) { return e->op == OP_ROWS; }

static bool shares_index(const Expr *e, const Indices *own, const Affine *form) {
    for (int k = 0; k < e->free_count; k++)
        if (!holds(own, e->free[k]) && affine_depends(form, e->free[k])) return true;
    return false;
}

static bool has_index(const Expr *e, const Index *index) {
    for (int i = 0; i < e->free_count; i++)
        if (e->free[i] == index) return true;
    return false;
}

// Does the form hold only indices of the expression?
static bool is_within(const Affine *form, const Expr *e) {
    for (int i = 0; i < form->count; i++)
        for (int k = 0; k < form->terms[i].atom->free_count; k++)
            if (!has_index(e, form->terms[i].atom->free[k])) return false;
    return true;
}

// Are all reads inside under these guards alone? Reads that carry guards of their own count as outside.
static bool reads_inside(Elaborator *el, const Expr *e, const Guard *guards, int count) {
    for (int i = 0; i < e->read_count; i++) {
        const Expr *read = e->reads[i];
        for (int d = 0; d < read->guard_count; d++)
            if (!(read->tensor->batch_dims >> d & 1) &&
                !form_inside_under(el, read->forms[d], read->tensor->dims[d], guards, count))
                return false;
    }
    return true;
}

// The expression under what is known here about its free indices but `own`: 0 elsewhere. What speaks of other
// indices too is taken along only where a read needs it, since the tensor would have them as dimensions.
static const Expr *under_facts(Elaborator *el, const Expr *e, const Indices *own) {
    Program *p = el->session->program;
    Guard guards[MAX_FACTS];
    int count = 0;
    for (int wide = 0; wide < 2; wide++) {
        for (int i = 0; i < el->tables->facts.count; i++) {
            Guard g = el->tables->facts.data[i];
            if (shares_index(e, own, g.form) && is_within(g.form, e) != (wide == 1)) guards[count++] = g;
        }
        if (wide || reads_inside(el, e, guards, count)) break;
    }
    const Expr *zero = e->type == TYPE_REAL || e->type == TYPE_DOUBLE ? expr_const(p, 0) : expr_int(p, 0);
    const Expr *given = e;
    bool risky = el->tables->conditions.count && any_part(el, e, is_risky);
    for (int i = 0; i < el->tables->conditions.count && risky; i++) {
        const Expr *condition = el->tables->conditions.data[i];
        bool within = true;
        for (int k = 0; k < condition->free_count; k++)
            within = within && has_index(given, condition->free[k]) && !holds(own, condition->free[k]);
        if (within) e = expr_condition(p, condition, e, zero);
    }
    return count ? expr_where(p, guards, count, e, zero) : e;
}

// ---- the draws of what becomes a tensor ----

// A row of data by its number among those that one number of the batch counts, whatever block it is made in.
const Affine *draw_row(const Elaborator *el) {
    Program *p = el->session->program;
    const Expr *first = expr_read(p, el->first_row, NULL, el->first_row->origin);
    return affine_add(p, affine_atom(p, first), affine_index(p, el->row));
}

static const Affine *row_major(const Elaborator *el, const Index *const *indices, int count) {
    Program *p = el->session->program;
    const Affine *form = affine_constant(p, 0);
    for (int i = 0; i < count; i++)
        form = affine_add(p, affine_scale(p, form, indices[i]->size, 1),
                          indices[i] == el->row ? draw_row(el) : affine_index(p, indices[i]));
    return form;
}

static const Expr *number_draws(Elaborator *el, const Expr *e, const Indices *all) {
    const Index *element = el->tables->element;
    if (!expr_depends(e, element)) return e;
    Indices own = {.count = 0};
    for (int i = 0; i < all->count; i++)
        if (all->data[i] != element) add_index(&own, all->data[i]);
    Binding binding = {element, row_major(el, own.data, own.count)};
    return expr_substitute(el->session->program, e, &binding, 1);
}

// ---- equations ----

Side side_of_tensor(const Elaborator *el, const Tensor *t) {
    uintptr_t known = (uintptr_t)table_get(&el->tables->sides, t);
    if (known) return (Side)(known - 1);
    if (t->kind == TENSOR_TOTAL) return SIDE_END;
    if (t->kind == TENSOR_SOURCE) return SIDE_SECOND;
    bool fixed = t->kind == TENSOR_CLOCK || t->kind == TENSOR_SETTING || t->kind == TENSOR_RUN ||
                 t->kind == TENSOR_PARAM || t->kind == TENSOR_STATE;
    return fixed && !t->batch_dims ? SIDE_BOTH : SIDE_BATCH;
}

// Is it made of totals: of a whole part of the data, at its end?
bool value_is_total(const Elaborator *el, SemaValue v) {
    const Expr *e = v.kind == SEMA_TENSOR ? v.array->e : v.e;
    for (int i = 0; el->totals && i < e->read_count; i++) {
        Side side = side_of_tensor(el, e->reads[i]->tensor);
        if (side == SIDE_END || side == SIDE_LAST) return true;
    }
    return false;
}

static void set_side(Elaborator *el, const Tensor *t, Side side) {
    table_set(el->session->arena, &el->tables->sides, t, (void *)((uintptr_t)side + 1));
}

void tensor_is_total(Elaborator *el, const Tensor *t) { set_side(el, t, SIDE_END); }

// The number of a row as a value: in a batch it would count from the batch's beginning.
static bool numbers_rows(const Expr *e) {
    bool found = e->op == OP_INDEX && e->index->batch;
    for (int i = 0; e->op == OP_WHERE && i < e->guard_count; i++)
        for (int k = 0; k < e->guards[i].form->count; k++)
            found = found || numbers_rows(e->guards[i].form->terms[k].atom);
    return found;
}

// False after a message: rows are seen twice at most.
static bool side_of(Elaborator *el, const Env *env, const Expr *e, Side *side, Span span) {
    bool now = any_part(el, e, is_rows) || e->has_draw, batch = now, reads[SIDES] = {false};
    for (int i = 0; i < e->free_count; i++) batch = batch || e->free[i]->batch;
    for (int i = 0; i < e->read_count; i++) reads[side_of_tensor(el, e->reads[i]->tensor)] = true;
    batch = batch || reads[SIDE_BATCH];
    bool again = reads[SIDE_SECOND] || (batch && (reads[SIDE_END] || any_part(el, e, numbers_rows)));
    *side = reads[SIDE_LAST]  ? SIDE_LAST
            : again           ? SIDE_SECOND
            : reads[SIDE_END] ? SIDE_END
            : batch           ? SIDE_BATCH
                              : SIDE_BOTH;
    if (reads[SIDE_LAST] ? !batch && !again : !again || (!now && !el->totals->once)) return true;
    return fail_false(el, env, METRIC_NESTED, span, "");
}

static void write_to(Elaborator *el, const Env *env, Function *f, Tensor *t, const Draft *d, Span span) {
    if (!f) return;
    const Origin *origin = origin_new(el->session->arena, span, env->frame->path, env->frame->origin);
    if (!t->origin) t->origin = origin;
    equation_add(el->session->program, f, t, d->out, d->parts.reduction, d->parts.indices, d->parts.count,
                 d->parts.e, origin);
}

static void write(Elaborator *el, const Env *env, Tensor *t, const Draft *d, Span span) {
    Side side = SIDE_BATCH;
    Draft second = *d;
    if (el->totals) {
        if (!side_of(el, env, d->parts.e, &side, span)) return;
        set_side(el, t, side);
    }
    if (side >= SIDE_END && t->type == TYPE_REAL) t->type = TYPE_DOUBLE;
    if (side == SIDE_SECOND && !(second.parts.e = expr_second(el, d->parts.e))) {
        fail(el, env, METRIC_NESTED, span, "");
        return;
    }
    bool rows = side == SIDE_BATCH, last = side == SIDE_LAST, end = el->totals && el->totals->end;
    if (side <= SIDE_BATCH) write_to(el, env, el->function, t, d, span);
    if (el->totals && !rows && !last) write_to(el, env, el->second, t, &second, span);
    if (end && !rows && side != SIDE_SECOND) write_to(el, env, el->totals->end, t, d, span);
}

void equation_emit(Elaborator *el, const Env *env, Tensor *t, const Affine *const *out, const Reduced *parts,
                   Span span) {
    Draft d = {.out_count = t->rank, .parts = *parts};
    for (int i = 0; i < t->rank; i++) d.out[i] = out[i];
    equation_split(el->session->program, d.out, d.out_count, &d.parts);
    write(el, env, t, &d, span);
}

// A new tensor over these indices; NULL after a message. Data are calculated in double.
static Tensor *new_tensor(Elaborator *el, const Env *env, const char *name, TensorKind kind, Type type,
                          const Indices *all, Span span) {
    if (el->row && kind == TENSOR_TEMP && type == TYPE_REAL) type = TYPE_DOUBLE;
    if (all->count > MAX_RANK) {
        fail(el, env, RANK_LIMIT, span, MAX_RANK);
        return NULL;
    }
    Dim dims[MAX_RANK];
    for (int i = 0; i < all->count; i++) dims[i] = (Dim){all->data[i]->size, all->data[i]->batch};
    return tensor_of_dims(el->session->program, name, kind, type, dims, all->count);
}

// The indices under which an expression stands; the draws of data are each row's own.
static Indices outer_of(const Elaborator *el, const Expr *e, const Indices *own) {
    Indices outer = {.count = 0};
    if (el->row && e->has_draw && !holds(own, el->row)) add_index(&outer, el->row);
    for (int i = 0; i < e->free_count; i++)
        if (!holds(own, e->free[i]) && e->free[i] != el->tables->element) add_index(&outer, e->free[i]);
    return outer;
}

static bool reads_clock_only(const Elaborator *el, const Expr *e) {
    if (e->free_count || e->has_draw || !e->read_count) return false;
    for (int i = 0; i < e->read_count; i++) {
        const Tensor *t = e->reads[i]->tensor;
        if (t->rank || t->type != TYPE_DOUBLE) return false;
        if (t->kind != TENSOR_CLOCK && t->kind != TENSOR_SETTING && t->kind != TENSOR_RUN &&
            !table_get(&el->tables->clock_side, t))
            return false;
    }
    return true;
}

// Emits the array with the outer indices of its expression before its own; `outer` gets them.
static Tensor *emit(Elaborator *el, const Env *env, const char *name, TensorKind kind, int type,
                    const Array *a, Indices *outer, Span span) {
    Program *p = el->session->program;
    Indices own = {.count = 0};
    for (int i = 0; i < a->rank; i++) add_index(&own, a->indices[i]);
    const Expr *e = under_facts(el, a->e, &own);
    *outer = outer_of(el, e, &own);
    Indices all = *outer;
    for (int i = 0; i < a->rank; i++) add_index(&all, a->indices[i]);
    e = number_draws(el, e, &all);
    Type t_type = type >= 0 ? (Type)type : (Type)e->type;
    if (type < 0 && t_type == TYPE_REAL && all.count == 0) t_type = TYPE_DOUBLE;
    if (type < 0 && t_type == TYPE_DOUBLE && all.count > 0) t_type = TYPE_REAL;
    Tensor *t = new_tensor(el, env, name, kind, t_type, &all, span);
    if (!t) return NULL;
    tensor_bound(t, e);
    if (reads_clock_only(el, e)) table_set(el->session->arena, &el->tables->clock_side, t, t);
    const Affine *out[MAX_RANK];
    for (int i = 0; i < all.count; i++) out[i] = affine_index(p, all.data[i]);
    Reduced parts = {.reduction = REDUCE_NONE, .e = e};
    equation_emit(el, env, t, out, &parts, span);
    return t;
}

Tensor *tensor_emit(Elaborator *el, const Env *env, const char *name, TensorKind kind, int type,
                    const Array *a, Span span) {
    Indices outer;
    return emit(el, env, name, kind, type, a, &outer, span);
}

static const Expr *read_at(Elaborator *el, Tensor *t, const Indices *outer, const Index *const *own,
                           int rank) {
    Program *p = el->session->program;
    const Affine *forms[MAX_RANK * 2];
    int count = 0;
    for (int i = 0; i < outer->count; i++) forms[count++] = affine_index(p, outer->data[i]);
    for (int i = 0; i < rank; i++) forms[count++] = affine_index(p, own[i]);
    return expr_read(p, t, forms, t->origin);
}

// A read whose subscripts are indices and numbers, or no read at all: nothing is gained by a tensor of its
// own.
static bool is_plain(const Expr *e) {
    if (e->op != OP_READ)
        return e->read_count == 0 && !e->has_draw &&
               (e->op == OP_CONST || e->op == OP_INDEX || e->op == OP_AFFINE);
    for (int d = 0; d < e->guard_count; d++)
        if (!affine_only(e->forms[d]) && !affine_is_constant(e->forms[d])) return false;
    return true;
}

SemaValue value_emit(Elaborator *el, const Env *env, SemaValue v, const char *name, Span span) {
    Indices outer;
    Tensor *t = emit(el, env, name, TENSOR_TEMP, -1, v.array, &outer, span);
    if (!t) return value_error();
    Array a = *v.array;
    for (int d = 0; d < a.rank; d++) a.indices[d] = index_of(el, v.array->indices[d]->name, a.dims[d]);
    a.e = read_at(el, t, &outer, a.indices, a.rank);
    SemaValue out = value_array(el->session, &a);
    return out;
}

static SemaValue scalar_emit(Elaborator *el, const Env *env, SemaValue v, const char *name, Span span) {
    Array a = {.rank = 0, .e = v.e};
    Indices outer;
    Tensor *t = emit(el, env, name, TENSOR_TEMP, -1, &a, &outer, span);
    if (!t) return value_error();
    SemaValue out = v;
    out.e = read_at(el, t, &outer, NULL, 0);
    out.type = (Type)out.e->type;
    return out;
}

SemaValue value_own(Elaborator *el, const Env *env, SemaValue v, const char *name, Span span) {
    return v.kind == SEMA_TENSOR   ? value_emit(el, env, v, name, span)
           : v.kind == SEMA_SCALAR ? scalar_emit(el, env, v, name, span)
                                   : v;
}

SemaValue value_store(Elaborator *el, const Env *env, SemaValue v, const char *name, Span span) {
    if (v.kind == SEMA_TENSOR)
        return is_plain(v.array->e) || v.array->filter ? v : value_emit(el, env, v, name, span);
    if (v.kind != SEMA_SCALAR || expr_is_simple(v.e) || (!v.e->read_count && !v.e->has_draw)) return v;
    if (env->frame->is_inline && !expr_too_large(v.e) && v.e->depth <= MAX_DEPTH / 2) return v;
    return scalar_emit(el, env, v, name, span);
}

static void add_value(Indices *set, SemaValue v, const Indices *own) {
    const Array *a = v.kind == SEMA_TENSOR ? v.array : NULL;
    const Expr *e = a ? a->e : v.kind == SEMA_SCALAR ? v.e : NULL;
    for (int i = 0; v.kind == SEMA_TUPLE && i < v.count; i++) add_value(set, v.items[i], own);
    for (int i = 0; e && i < e->free_count; i++) {
        bool outside = !holds(own, e->free[i]);
        for (int d = 0; a && d < a->rank; d++) outside = outside && a->indices[d] != e->free[i];
        if (outside) add_index(set, e->free[i]);
    }
}

// The pieces that follow may hold what the definition's names hold.
SemaValue pieces_create(Elaborator *el, const Env *env, const char *name, const Dim *dims, int rank,
                        const Affine *const *out, const Reduced *first, Span span) {
    Indices own = {.count = 0};
    add_index(&own, el->tables->element);
    for (int i = 0; i < first->count; i++) add_index(&own, first->indices[i]);
    for (int d = 0; d < rank; d++)
        for (int i = 0; i < out[d]->count; i++)
            for (int k = 0; k < out[d]->terms[i].atom->free_count; k++)
                add_index(&own, out[d]->terms[i].atom->free[k]);
    Indices all = outer_of(el, first->e, &own);
    for (const Env *scope = env; scope && scope->frame == env->frame; scope = scope->outer)
        for (int i = 0; i < map_count(scope->names); i++) {
            const Name *n = map_value(scope->names, i);
            add_value(&all, n->value, &own);
            if (n->loop && n->index && !holds(&own, n->index)) add_index(&all, n->index);
        }
    Indices outer = all;
    Array a = {.rank = rank};
    for (int d = 0; d < rank; d++) {
        a.dims[d] = dims[d];
        a.indices[d] = index_of(el, dimension_name(d), dims[d]);
        add_index(&all, a.indices[d]);
    }
    Tensor *t = new_tensor(el, env, name, TENSOR_TEMP, TYPE_REAL, &all, span);
    if (!t) return value_error();
    a.e = read_at(el, t, &outer, a.indices, rank);
    return value_array(el->session, &a);
}

void piece_emit(Elaborator *el, const Env *env, const Array *whole, const Affine *const *left,
                const Reduced *parts, Span span) {
    const Expr *read = whole->e;
    const Affine *out[MAX_RANK];
    Indices own = {.count = 0};
    int outer = read->tensor->rank - whole->rank;
    for (int d = 0; d < read->tensor->rank; d++) {
        out[d] = d < outer ? read->forms[d] : left[d - outer];
        for (int i = 0; d >= outer && i < out[d]->count; i++)
            for (int k = 0; k < out[d]->terms[i].atom->free_count; k++)
                add_index(&own, out[d]->terms[i].atom->free[k]);
    }
    for (int i = 0; i < parts->count; i++) add_index(&own, parts->indices[i]);
    Reduced inside = *parts;
    inside.e = under_facts(el, parts->e, &own);
    equation_emit(el, env, read->tensor, out, &inside, span);
}

// A number that only clock and settings decide, met by something else: it is computed once, in double.
SemaValue value_hoist(Elaborator *el, const Env *env, SemaValue v, Span span) {
    if (v.kind != SEMA_SCALAR || expr_is_simple(v.e) || !reads_clock_only(el, v.e)) return v;
    if (v.e->type == TYPE_BOOL) return v;
    Tensor *t = table_get(&el->tables->hoisted, v.e);
    if (!t) {
        Array a = {.rank = 0, .e = v.e};
        t = tensor_emit(el, env, el->tables->hint ? el->tables->hint : "clock", TENSOR_TEMP, TYPE_DOUBLE, &a,
                        span);
        if (!t) return value_error();
        table_set(el->session->arena, &el->tables->hoisted, v.e, t);
    }
    SemaValue out = v;
    out.e = expr_read(el->session->program, t, NULL, t->origin);
    out.type = TYPE_DOUBLE;
    return out;
}

bool value_is_of_clock(const Elaborator *el, SemaValue v) {
    return v.kind == SEMA_SCALAR && reads_clock_only(el, v.e);
}

// ---- reductions ----

// A total over all batches: found again by its name.
static Tensor *total_of(Elaborator *el, const Indices *outer, Reduction r) {
    Program *p = el->session->program;
    Totals *totals = el->totals;
    const char *name = string_format(p->arena, "%s.total_%d", totals->name, ++totals->count);
    Tensor *t = tensor_find(p, name);
    if (!t) {
        int64_t dims[MAX_RANK];
        for (int i = 0; i < outer->count && i < MAX_RANK; i++) dims[i] = outer->data[i]->size;
        t = tensor_add(p, name, TENSOR_TOTAL, TYPE_DOUBLE, outer->count, dims);
        t->start = r == REDUCE_MAX    ? -(double)INFINITY
                   : r == REDUCE_MIN  ? (double)INFINITY
                   : r == REDUCE_PROD ? 1
                                      : 0;
        vec_push(p->arena, &totals->tensors, t);
    }
    return t;
}

// Adds a batch's part to its total, in the pass that computes it; gives the total's element.
static const Expr *add_total(Elaborator *el, const Env *env, const Expr *part, const Indices *outer,
                             Reduction r, Span span) {
    Program *p = el->session->program;
    Tensor *total = total_of(el, outer, r);
    const Expr *before = read_at(el, total, outer, NULL, 0);
    const Expr *after = r == REDUCE_MAX    ? expr_binary(p, OP_MAX, before, part)
                        : r == REDUCE_MIN  ? expr_binary(p, OP_MIN, before, part)
                        : r == REDUCE_PROD ? expr_mul(p, before, part)
                                           : expr_add(p, before, part);
    Draft d = {.out_count = outer->count, .parts = {.reduction = REDUCE_NONE, .e = after}};
    for (int i = 0; i < outer->count; i++) d.out[i] = affine_index(p, outer->data[i]);
    Function *f = el->function;
    if (part->op == OP_READ && side_of_tensor(el, part->tensor) == SIDE_SECOND) {
        set_side(el, total, SIDE_LAST);
        f = el->second;
    }
    Tensor *next = new_tensor(el, env, string_format(p->arena, "%s.next", total->name), TENSOR_TEMP,
                              TYPE_DOUBLE, outer, span);
    write_to(el, env, f, next, &d, span);
    vec_push(p->arena, &f->effects, (Effect){total, next});
    return before;
}

static Type reduction_type(const Reduced *parts, int outer) {
    switch (parts->reduction) {
    case REDUCE_ARGMAX:
    case REDUCE_ARGMIN:
    case REDUCE_ORDER: return TYPE_INT;
    case REDUCE_MAX:
    case REDUCE_MIN:
        if (type_is_whole(parts->e->type)) return (Type)parts->e->type;
        return outer ? TYPE_REAL : TYPE_DOUBLE;
    case REDUCE_NONE:
    case REDUCE_SUM:
    case REDUCE_PROD: return outer ? TYPE_REAL : TYPE_DOUBLE;
    }
    return TYPE_REAL;
}

// A sum of one number is that number so often as there are terms.
static const Expr *constant_sum(Elaborator *el, const Env *env, const Reduced *parts, Span span) {
    Program *p = el->session->program;
    const Expr *e = parts->e;
    for (int i = 0; i < parts->count; i++)
        e = expr_mul(
            p, e, parts->indices[i]->batch ? rows_expr(el, env, span) : expr_int(p, parts->indices[i]->size));
    return e;
}

const Expr *reduction_emit(Elaborator *el, const Env *env, const Reduced *given, Span span) {
    Program *p = el->session->program;
    Reduced parts = *given;
    if (parts.reduction == REDUCE_SUM && parts.e->op == OP_CONST) return constant_sum(el, env, &parts, span);
    Indices own = {.count = 0};
    for (int i = 0; i < parts.count; i++) add_index(&own, parts.indices[i]);
    parts.e = under_facts(el, parts.e, &own);
    if (expr_depends(parts.e, el->tables->element)) {
        fail(el, env, DRAW_IN_REDUCTION, span, "");
        return NULL;
    }
    Indices outer = outer_of(el, parts.e, &own);
    const char *hint = el->tables->hint ? el->tables->hint : env->frame->path[0] ? env->frame->path : "value";
    Tensor *t = new_tensor(el, env, string_format(p->arena, "%s.%s", hint, reduction_word(parts.reduction)),
                           TENSOR_TEMP, reduction_type(&parts, outer.count), &outer, span);
    if (!t) return NULL;
    reduction_bounds(t, &parts);
    const Affine *out[MAX_RANK];
    for (int i = 0; i < outer.count; i++) out[i] = affine_index(p, outer.data[i]);
    bool over_batch = false;
    for (int i = 0; i < parts.count; i++) over_batch = over_batch || parts.indices[i]->batch;
    if (el->totals && over_batch) t->type = TYPE_DOUBLE;
    equation_emit(el, env, t, out, &parts, span);
    const Expr *read = read_at(el, t, &outer, NULL, 0);
    if (!el->totals || !over_batch) return read;
    if (parts.reduction == REDUCE_ARGMAX || parts.reduction == REDUCE_ARGMIN) {
        fail(el, env, METRIC_POSITION, span, reduction_word(parts.reduction));
        return NULL;
    }
    return add_total(el, env, read, &outer, parts.reduction, span);
}

void reduction_bounds(Tensor *t, const Reduced *parts) {
    if (parts->reduction == REDUCE_ARGMAX || parts->reduction == REDUCE_ARGMIN) {
        int64_t count = 1;
        for (int i = 0; i < parts->count; i++) count *= parts->indices[i]->size;
        t->bounded = true;
        t->low = 0;
        t->high = count - 1;
    } else if (parts->reduction == REDUCE_MAX || parts->reduction == REDUCE_MIN) {
        tensor_bound(t, parts->e);
    }
}

// order(x[.., n]) along a dimension that is not the batch: int[.., n].
SemaValue order_emit(Elaborator *el, const Env *env, SemaValue v, Span span) {
    Program *p = el->session->program;
    if (!is_plain(v.array->e) || v.array->e->op != OP_READ || el->tables->facts.count)
        v = value_emit(el, env, v, value_name(el, env, v), span);
    if (v.kind == SEMA_ERROR) return v;
    Array a = *v.array;
    int last = a.rank - 1;
    const Index *place = a.indices[last], *r = index_of(el, place->name, a.dims[last]);
    Binding binding = {place, affine_index(p, r)};
    Indices own = {.count = 0};
    add_index(&own, r);
    const Expr *x = expr_substitute(p, a.e, &binding, 1);
    for (int d = 0; d < a.rank; d++) add_index(&own, a.indices[d]);
    Indices outer = outer_of(el, x, &own), all = outer;
    for (int d = 0; d < a.rank; d++) add_index(&all, a.indices[d]);
    Tensor *t = new_tensor(el, env, value_name(el, env, v), TENSOR_TEMP, TYPE_INT, &all, span);
    if (!t) return value_error();
    t->bounded = true;
    t->high = a.dims[last].size - 1;
    Reduced parts = {.reduction = REDUCE_ORDER, .indices = {r}, .count = 1};
    parts.e = expr_binary(p, OP_AT, x, expr_index(p, place));
    const Affine *out[MAX_RANK];
    for (int i = 0; i < all.count; i++) out[i] = affine_index(p, all.data[i]);
    equation_emit(el, env, t, out, &parts, span);
    a.e = read_at(el, t, &outer, a.indices, a.rank);
    return value_array(el->session, &a);
}

// The true number of rows: of the batch, or with totals of the whole part.
const Expr *rows_expr(Elaborator *el, const Env *env, Span span) {
    if (!el->totals) return expr_rows(el->session->program);
    if (!el->tables->rows_total) {
        Indices none = {.count = 0};
        el->tables->rows_total = add_total(el, env, expr_rows(el->session->program), &none, REDUCE_SUM, span);
    }
    return el->tables->rows_total;
}
