// Expressions and equations taken apart and made: the small things that every pass needs.
// Equations are values here: a pass makes a changed copy and leaves the old one alone.
#include "pass/algebra.h"

#include <string.h>

Guarded expr_guarded(const Expr *e) {
    if (e->op == OP_WHERE && expr_is_const(e->args[1], 0))
        return (Guarded){e->guards, e->guard_count, e->args[0]};
    return (Guarded){NULL, 0, e};
}

typedef struct {
    Program *p;
    Table done;
} Unstop;

static const Expr *unstop(void *data, const Expr *e) {
    Unstop *u = data;
    if (!e->count) return e;
    const Expr *r = table_get(&u->done, e);
    if (r) return r;
    r = e->op == OP_STOP_GRADIENT ? unstop(u, e->args[0]) : expr_map_args(u->p, e, unstop, u);
    table_set(u->p->arena, &u->done, e, r);
    return r;
}

const Expr *expr_unstop(Program *p, const Expr *e) { return unstop(&(Unstop){.p = p}, e); }

static int cost_of(Arena *arena, const Expr *e, Table *seen) {
    if (!e->count || table_get(seen, e)) return 0;
    table_set(arena, seen, e, e);
    const OpInfo *info = op_info((Op)e->op);
    int cost = info ? info->cost : e->count;
    for (int i = 0; e->op == OP_PRODUCT && i < e->count; i++)
        if (e->exponents[i] < 0) cost += op_info(OP_DIV)->cost - 1;
    for (int i = 0; i < e->count && cost < 1000; i++) cost += cost_of(arena, e->args[i], seen);
    return cost;
}

int expr_work(Program *p, const Expr *e) { return cost_of(p->arena, e, &(Table){0}); }

bool expr_is_cheap(Program *p, const Expr *e) {
    enum { CHEAP = 4 }; // multiply-adds that a value may cost to be computed again and again
    return expr_work(p, e) <= CHEAP;
}

Equation *equation_with(Program *p, const Equation *q, const Expr *e) {
    Equation *copy = arena_new(p->arena, Equation);
    *copy = *q;
    copy->e = e;
    return copy;
}

Equation *equation_map(Program *p, Tensor *t, const Affine *const *out, const Expr *e, const Origin *origin) {
    return equation_make(p, t, out, REDUCE_NONE, NULL, 0, e, origin);
}

Equation *equation_into(Program *p, const Equation *q, Tensor *t, const Expr *e) {
    return equation_make(p, t, q->out, q->reduction, q->indices, q->index_count, e, q->origin);
}

Equation *equation_bind(Program *p, const Equation *q, Tensor *t, const Binding *bindings, int count) {
    VEC(const Index *) summed = {0};
    const Affine *out[MAX_RANK];
    for (int i = 0; i < q->index_count; i++) {
        const Affine *value = affine_substitute(p, affine_index(p, q->indices[i]), bindings, count);
        for (int k = 0; k < value->count; k++) vec_push(p->arena, &summed, value->terms[k].atom->index);
    }
    for (int d = 0; d < q->out_count; d++) out[d] = affine_substitute(p, q->out[d], bindings, count);
    return equation_make(p, t, out, summed.count ? q->reduction : REDUCE_NONE, summed.data, summed.count,
                         expr_substitute(p, q->e, bindings, count), q->origin);
}

Equation *equation_copy(Program *p, const Equation *q, Tensor *t) {
    const Index *loops[2 * MAX_RANK + 64];
    int count = equation_loops(q, loops, 2 * MAX_RANK + 64);
    Binding *own = arena_array(p->arena, Binding, count + 1);
    for (int i = 0; i < count; i++) own[i] = (Binding){loops[i], affine_index(p, index_like(p, loops[i]))};
    return equation_bind(p, q, t, own, count);
}

bool equation_identity(const Equation *q) { return forms_cover(q->out, q->tensor, false); }

int equation_loops(const Equation *q, const Index **loops, int room) {
    int count = equation_result_indices(q, loops, room);
    for (int i = 0; i < q->index_count && count < room; i++) loops[count++] = q->indices[i];
    return count;
}

double index_points(const Index *const *indices, int count) {
    double points = 1;
    for (int i = 0; i < count; i++) points *= (double)indices[i]->size;
    return points;
}

// The prefix goes before the last part of a dotted name: the gradient of net.dense_1.w is net.dense_1.dw.
static const char *affixed(Program *p, const char *base, const char *prefix, const char *suffix) {
    const char *dot = strrchr(base, '.');
    int head = dot ? (int)(dot - base) + 1 : 0;
    return string_format(p->arena, "%.*s%s%s%s", head, base, prefix, base + head, suffix);
}

Tensor *temp_add(Program *p, const char *base, const char *suffix, Type type, int rank,
                 const Index *const *dims) {
    int64_t sizes[MAX_RANK] = {0};
    for (int d = 0; d < rank; d++) sizes[d] = dims[d]->size;
    Tensor *t = tensor_add(p, affixed(p, base, "", suffix), TENSOR_TEMP, type, rank, sizes);
    for (int d = 0; d < rank; d++)
        if (dims[d]->batch) t->batch_dims = (uint8_t)(t->batch_dims | 1u << d);
    return t;
}

const Expr *part_extract(Program *p, const Equation *q, const char *suffix, Reduction r, int rank,
                         const Index *const *dims, const Expr *e, Equations *made) {
    Type type = r == REDUCE_NONE ? TYPE_REAL : q->tensor->type;
    Tensor *t = temp_add(p, q->tensor->name, suffix, type, rank, dims);
    t->origin = q->origin;
    const Index *time = equation_time(q);
    for (int d = 0; time && d < rank; d++)
        if (dims[d] == time) {
            t->step = q->tensor->step;
            t->along = (int8_t)d;
        }
    const Affine **place = forms_of(p, dims, rank);
    const Equation part = {t,          rank, place,    r, r == REDUCE_NONE ? 0 : q->index_count,
                           q->indices, e,    q->origin};
    vec_push(p->arena, made, equation_copy(p, &part, t));
    return expr_read(p, t, place, q->origin);
}

Tensor *temp_like(Program *p, const Tensor *t, const char *prefix, const char *suffix, Type type) {
    Tensor *new = tensor_add(p, affixed(p, t->name, prefix, suffix), TENSOR_TEMP, type, t->rank, t->dims);
    new->batch_dims = t->batch_dims;
    new->step = t->step;
    new->along = t->along;
    new->origin = t->origin;
    return new;
}

Index *index_like(Program *p, const Index *i) { return index_add(p, i->name, i->size, i->batch); }

const Index **dims_fresh(Program *p, const Tensor *t, const Expr *hint) {
    static const char *const letters[MAX_RANK] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    const Index **dims = arena_array(p->arena, const Index *, t->rank + 1);
    for (int d = 0; d < t->rank; d++) {
        const char *name = letters[d];
        for (int k = 0; hint && k < hint->forms[d]->count; k++)
            if (hint->forms[d]->terms[k].atom->op == OP_INDEX) {
                name = hint->forms[d]->terms[k].atom->index->name;
                break;
            }
        dims[d] = index_add(p, name, t->dims[d], t->batch_dims >> d & 1);
    }
    return dims;
}

const Affine **forms_of(Program *p, const Index *const *indices, int count) {
    const Affine **forms = arena_array(p->arena, const Affine *, count + 1);
    for (int i = 0; i < count; i++) forms[i] = affine_index(p, indices[i]);
    return forms;
}

const Affine **elements_of(Program *p, const Tensor *t) {
    return forms_of(p, dims_fresh(p, t, NULL), t->rank);
}
