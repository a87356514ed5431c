#include "support/classes.h"

#include <string.h>

typedef struct {
    Tensor *tensor; // that stands for all
    uint64_t hash;
    VEC(Equation *) equations; // canonical
    VEC(const char *) names;
} Class;

static const Index *canonical_index(Classes *c, int place, const Index *like) {
    int met = 0;
    for (int i = 0; i < c->indices.count; i++) {
        const Index *index = c->indices.data[i];
        if (index->size == like->size && index->batch == like->batch && met++ == place) return index;
    }
    for (;;) {
        const Index *made = index_add(c->p, "c", like->size, like->batch);
        vec_push(c->arena, &c->indices, made);
        if (met++ == place) return made;
    }
}

static const Expr *representative(void *data, const Expr *read) {
    Classes *c = data;
    const Equation *copy = table_get(&c->copied, read->tensor);
    if (copy) {
        Binding bindings[MAX_RANK];
        for (int d = 0; d < copy->out_count; d++)
            bindings[d] = (Binding){affine_only(copy->out[d]), read->forms[d]};
        return expr_substitute(c->p, copy->e, bindings, copy->out_count);
    }
    Tensor *same = table_get(&c->same, read->tensor);
    return same ? expr_read(c->p, same, read->forms, NULL) : read;
}

Equation *class_equation(Classes *c, const Equation *q) {
    const Index *own[MAX_RANK * 4];
    int count = equation_result_indices(q, own, MAX_RANK * 4);
    for (int i = 0; i < q->index_count; i++) own[count++] = q->indices[i];
    Binding bindings[MAX_RANK * 4];
    for (int i = 0, place = 0; i < count; i++) {
        bool single = own[i]->size == 1 && !own[i]->batch && i < count - q->index_count; // it is 0
        bindings[i].from = own[i];
        bindings[i].to =
            single ? affine_constant(c->p, 0) : affine_index(c->p, canonical_index(c, place++, own[i]));
    }
    Equation *made = arena_new(c->arena, Equation);
    *made = *q;
    const Affine **out = arena_array(c->arena, const Affine *, q->out_count + 1);
    const Index **indices = arena_array(c->arena, const Index *, q->index_count + 1);
    for (int d = 0; d < q->out_count; d++) out[d] = affine_substitute(c->p, q->out[d], bindings, count);
    for (int i = 0; i < q->index_count; i++)
        indices[i] = affine_only(bindings[count - q->index_count + i].to);
    made->out = out;
    made->indices = indices;
    made->e = expr_map_reads(c->p, expr_substitute(c->p, q->e, bindings, count), representative, c);
    return made;
}

static bool only_reads(const Equation *q) {
    if (q->reduction != REDUCE_NONE || q->e->op != OP_READ || q->e->tensor->rank != q->out_count ||
        q->tensor->type != q->e->tensor->type || q->tensor->step)
        return false;
    for (int d = 0; d < q->out_count; d++)
        if (!affine_only(q->out[d]) || q->e->forms[d] != q->out[d]) return false;
    return true;
}

// One number in double is what it is made of, wherever it stands.
static bool is_number(const Equation *q) {
    return q->reduction == REDUCE_NONE && !q->out_count && q->tensor->type == TYPE_DOUBLE;
}

static bool same_equation(const Equation *a, const Equation *b) {
    if (a->e != b->e || a->reduction != b->reduction || a->index_count != b->index_count ||
        a->out_count != b->out_count)
        return false;
    for (int i = 0; i < a->index_count; i++)
        if (a->indices[i] != b->indices[i]) return false;
    for (int d = 0; d < a->out_count; d++)
        if (a->out[d] != b->out[d]) return false;
    return true;
}

bool tensors_alike(const Tensor *a, const Tensor *b) {
    bool same = a->type == b->type && a->rank == b->rank && a->batch_dims == b->batch_dims &&
                a->bounded == b->bounded && a->step == b->step && a->along == b->along &&
                (!a->bounded || (a->low == b->low && a->high == b->high));
    for (int d = 0; same && d < a->rank; d++) same = a->dims[d] == b->dims[d];
    return same;
}

static Class *class_of(Classes *c, const Function *f, Tensor *of) {
    Class *made = arena_new(c->arena, Class);
    made->tensor = of;
    for (int i = 0; i < f->equations.count; i++)
        if (f->equations.data[i]->tensor == of)
            vec_push(c->arena, &made->equations, class_equation(c, f->equations.data[i]));
    made->hash = (uint64_t)made->equations.count;
    for (int i = 0; i < made->equations.count; i++)
        made->hash = hash_mix(made->hash, (uint64_t)(uintptr_t)made->equations.data[i]->e);
    uint32_t probe = 0;
    for (Class *known; (known = hash_next(&c->by_hash, made->hash, &probe));) {
        bool same = known->equations.count == made->equations.count && tensors_alike(known->tensor, of);
        for (int i = 0; same && i < made->equations.count; i++)
            same = same_equation(known->equations.data[i], made->equations.data[i]);
        if (same) return known;
    }
    hash_put(c->arena, &c->by_hash, made->hash, made);
    return made;
}

static Table defined_in(Arena *arena, const Function *f) {
    Table defined = {0};
    for (int i = 0; i < f->equations.count; i++)
        table_set(arena, &defined, f->equations.data[i]->tensor, f->equations.data[i]);
    return defined;
}

static void visit_reads(Sweep *s, const Expr *e) {
    for (int k = 0; k < e->read_count; k++) sweep_visit(s, e->reads[k]->tensor);
}

Tensor *class_tensor(const Classes *c, Tensor *of) {
    const Equation *copy = table_get(&c->copied, of);
    if (copy && copy->e->op == OP_READ) return copy->e->tensor;
    Tensor *same = table_get(&c->same, of);
    return same ? same : of;
}

// What is derived, and by what, stands for a gradient.
static bool visit_request(Sweep *s, Tensor *of) {
    const GradientRequest *g = function_request(s->f, of);
    if (!g) return false;
    sweep_visit(s, g->of);
    sweep_visit(s, g->by);
    const char *key =
        string_format(s->c->arena, "%u by %u", class_tensor(s->c, g->of)->id, class_tensor(s->c, g->by)->id);
    uint64_t hash = hash_bytes(key, strlen(key), 77);
    uint32_t probe = 0;
    Class *known = hash_next(&s->c->by_hash, hash, &probe);
    if (!known) {
        known = arena_new(s->c->arena, Class);
        known->tensor = of;
        hash_put(s->c->arena, &s->c->by_hash, hash, known);
        if (!s->first) s->first = of;
    }
    table_set(s->c->arena, &s->c->same, of, known->tensor);
    return true;
}

// Names of one program are told apart by a number at the end, which `u_2.new` has of `u_2`.
static const char *plain_name(Arena *arena, const char *name) {
    Text plain = {.arena = arena};
    for (size_t i = 0, digits; name[i]; i++) {
        digits = name[i] == '_' ? strspn(name + i + 1, "0123456789") : 0;
        const char *rest = name + i + 1 + digits;
        if (digits && (!*rest || !strncmp(rest, ".new", 4)))
            i += digits;
        else
            text_add(&plain, "%c", name[i]);
    }
    return text_string(&plain);
}

static void check_name(Sweep *s, const Class *class, const Tensor *of) {
    const char *own = plain_name(s->c->arena, of->name);
    for (int i = 0; i < class->names.count; i++)
        if (string_equal(class->names.data[i], own)) return;
    if (!s->named) s->named = of;
}

void sweep_visit(Sweep *s, Tensor *of) {
    if (table_get(&s->seen, of)) return;
    table_set(s->c->arena, &s->seen, of, of);
    if (visit_request(s, of) || !table_get(&s->defined, of)) return;
    int count = 0;
    Equation *only = NULL;
    for (int i = 0; i < s->f->equations.count; i++) {
        if (s->f->equations.data[i]->tensor != of) continue;
        visit_reads(s, s->f->equations.data[i]->e);
        only = s->f->equations.data[i];
        count++;
    }
    if (count == 1 && (only_reads(only) || (s->c->numbers && is_number(only)))) {
        Equation *copy = arena_new(s->c->arena, Equation);
        *copy = *only;
        copy->e = expr_map_reads(s->c->p, only->e, representative, s->c);
        table_set(s->c->arena, &s->c->copied, of, copy);
        if (copy->e->op == OP_READ) return;
    }
    Class *class = class_of(s->c, s->f, of);
    if (class->tensor == of && !s->first) s->first = of;
    if (s->names && class->names.count) check_name(s, class, of); // it was made by another function
    if (!s->names) vec_push(s->c->arena, &class->names, plain_name(s->c->arena, of->name));
    table_set(s->c->arena, &s->c->same, of, class->tensor);
}

Sweep sweep_of(Classes *c, const Function *f, bool names) {
    return (Sweep){.c = c, .f = f, .defined = defined_in(c->arena, f), .names = names};
}
