// Parameters and states: made once by path (rule 18), with their initial values as equations of
// FUNCTION_INITIAL; and what has one value after another.
#include "emit/write.h"

#include <string.h>

// ---- cells ----

Cell *cell_open(At at, Tensor *target) {
    Cell *cell = table_get(&at.to->cells, target);
    if (cell) return cell;
    cell = arena_new(at.m->arena, Cell);
    *cell = (Cell){.target = target, .current = operand_tensor(at.m, target)};
    table_set(at.m->arena, &at.to->cells, target, cell);
    return cell;
}

Operand cell_set(At at, Cell *cell, Operand v, Span span) {
    v = operand_first(v);
    if (at.loop) {
        const char *dot = strrchr(cell->target->name, '.');
        return report_wrong(at, RECUR_STATE, span, dot ? dot + 1 : cell->target->name);
    }
    Array whole = array_of_tensor(at.m, cell->target);
    v = operand_everywhere(at.m, v, whole.dims, whole.rank);
    v = operand_store(at, v, string_format(at.m->arena, "%s.new", cell->target->name), span);
    cell->current = v;
    cell->span = span;
    if (!cell->changed) vec_push(at.m->arena, &at.to->changed, cell);
    cell->changed = true;
    return v;
}

// ---- what initial values read: the initial values of others ----

typedef struct {
    const Emitter *m;
    bool slot; // an optimizer's state: it is there before weights are read from a file
    bool ok;
} Reading;

static bool is_computed(const Function *f, const Tensor *t) {
    for (int i = f->equations.count - 1; i >= 0; i--)
        if (f->equations.data[i]->tensor == t) return true;
    return false;
}

// Where a parameter or state is read, its initial value is; it was declared before, so there is no circle.
static const Expr *read_initial(void *data, const Expr *read) {
    Reading *r = data;
    const Function *f = r->m->initial->function;
    const Tensor *t = read->tensor;
    if (t->kind == TENSOR_SETTING || t->kind == TENSOR_CLOCK || t->kind == TENSOR_RUN) return read;
    if (t->kind == TENSOR_TEMP && is_computed(f, t)) return read;
    for (int i = 0; i < f->effects.count && !r->slot; i++)
        if (f->effects.data[i].target == t)
            return expr_read(r->m->p, f->effects.data[i].value, read->forms, read->origin);
    r->ok = false;
    return read;
}

// Of the value and of what was written for it, from equation `first` on.
static bool read_initials(const Emitter *m, Array *a, const Tensor *t, int first) {
    Reading r = {m, t->kind == TENSOR_SLOT, true};
    const Function *f = m->initial->function;
    for (int i = first; i < f->equations.count; i++)
        f->equations.data[i]->e = expr_map_reads(m->p, f->equations.data[i]->e, read_initial, &r);
    a->e = expr_map_reads(m->p, a->e, read_initial, &r);
    return r.ok;
}

// ---- the initial value ----

// The indices of `param w[i < n]` by their names, the others without.
static void bind_indices(At at, const Phrase *p, Array *a) {
    const Node *node = p->node;
    for (int i = 0, d = 0, stated = 0; i < node->count; i++) {
        if (node->items[i]->kind == AST_DOTS) {
            d += at.frame->of->dot_count;
            continue;
        }
        if (stated < p->binders && p->binder[stated].span.start == node->items[i]->span.start)
            a->indices[d] = index_bind(at, p->binder[stated++].index);
        d++;
    }
}

static void write_initial(At at, const Phrase *p, const Phrase *value, Tensor *t, const char *path) {
    Emitter *m = at.m;
    Initial initial = {.name = path};
    int first = m->initial->function->equations.count;
    At inside = at_outside(m, m->initial, at.frame);
    Array a = array_of_tensor(m, t);
    a = array_over(m, "i", a.dims, a.rank);
    bind_indices(inside, p, &a);
    const Affine *forms[MAX_RANK];
    array_forms(m, &a, forms);
    inside.element = element_at(inside, a.dims, forms, a.rank);
    inside.initial = &initial;
    inside.indexed = p->binders > 0;
    inside.hint = string_format(m->arena, "%s.initial", path);
    Operand v = operand_forced(inside, operand_first(operand_of(inside, value)));
    v = operand_plain(inside, v, value->span);
    if (!operand_has_value(v)) return;
    if (v.kind == OPERAND_TENSOR)
        a = *v.array;
    else
        a.e = operand_expr(m, v, t->type != TYPE_INT);
    if (!read_initials(m, &a, t, first)) {
        report(at, INITIAL_READS, value->span, p->node->name);
        return;
    }
    Tensor *made = tensor_write(inside, inside.hint, TENSOR_TEMP, (int)t->type, &a, p->node->span);
    if (made) vec_push(m->arena, &m->initial->function->effects, (Effect){t, made});
}

// ---- declarations ----

static Tensor *declare(At at, const Phrase *p, const Phrase *value, const char *path) {
    Emitter *m = at.m;
    Shape v = at.frame->of->of[p->number];
    bool state = p->node->kind == AST_STATE, over = state && !p->node->brackets && at.over;
    Extent dims[MAX_RANK];
    int rank = over ? at.over_count : v.rank;
    for (int d = 0; d < rank; d++) dims[d] = over ? extent_over(at.over[d]) : v.dims[d];
    TensorKind kind = state ? at.state : TENSOR_PARAM;
    Type type = kind == TENSOR_RUN && v.type == TYPE_REAL ? TYPE_DOUBLE : (Type)v.type;
    Tensor *t = tensor_over(m, path, kind, type, dims, rank);
    t->origin = origin_at(m, p->node->span, path, at.frame->origin);
    const Declared *declared = m->tree ? tree_declared(m->tree, path) : NULL;
    t->trainable = declared && !state && declared->trainable;
    if (state)
        vec_push(m->arena, &m->states, t);
    else
        vec_push(m->arena, &m->params, t);
    map_set(m->declared, path, t);
    write_initial(at, p, value, t, path);
    return t;
}

void declaration_write(At at, const Phrase *p) {
    ShapeKind kind = (ShapeKind)at.frame->of->of[p->number].kind;
    if (kind != SHAPE_SCALAR && kind != SHAPE_TENSOR) return; // its condition does not hold
    const Phrase *value = p->part[p->count - 1];
    if (value->kind == PHRASE_IF && !value->part[2]) value = value->part[0];
    const char *path = path_in(at.m, at.frame, p->node->name);
    Tensor *t = map_get(at.m->declared, path);
    if (!t) t = declare(at, p, value, path);
    Operand *slot = &at.frame->slot[p->slot->number];
    if (p->node->kind == AST_STATE)
        *slot = (Operand){.kind = OPERAND_CHANGING, .cell = cell_open(at, t)};
    else
        *slot = operand_tensor(at.m, t);
}
