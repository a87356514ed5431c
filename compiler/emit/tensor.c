// Writes equations: values that get a tensor of their own, reductions, orders.
// Guarantees: an equation has at most one reduction; what is lifted out of a condition carries the
// condition's guards, so that it reads nothing outside; a tensor with a loop's time is made step by step.
#include "emit/write.h"

#include <math.h>

static bool is_simple(const Expr *e) {
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

static Indices indices_of(const Index *const *data, int count) {
    Indices set = {.count = 0};
    for (int i = 0; i < count; i++) add_index(&set, data[i]);
    return set;
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

static bool any_risky(Arena *arena, Table *seen, const Expr *e) {
    if (table_get(seen, e)) return false;
    table_set(arena, seen, e, seen);
    if (is_risky(e)) return true;
    for (int i = 0; i < e->count; i++)
        if (any_risky(arena, seen, e->args[i])) return true;
    for (int i = 0; e->op == OP_AFFINE && i < e->form->count; i++)
        if (any_risky(arena, seen, e->form->terms[i].atom)) return true;
    return false;
}

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
static bool reads_inside(const Emitter *m, const Expr *e, const Guard *guards, int count) {
    for (int i = 0; i < e->read_count; i++) {
        const Expr *read = e->reads[i];
        for (int d = 0; d < read->guard_count; d++)
            if (!(read->tensor->batch_dims >> d & 1) &&
                !form_stays_under(m, read->forms[d], read->tensor->dims[d], guards, count))
                return false;
    }
    return true;
}

// The guards in force that speak of the expression's indices but `own`. What speaks of other indices too is
// taken along only where a read needs it, since the tensor would have them as dimensions.
static int guards_around(At at, const Expr *e, const Indices *own, Guard *guards) {
    const Guard *facts;
    int known = facts_guards(at.facts, &facts, at.m->arena), count = 0;
    for (int wide = 0; wide < 2; wide++) {
        for (int i = 0; i < known; i++)
            if (shares_index(e, own, facts[i].form) && is_within(facts[i].form, e) != (wide == 1))
                guards[count++] = facts[i];
        if (wide || reads_inside(at.m, e, guards, count)) break;
    }
    return count;
}

// Under the other conditions in force, from the innermost on the outermost last.
static const Expr *under_conditions(At at, const Fact *fact, const Expr *given, const Indices *own,
                                    const Expr *zero, const Expr *e) {
    if (!fact) return e;
    e = under_conditions(at, fact->outer, given, own, zero, e);
    if (!fact->condition) return e;
    bool within = true;
    for (int k = 0; k < fact->condition->free_count; k++)
        within =
            within && has_index(given, fact->condition->free[k]) && !holds(own, fact->condition->free[k]);
    return within ? expr_condition(at.m->p, fact->condition, e, zero) : e;
}

// The expression under what is known here about its free indices but `own`: 0 elsewhere.
static const Expr *under_facts(At at, const Expr *e, const Indices *own) {
    if (!at.facts) return e;
    Program *p = at.m->p;
    Guard guards[MAX_FACTS];
    int count = guards_around(at, e, own, guards);
    const Expr *zero = e->type == TYPE_REAL || e->type == TYPE_DOUBLE ? expr_const(p, 0) : expr_int(p, 0);
    if (at.facts->conditions && any_risky(at.m->arena, &(Table){0}, e))
        e = under_conditions(at, at.facts, e, own, zero, e);
    return count ? expr_where(p, guards, count, e, zero) : e;
}

// ---- the draws of what becomes a tensor ----

// A row of data by its number among those that one number of the batch counts, whatever block it is made in.
const Affine *row_number(At at) {
    Program *p = at.m->p;
    const Tensor *first = at.to->first_row;
    return affine_add(p, affine_atom(p, expr_read(p, at.to->first_row, NULL, first->origin)),
                      affine_index(p, at.to->row));
}

static const Expr *number_draws(At at, const Expr *e, const Indices *all) {
    Program *p = at.m->p;
    if (!expr_depends(e, at.m->element)) return e;
    const Affine *form = affine_constant(p, 0);
    for (int i = 0; i < all->count; i++) {
        const Index *index = all->data[i];
        if (index == at.m->element) continue;
        form = affine_add(p, affine_scale(p, form, index->size, 1),
                          index == at.to->row ? row_number(at) : affine_index(p, index));
    }
    Binding binding = {at.m->element, form};
    return expr_substitute(p, e, &binding, 1);
}

// ---- equations ----

// A tensor of a loop has its time as the index of one dimension, alone; of loops in each other the innermost
// that it has the time of makes it.
static void set_step(At at, Tensor *t, const Affine *const *out) {
    for (const Loop *loop = at.loop; loop && !t->step; loop = loop->outer)
        for (int d = 0; d < t->rank; d++) {
            if (affine_only(out[d]) != loop->time) continue;
            t->step = loop->way;
            t->along = (int8_t)d;
        }
}

void equation_write(At at, Tensor *t, const Affine *const *out, const Reduced *given, Span span) {
    const Affine *own[MAX_RANK];
    Reduced parts = *given;
    for (int d = 0; d < t->rank; d++) own[d] = out[d];
    set_step(at, t, out);
    equation_split(at.m->p, own, t->rank, &parts);
    const Origin *origin = origin_at(at.m, span, at.frame->path, at.frame->origin);
    if (!t->origin) t->origin = origin;
    equation_add(at.m->p, at.to->function, t, own, parts.reduction, parts.indices, parts.count, parts.e,
                 origin);
}

// A new tensor over these indices; NULL after a message. Data are calculated in double.
static Tensor *new_tensor(At at, const char *name, TensorKind kind, Type type, const Indices *all,
                          Span span) {
    if (at.to->row && kind == TENSOR_TEMP && type == TYPE_REAL) type = TYPE_DOUBLE;
    if (all->count > MAX_RANK) {
        report(at, RANK_LIMIT, span, MAX_RANK);
        return NULL;
    }
    Extent dims[MAX_RANK];
    for (int i = 0; i < all->count; i++) dims[i] = (Extent){all->data[i]->size, all->data[i]->batch};
    return tensor_over(at.m, name, kind, type, dims, all->count);
}

static void write_over(At at, Tensor *t, const Indices *all, const Reduced *parts, Span span) {
    const Affine *out[MAX_RANK];
    for (int i = 0; i < all->count; i++) out[i] = affine_index(at.m->p, all->data[i]);
    equation_write(at, t, out, parts, span);
}

// The indices under which an expression stands; the draws of data are each row's own.
static Indices outer_of(At at, const Expr *e, const Indices *own) {
    Indices outer = {.count = 0};
    if (at.to->row && e->has_draw && !holds(own, at.to->row)) add_index(&outer, at.to->row);
    for (int i = 0; i < e->free_count; i++)
        if (!holds(own, e->free[i]) && e->free[i] != at.m->element) add_index(&outer, e->free[i]);
    return outer;
}

static bool reads_clock_only(At at, const Expr *e) {
    if (e->free_count || e->has_draw || !e->read_count) return false;
    for (int i = 0; i < e->read_count; i++) {
        const Tensor *t = e->reads[i]->tensor;
        if (t->rank || t->type != TYPE_DOUBLE) return false;
        if (t->kind != TENSOR_CLOCK && t->kind != TENSOR_SETTING && t->kind != TENSOR_RUN &&
            !table_get(&at.to->clock, t))
            return false;
    }
    return true;
}

void tensor_bounds(Tensor *t, const Expr *e) {
    int64_t low, high;
    if (expr_integer_bounds(e, &low, &high)) t->bounded = true, t->low = low, t->high = high;
}

// Writes the array with the outer indices of its expression before its own; `outer` gets them.
static Tensor *write_array(At at, const char *name, TensorKind kind, int type, const Array *a, Indices *outer,
                           Span span) {
    Indices own = indices_of(a->indices, a->rank);
    const Expr *e = under_facts(at, a->e, &own);
    *outer = outer_of(at, e, &own);
    Indices all = *outer;
    for (int i = 0; i < a->rank; i++) add_index(&all, a->indices[i]);
    e = number_draws(at, e, &all);
    Type own_type = type >= 0 ? (Type)type : (Type)e->type;
    if (type < 0 && own_type == TYPE_REAL && all.count == 0) own_type = TYPE_DOUBLE;
    if (type < 0 && own_type == TYPE_DOUBLE && all.count > 0) own_type = TYPE_REAL;
    Tensor *t = new_tensor(at, name, kind, own_type, &all, span);
    if (!t) return NULL;
    tensor_bounds(t, e);
    if (reads_clock_only(at, e)) table_set(at.m->arena, &at.to->clock, t, t);
    Reduced parts = {.reduction = REDUCE_NONE, .e = e};
    write_over(at, t, &all, &parts, span);
    return t;
}

Tensor *tensor_write(At at, const char *name, TensorKind kind, int type, const Array *a, Span span) {
    Indices outer;
    return write_array(at, name, kind, type, a, &outer, span);
}

static const Expr *read_at(At at, Tensor *t, const Indices *outer, const Index *const *own, int rank) {
    const Affine *forms[MAX_RANK * 2];
    int count = 0;
    for (int i = 0; i < outer->count; i++) forms[count++] = affine_index(at.m->p, outer->data[i]);
    for (int i = 0; i < rank; i++) forms[count++] = affine_index(at.m->p, own[i]);
    return expr_read(at.m->p, t, forms, t->origin);
}

// ---- values ----

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

static Operand own_array(At at, Operand v, const char *name, Span span) {
    Indices outer;
    Tensor *t = write_array(at, name, TENSOR_TEMP, -1, v.array, &outer, span);
    if (!t) return operand_wrong();
    Array a = *v.array;
    for (int d = 0; d < a.rank; d++) a.indices[d] = index_over(at.m, v.array->indices[d]->name, a.dims[d]);
    a.e = read_at(at, t, &outer, a.indices, a.rank);
    return operand_array(at.m, &a);
}

static Operand own_scalar(At at, Operand v, const char *name, Span span) {
    Array a = {.rank = 0, .e = v.e};
    Indices outer;
    Tensor *t = write_array(at, name, TENSOR_TEMP, -1, &a, &outer, span);
    if (!t) return operand_wrong();
    v.e = read_at(at, t, &outer, NULL, 0);
    v.type = (Type)v.e->type;
    return v;
}

Operand operand_own(At at, Operand v, const char *name, Span span) {
    return v.kind == OPERAND_TENSOR   ? own_array(at, v, name, span)
           : v.kind == OPERAND_SCALAR ? own_scalar(at, v, name, span)
                                      : v;
}

Operand operand_store(At at, Operand v, const char *name, Span span) {
    if (v.kind == OPERAND_TENSOR)
        return is_plain(v.array->e) || v.array->filter ? v : own_array(at, v, name, span);
    if (v.kind != OPERAND_SCALAR || is_simple(v.e) || (!v.e->read_count && !v.e->has_draw)) return v;
    if (at.frame->numbers && !expr_too_large(v.e) && v.e->depth <= MAX_DEPTH / 2) return v;
    return own_scalar(at, v, name, span);
}

static void add_free(Indices *set, Operand v, const Indices *own) {
    const Array *a = v.kind == OPERAND_TENSOR ? v.array : NULL;
    const Expr *e = a ? a->e : v.kind == OPERAND_SCALAR ? v.e : NULL;
    for (int i = 0; v.kind == OPERAND_TUPLE && i < v.count; i++) add_free(set, v.items[i], own);
    for (int i = 0; e && i < e->free_count; i++) {
        bool outside = !holds(own, e->free[i]);
        for (int d = 0; a && d < a->rank; d++) outside = outside && a->indices[d] != e->free[i];
        if (outside) add_index(set, e->free[i]);
    }
}

// The pieces that follow may hold what the definition's names hold.
Operand pieces_open(At at, const char *name, const Extent *dims, int rank, const Affine *const *out,
                    const Reduced *first, Span span) {
    Indices own = indices_of(first->indices, first->count);
    add_index(&own, at.m->element);
    for (int d = 0; d < rank; d++)
        for (int i = 0; i < out[d]->count; i++)
            for (int k = 0; k < out[d]->terms[i].atom->free_count; k++)
                add_index(&own, out[d]->terms[i].atom->free[k]);
    Indices all = outer_of(at, first->e, &own);
    const Definition *define = at.frame->of->define;
    for (int i = 0; i < define->slots.count; i++)
        if (define->slots.data[i]->kind != SLOT_INDEX)
            add_free(&all, slot_operand(at, define->slots.data[i]), &own);
    Indices outer = all;
    Array a = {.rank = rank};
    for (int d = 0; d < rank; d++) {
        a.dims[d] = dims[d];
        a.indices[d] = index_over(at.m, name_of_dimension(d), dims[d]);
        add_index(&all, a.indices[d]);
    }
    Tensor *t = new_tensor(at, name, TENSOR_TEMP, TYPE_REAL, &all, span);
    if (!t) return operand_wrong();
    a.e = read_at(at, t, &outer, a.indices, rank);
    return operand_array(at.m, &a);
}

// A number that only clock and settings decide, met by something else: it is computed once, in double.
Operand operand_hoist(At at, Operand v, Span span) {
    if (!operand_is_of_clock(at, v) || is_simple(v.e) || v.e->type == TYPE_BOOL) return v;
    Tensor *t = table_get(&at.to->hoisted, v.e);
    if (!t) {
        Array a = {.rank = 0, .e = v.e};
        t = tensor_write(at, at.hint ? at.hint : "clock", TENSOR_TEMP, TYPE_DOUBLE, &a, span);
        if (!t) return operand_wrong();
        table_set(at.m->arena, &at.to->hoisted, v.e, t);
    }
    v.e = expr_read(at.m->p, t, NULL, t->origin);
    v.type = TYPE_DOUBLE;
    return v;
}

bool operand_is_of_clock(At at, Operand v) { return v.kind == OPERAND_SCALAR && reads_clock_only(at, v.e); }

// ---- reductions ----

static Type type_of_reduction(const Reduced *parts, int outer) {
    switch (parts->reduction) {
    case REDUCE_ARGMAX:
    case REDUCE_ARGMIN:
    case REDUCE_ORDER: return TYPE_INT;
    case REDUCE_MAX:
    case REDUCE_MIN:
        if (type_whole(parts->e->type)) return (Type)parts->e->type;
        break;
    case REDUCE_NONE:
    case REDUCE_SUM:
    case REDUCE_PROD: break;
    }
    return outer ? TYPE_REAL : TYPE_DOUBLE;
}

// A sum of one number is that number so often as there are terms.
static const Expr *constant_sum(At at, const Reduced *parts) {
    Program *p = at.m->p;
    const Expr *e = parts->e;
    for (int i = 0; i < parts->count; i++)
        e = expr_mul(p, e, parts->indices[i]->batch ? expr_rows(p) : expr_int(p, parts->indices[i]->size));
    return e;
}

void reduce_bounds(Tensor *t, const Reduced *parts) {
    if (parts->reduction == REDUCE_ARGMAX || parts->reduction == REDUCE_ARGMIN) {
        int64_t count = 1;
        for (int i = 0; i < parts->count; i++) count *= parts->indices[i]->size;
        t->bounded = true;
        t->low = 0;
        t->high = count - 1;
    } else if (parts->reduction == REDUCE_MAX || parts->reduction == REDUCE_MIN) {
        tensor_bounds(t, parts->e);
    }
}

const Expr *reduce_write(At at, const Reduced *given, Span span) {
    Reduced parts = *given;
    if (parts.reduction == REDUCE_SUM && parts.e->op == OP_CONST) return constant_sum(at, &parts);
    Indices own = indices_of(parts.indices, parts.count);
    parts.e = under_facts(at, parts.e, &own);
    if (expr_depends(parts.e, at.m->element)) {
        report(at, DRAW_IN_REDUCTION, span, "");
        return NULL;
    }
    Indices outer = outer_of(at, parts.e, &own);
    const char *hint = at.hint ? at.hint : at.frame->path[0] ? at.frame->path : "value";
    Tensor *t = new_tensor(at, string_format(at.m->arena, "%s.%s", hint, reduction_word(parts.reduction)),
                           TENSOR_TEMP, type_of_reduction(&parts, outer.count), &outer, span);
    if (!t) return NULL;
    reduce_bounds(t, &parts);
    write_over(at, t, &outer, &parts, span);
    return read_at(at, t, &outer, NULL, 0);
}

// order(x[.., n]): int[.., n], the positions of x along its last dimension by value.
Operand operand_of_order(At at, Operand v, Span span) {
    Program *p = at.m->p;
    v = operand_plain(at, v, span);
    if (v.kind != OPERAND_TENSOR) return operand_wrong();
    bool rows = v.array->dims[v.array->rank - 1].batch;
    if (rows && !at.sorts) return report_wrong(at, ORDER_OF_ROWS, span, "");
    if (expr_depends(v.array->e, at.m->element)) return report_wrong(at, DRAW_IN_REDUCTION, span, "");
    if (!is_plain(v.array->e) || v.array->e->op != OP_READ || (at.facts && at.facts->guards))
        v = own_array(at, v, operand_name(at, v), span);
    if (v.kind == OPERAND_WRONG) return v;
    Array a = *v.array;
    const Index *place = a.indices[a.rank - 1], *r = index_over(at.m, place->name, a.dims[a.rank - 1]);
    Binding binding = {place, affine_index(p, r)};
    const Expr *x = expr_substitute(p, a.e, &binding, 1);
    Indices own = indices_of(a.indices, a.rank);
    add_index(&own, r);
    Indices outer = outer_of(at, x, &own), all = outer;
    for (int d = 0; d < a.rank; d++) add_index(&all, a.indices[d]);
    Tensor *t = new_tensor(at, operand_name(at, v), TENSOR_TEMP, TYPE_INT, &all, span);
    if (!t) return operand_wrong();
    t->bounded = true;
    t->high = a.dims[a.rank - 1].size - 1;
    Reduced parts = {.reduction = REDUCE_ORDER, .indices = {r}, .count = 1};
    parts.e = expr_binary(p, OP_AT, x, expr_index(p, place));
    write_over(at, t, &all, &parts, span);
    a.e = read_at(at, t, &outer, a.indices, a.rank);
    return operand_array(at.m, &a);
}
