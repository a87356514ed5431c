// Writes equations: values that get a tensor of their own, reductions, orders.
// Guarantees: an equation has at most one reduction; what is lifted out of a condition carries the
// condition's guards, so that it reads nothing outside; a tensor with a loop's time is made step by step.
#include "emit/write.h"

#include <math.h>

// ---- which indices and conditions an expression stands under ----

typedef struct {
    const Index *data[MAX_RANK * 4];
    int count;
} Indices;

static bool holds(const Indices *set, const Index *index) {
    return index_find(set->data, set->count, index) >= 0;
}

static void add_indices(Indices *set, const Index *const *data, int count) {
    for (int i = 0; i < count; i++)
        if (!holds(set, data[i]) && set->count < (int)(sizeof set->data / sizeof *set->data))
            set->data[set->count++] = data[i];
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

// How many of the condition's indices the expression has, beside `own`.
static int shared_indices(const Expr *condition, const Expr *e, const Indices *own) {
    int count = 0;
    for (int k = 0; k < condition->free_count; k++)
        count += expr_depends(e, condition->free[k]) && !holds(own, condition->free[k]);
    return count;
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
        for (int i = 0; i < known; i++) {
            const Expr *form = expr_affine(at.m->p, facts[i].form);
            bool all = shared_indices(form, e, &(Indices){0}) == form->free_count;
            if (shared_indices(form, e, own) && all != wide) guards[count++] = facts[i];
        }
        if (wide || reads_inside(at.m, e, guards, count)) break;
    }
    return count;
}

// Under the other conditions in force, from the innermost on the outermost last.
static const Expr *under_conditions(At at, const Fact *fact, const Expr *given, const Indices *own,
                                    const Expr *zero, const Expr *e) {
    if (!fact) return e;
    e = under_conditions(at, fact->outer, given, own, zero, e);
    bool within =
        fact->condition && shared_indices(fact->condition, given, own) == fact->condition->free_count;
    return within ? expr_condition(at.m->p, fact->condition, e, zero) : e;
}

// The expression under what is known here about its free indices but `own`: 0 elsewhere.
static const Expr *under_facts(At at, const Expr *e, const Indices *own) {
    if (!at.facts) return e;
    Program *p = at.m->p;
    Guard guards[MAX_FACTS];
    int count = guards_around(at, e, own, guards);
    const Expr *zero = type_whole(e->type) ? expr_int(p, 0) : expr_const(p, 0);
    if (at.facts->conditions && any_risky(at.m->arena, &(Table){0}, e))
        e = under_conditions(at, at.facts, e, own, zero, e);
    return count ? expr_where(p, guards, count, e, zero) : e;
}

// The indices under which an expression stands; the draws of data are each row's own.
static Indices outer_of(At at, const Expr *e, const Indices *own) {
    Indices outer = {.count = 0};
    if (at.to->row && e->has_draw && !holds(own, at.to->row)) add_indices(&outer, &at.to->row, 1);
    for (int i = 0; i < e->free_count; i++)
        if (!holds(own, e->free[i]) && e->free[i] != at.m->element) add_indices(&outer, &e->free[i], 1);
    return outer;
}

// ---- the draws of what becomes a tensor ----

const Affine *element_at(At at, const Extent *dims, const Affine *const *forms, int rank) {
    Program *p = at.m->p;
    const Index *row = at.to->row;
    bool first = row != NULL; // its rows lie around
    for (int d = 0; d < rank; d++) first = first && affine_only(forms[d]) != row;
    const Affine *form = first ? affine_index(p, row) : affine_constant(p, 0);
    for (int d = 0; d < rank; d++) form = affine_add(p, affine_scale(p, form, dims[d].size, 1), forms[d]);
    if (!row) return form;
    const Affine *before = affine_atom(p, expr_read(p, at.to->first_row, NULL, at.to->first_row->origin));
    Binding number = {row, affine_add(p, before, affine_index(p, row))};
    return affine_substitute(p, form, &number, 1);
}

static const Expr *number_draws(At at, const Expr *e, const Indices *all) {
    if (!expr_depends(e, at.m->element)) return e;
    const Affine *forms[MAX_RANK * 4];
    Extent dims[MAX_RANK * 4];
    for (int i = 0; i < all->count; i++) {
        forms[i] = affine_index(at.m->p, all->data[i]);
        dims[i] = extent_over(all->data[i]);
    }
    Binding binding = {at.m->element, element_at(at, dims, forms, all->count)};
    return expr_substitute(at.m->p, e, &binding, 1);
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

static void equation_write(At at, Tensor *t, const Affine *const *out, const Reduced *given, Span span) {
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
    for (int i = 0; i < all->count; i++) dims[i] = extent_over(all->data[i]);
    return tensor_over(at.m, name, kind, type, dims, all->count);
}

static void set_bounds(Tensor *t, int64_t low, int64_t high) {
    t->bounded = true;
    t->low = low;
    t->high = high;
}

void tensor_bounds(Tensor *t, const Expr *e) {
    int64_t low, high;
    if (expr_integer_bounds(e, &low, &high)) set_bounds(t, low, high);
}

static bool gives_position(Reduction reduction) {
    return reduction == REDUCE_ARGMAX || reduction == REDUCE_ARGMIN || reduction == REDUCE_ORDER;
}

static bool gives_element(Reduction reduction) {
    return reduction == REDUCE_NONE || reduction == REDUCE_MAX || reduction == REDUCE_MIN;
}

static void bounds_of(Tensor *t, const Reduced *parts) {
    int64_t count = 1;
    for (int i = 0; i < parts->count; i++) count *= parts->indices[i]->size;
    if (gives_position(parts->reduction)) set_bounds(t, 0, count - 1);
    if (gives_element(parts->reduction)) tensor_bounds(t, parts->e);
}

// One number of the run is kept in double, elements are not.
static Type type_of(const Reduced *parts, int rank) {
    bool element = gives_element(parts->reduction);
    Type type = gives_position(parts->reduction) ? TYPE_INT : element ? (Type)parts->e->type : TYPE_REAL;
    return type_whole(type) ? type : rank ? TYPE_REAL : TYPE_DOUBLE;
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

// A new tensor over the indices, with its equation; type < 0: that of the parts. NULL after a message.
static Tensor *define(At at, const char *name, TensorKind kind, int type, const Indices *all,
                      const Reduced *parts, Span span) {
    Tensor *t = new_tensor(at, name, kind, type < 0 ? type_of(parts, all->count) : (Type)type, all, span);
    if (!t) return NULL;
    bounds_of(t, parts);
    if (parts->reduction == REDUCE_NONE && reads_clock_only(at, parts->e))
        table_set(at.m->arena, &at.to->clock, t, t);
    const Affine *out[MAX_RANK];
    for (int i = 0; i < all->count; i++) out[i] = affine_index(at.m->p, all->data[i]);
    equation_write(at, t, out, parts, span);
    return t;
}

Operand reduce_into(At at, const char *name, const Array *a, const Reduced *parts, Span span) {
    Indices all = {.count = 0};
    add_indices(&all, a->indices, a->rank);
    Tensor *t = define(at, name, TENSOR_TEMP, (int)type_of(parts, 1), &all, parts, span); // of elements
    return t ? operand_tensor(at.m, t) : operand_wrong();
}

// Writes the array with the outer indices of its expression before its own; `outer` gets them.
static Tensor *write_array(At at, const char *name, TensorKind kind, int type, const Array *a, Indices *outer,
                           Span span) {
    Indices own = {.count = 0};
    add_indices(&own, a->indices, a->rank);
    Reduced parts = {.reduction = REDUCE_NONE, .e = under_facts(at, a->e, &own)};
    *outer = outer_of(at, parts.e, &own);
    Indices all = *outer;
    add_indices(&all, a->indices, a->rank);
    parts.e = number_draws(at, parts.e, &all);
    return define(at, name, kind, type, &all, &parts, span);
}

Tensor *tensor_write(At at, const char *name, TensorKind kind, int type, const Array *a, Span span) {
    Indices outer;
    return write_array(at, name, kind, type, a, &outer, span);
}

// The tensor's element under the indices before `a`'s own.
static const Expr *read_at(At at, Tensor *t, const Indices *outer, const Array *a) {
    const Affine *forms[MAX_RANK * 5];
    int count = 0;
    for (int i = 0; i < outer->count; i++) forms[count++] = affine_index(at.m->p, outer->data[i]);
    for (int i = 0; i < a->rank; i++) forms[count++] = affine_index(at.m->p, a->indices[i]);
    return expr_read(at.m->p, t, forms, t->origin);
}

// ---- values ----

static bool is_simple(const Expr *e) {
    return e->op == OP_READ || e->op == OP_CONST || e->op == OP_INDEX || e->op == OP_AFFINE ||
           e->op == OP_ROWS;
}

// A read whose subscripts are indices and numbers, or no read at all: nothing is gained by a tensor of its
// own.
static bool is_plain(const Expr *e) {
    if (e->op != OP_READ) return is_simple(e) && e->op != OP_ROWS && !e->read_count && !e->has_draw;
    for (int d = 0; d < e->guard_count; d++)
        if (!affine_only(e->forms[d]) && !affine_is_constant(e->forms[d])) return false;
    return true;
}

Operand operand_own(At at, Operand v, const char *name, Span span) {
    if (v.kind != OPERAND_TENSOR && v.kind != OPERAND_SCALAR) return v;
    Array a = array_of(at.m, v);
    Indices outer;
    Tensor *t = write_array(at, name, TENSOR_TEMP, -1, &a, &outer, span);
    if (!t) return operand_wrong();
    for (int d = 0; d < a.rank; d++) a.indices[d] = index_over(at.m, a.indices[d]->name, a.dims[d]);
    a.e = read_at(at, t, &outer, &a);
    return operand_array(at.m, &a);
}

Operand operand_store(At at, Operand v, const char *name, Span span) {
    bool kept = v.kind == OPERAND_TENSOR && (is_plain(v.array->e) || v.array->filter);
    if (v.kind == OPERAND_SCALAR) {
        kept = is_simple(v.e) || (!v.e->read_count && !v.e->has_draw);
        kept = kept || (at.frame->numbers && !expr_too_large(v.e) && v.e->depth <= MAX_DEPTH / 2);
    }
    return kept ? v : operand_own(at, v, name, span);
}

static void add_free(const Emitter *m, Indices *set, Operand v, const Indices *own) {
    for (int i = 0; v.kind == OPERAND_TUPLE && i < v.count; i++) add_free(m, set, v.items[i], own);
    if (v.kind != OPERAND_TENSOR && v.kind != OPERAND_SCALAR) return;
    Array a = array_of(m, v);
    for (int i = 0; i < a.e->free_count; i++)
        if (!holds(own, a.e->free[i]) && index_find(a.indices, a.rank, a.e->free[i]) < 0)
            add_indices(set, &a.e->free[i], 1);
}

static bool names_index(const Phrase *p, const char *name) {
    if (p->kind == PHRASE_SLOT && p->slot->kind == SLOT_INDEX && string_equal(p->slot->name, name))
        return true;
    for (int i = 0; i < p->count; i++)
        if (p->part[i] && names_index(p->part[i], name)) return true;
    return false;
}

// The loop's time, and the times of those around it that its lines speak of: what it makes is another at
// each.
static void add_times(const Loop *loop, Indices *set, const Indices *own) {
    for (const Loop *of = loop; of; of = of->outer)
        if (!holds(own, of->time) && (of == loop || names_index(loop->block, of->slot->name)))
            add_indices(set, &of->time, 1);
}

// The pieces that follow may hold what the definition's names hold.
Operand pieces_open(At at, const char *name, const Extent *dims, int rank, const Affine *const *out,
                    const Reduced *first, Span span) {
    Indices own = {.count = 0};
    add_indices(&own, first->indices, first->count);
    add_indices(&own, &at.m->element, 1);
    for (int d = 0; d < rank; d++) {
        const Expr *form = expr_affine(at.m->p, out[d]);
        add_indices(&own, form->free, form->free_count);
    }
    Indices outer = outer_of(at, under_facts(at, first->e, &own), &own);
    const Definition *define = at.frame->of->define;
    add_times(at.loop, &outer, &own);
    for (int i = 0; i < define->slots.count; i++)
        if (define->slots.data[i]->kind != SLOT_INDEX)
            add_free(at.m, &outer, slot_operand(at, define->slots.data[i]), &own);
    Array a = array_over(at.m, NULL, dims, rank);
    Indices all = outer;
    add_indices(&all, a.indices, rank);
    Tensor *t = new_tensor(at, name, TENSOR_TEMP, TYPE_REAL, &all, span);
    if (!t) return operand_wrong();
    a.e = read_at(at, t, &outer, &a);
    return operand_array(at.m, &a);
}

void piece_write(At at, Tensor *t, const Affine *const *out, const Reduced *piece, Span span) {
    Indices own = {.count = 0};
    Reduced parts = *piece;
    add_indices(&own, parts.indices, parts.count);
    parts.e = under_facts(at, parts.e, &own);
    equation_write(at, t, out, &parts, span);
}

// The type that holds all of them, and the range of whole ones.
static Type type_of_all(const Expr *const *es, int count) {
    bool whole = true, truth = true;
    for (int i = 0; i < count; i++) {
        whole &= type_whole((Type)es[i]->type);
        truth &= es[i]->type == TYPE_BOOL;
    }
    return truth ? TYPE_BOOL : whole ? TYPE_INT : TYPE_REAL;
}

static void bounds_of_all(Tensor *t, const Expr *const *es, int count) {
    int64_t low, high, lowest = INT64_MAX, highest = INT64_MIN;
    for (int i = 0; i < count; i++) {
        if (!expr_integer_bounds(es[i], &low, &high)) return;
        lowest = low < lowest ? low : lowest;
        highest = high > highest ? high : highest;
    }
    set_bounds(t, lowest, highest);
}

Operand operand_of_pieces(At at, const char *name, const Array *a, const Expr *const *es, Span span) {
    Program *p = at.m->p;
    int count = (int)a->dims[0].size;
    const Expr **under = arena_array(at.m->arena, const Expr *, count);
    Indices own = {.count = 0}, outer = own;
    add_indices(&own, a->indices, a->rank);
    for (int i = 0; i < count; i++) {
        under[i] = under_facts(at, es[i], &own);
        Indices of = outer_of(at, under[i], &own);
        add_indices(&outer, of.data, of.count);
    }
    Indices all = outer;
    add_indices(&all, a->indices, a->rank);
    Tensor *t = new_tensor(at, name, TENSOR_TEMP, type_of_all(under, count), &all, span);
    if (!t) return operand_wrong();
    bounds_of_all(t, under, count);
    for (int i = 0; i < count; i++) {
        const Affine *out[MAX_RANK];
        Binding here = {a->indices[0], affine_constant(p, i)};
        for (int d = 0; d < all.count; d++) out[d] = affine_index(p, all.data[d]);
        out[outer.count] = here.to;
        const Expr *e = expr_substitute(p, number_draws(at, under[i], &all), &here, 1);
        equation_write(at, t, out, &(Reduced){.reduction = REDUCE_NONE, .e = e}, span);
    }
    Array whole = *a;
    whole.e = read_at(at, t, &outer, a);
    return operand_array(at.m, &whole);
}

bool operand_is_of_clock(At at, Operand v) { return v.kind == OPERAND_SCALAR && reads_clock_only(at, v.e); }

// A number that only clock and settings decide, met by something else: it is computed once, in double.
Operand operand_hoist(At at, Operand v, Span span) {
    if (!operand_is_of_clock(at, v) || is_simple(v.e) || v.e->type == TYPE_BOOL) return v;
    Tensor *t = table_get(&at.to->hoisted, v.e);
    if (!t) {
        Array a = array_of(at.m, v);
        t = tensor_write(at, at.hint ? at.hint : "clock", TENSOR_TEMP, TYPE_DOUBLE, &a, span);
        if (!t) return operand_wrong();
        table_set(at.m->arena, &at.to->hoisted, v.e, t);
    }
    return operand_tensor(at.m, t);
}

// ---- reductions ----

// A sum of one number is that number so often as there are terms.
static const Expr *constant_sum(At at, const Reduced *parts) {
    Program *p = at.m->p;
    const Expr *e = parts->e;
    for (int i = 0; i < parts->count; i++)
        e = expr_mul(p, e, parts->indices[i]->batch ? expr_rows(p) : expr_int(p, parts->indices[i]->size));
    return e;
}

static const Expr *write_reduced(At at, const char *name, Reduced parts, Span span) {
    Indices own = {.count = 0};
    add_indices(&own, parts.indices, parts.count);
    parts.e = under_facts(at, parts.e, &own);
    if (expr_depends(parts.e, at.m->element)) {
        report(at, DRAW_IN_REDUCTION, span, "");
        return NULL;
    }
    Indices outer = outer_of(at, parts.e, &own);
    Tensor *t = define(at, name, TENSOR_TEMP, -1, &outer, &parts, span);
    return t ? read_at(at, t, &outer, &(Array){.rank = 0}) : NULL;
}

Operand reduce_write(At at, const Reduced *parts, Span span) {
    if (parts->reduction == REDUCE_NONE) return operand_scalar(parts->e);
    if (parts->reduction == REDUCE_SUM && parts->e->op == OP_CONST)
        return operand_scalar(constant_sum(at, parts));
    const char *hint = at.hint ? at.hint : at.frame->path[0] ? at.frame->path : "value";
    const char *name = string_format(at.m->arena, "%s.%s", hint, reduction_word(parts->reduction));
    const Expr *e = write_reduced(at, name, *parts, span);
    return e ? operand_scalar(e) : operand_wrong();
}

// order(x[.., n]): int[.., n], the positions of x along its last dimension by value.
Operand operand_of_order(At at, Operand v, Span span) {
    Program *p = at.m->p;
    v = operand_plain(at, v, span);
    if (v.kind != OPERAND_TENSOR) return operand_wrong();
    bool rows = v.array->dims[v.array->rank - 1].batch;
    if (rows && !at.sorts) return report_wrong(at, ORDER_OF_ROWS, span, "");
    if (!is_plain(v.array->e) || v.array->e->op != OP_READ || (at.facts && at.facts->guards))
        v = operand_own(at, v, operand_name(at, v), span);
    if (v.kind == OPERAND_WRONG) return v;
    Array a = *v.array;
    const Index *place = a.indices[a.rank - 1], *r = index_over(at.m, place->name, a.dims[a.rank - 1]);
    Binding binding = {place, affine_index(p, r)};
    Reduced parts = {.reduction = REDUCE_ORDER, .indices = {r}, .count = 1};
    parts.e = expr_binary(p, OP_AT, expr_substitute(p, a.e, &binding, 1), expr_index(p, place));
    at.facts = NULL; // what it reads is made under them
    a.e = write_reduced(at, operand_name(at, v), parts, span);
    return a.e ? operand_array(at.m, &a) : operand_wrong();
}
