// Programs, tensors, indices, functions, equations: made here, and only here.

#include "ir/tables.h"

#include <string.h>

Program *program_create(Context *ctx, Precision precision, int64_t batch) {
    Program *p = arena_new(ctx->arena, Program);
    p->ctx = ctx;
    p->arena = ctx->arena;
    p->precision = precision;
    p->batch = batch;
    p->tables = tables_create(ctx->arena);
    return p;
}

static const char *unique_name(Program *p, const char *name) {
    if (!map_get(p->tables->tensor_names, name)) return name;
    int *last = map_get(p->tables->taken, name);
    if (!last) {
        last = arena_new(p->arena, int);
        *last = 1;
        map_set(p->tables->taken, name, last);
    }
    const char *own = name;
    while (map_get(p->tables->tensor_names, own)) own = string_format(p->arena, "%s_%d", name, ++*last);
    return own;
}

Tensor *tensor_add(Program *p, const char *name, TensorKind kind, Type type, int rank, const int64_t *dims) {
    if (rank > MAX_RANK) die("tensor %s has %d dimensions", name, rank);
    const char *own = unique_name(p, name);
    Tensor *t = arena_new(p->arena, Tensor);
    t->name = own == name ? string_copy(p->arena, name, strlen(name)) : own;
    t->kind = kind;
    t->type = type;
    t->rank = rank;
    for (int d = 0; d < rank; d++) t->dims[d] = dims[d];
    t->id = (uint32_t)p->tensors.count;
    vec_push(p->arena, &p->tensors, t);
    map_set(p->tables->tensor_names, t->name, t);
    return t;
}

Tensor *tensor_find(const Program *p, const char *name) { return map_get(p->tables->tensor_names, name); }

Tensor *tensor_of_kind(const Program *p, TensorKind kind) {
    every (t, p->tensors)
        if (t->kind == kind) return t;
    return NULL;
}

int64_t tensor_elements(const Tensor *t) {
    int64_t n = 1;
    for (int d = 0; d < t->rank; d++) n = exact_mul(n, t->dims[d]);
    return n;
}

bool tensor_is_real(const Tensor *t) { return t->type == TYPE_REAL || t->type == TYPE_DOUBLE; }

bool tensor_among(Tensor *const *tensors, int count, const Tensor *t) {
    for (int i = 0; i < count; i++)
        if (tensors[i] == t) return true;
    return false;
}

bool tensors_alike(const Tensor *a, const Tensor *b) {
    return a->rank == b->rank && a->batch_dims == b->batch_dims &&
           memcmp(a->dims, b->dims, sizeof *a->dims * (size_t)a->rank) == 0;
}

void tensor_bound_as(Tensor *t, const Tensor *like) {
    t->bounded = like->bounded;
    t->low = like->low;
    t->high = like->high;
}

Tensor *program_rowmap(Program *p) {
    Tensor *t = tensor_of_kind(p, TENSOR_ROWMAP);
    if (t) return t;
    t = tensor_add(p, "rowmap", TENSOR_ROWMAP, TYPE_INT, 1, &p->batch);
    t->batch_dims = 1;
    return t;
}

const Expr *expr_training(Program *p) {
    Tensor *t = tensor_of_kind(p, TENSOR_TRAINING);
    if (!t) t = tensor_add(p, "training", TENSOR_TRAINING, TYPE_BOOL, 0, NULL);
    return expr_read(p, t, NULL, NULL);
}

Index *index_add(Program *p, const char *name, int64_t size, bool batch) {
    Index *i = arena_new(p->arena, Index);
    *i = (Index){.name = string_copy(p->arena, name, strlen(name)),
                 .size = size,
                 .id = p->next_index++,
                 .batch = batch,
                 .axis = -1};
    return i;
}

Function *function_add(Program *p, FunctionKind kind, const char *name) {
    Function *f = arena_new(p->arena, Function);
    f->kind = kind;
    f->name = string_copy(p->arena, name, strlen(name));
    vec_push(p->arena, &p->functions, f);
    return f;
}

const GradientRequest *function_request(const Function *f, const Tensor *result) {
    for (int i = 0; i < f->gradients.count; i++)
        if (f->gradients.data[i].result == result) return &f->gradients.data[i];
    return NULL;
}

Equation *equation_make(Program *p, Tensor *t, const Affine *const *out, Reduction r,
                        const Index *const *indices, int index_count, const Expr *e, const Origin *origin) {
    Equation *q = arena_new(p->arena, Equation);
    const Affine **forms = arena_array(p->arena, const Affine *, t->rank > 0 ? t->rank : 1);
    for (int d = 0; d < t->rank; d++) forms[d] = out[d];
    const Index **own = arena_array(p->arena, const Index *, index_count > 0 ? index_count : 1);
    for (int i = 0; i < index_count; i++) own[i] = indices[i];
    *q = (Equation){.tensor = t,
                    .out_count = t->rank,
                    .out = forms,
                    .reduction = r,
                    .index_count = index_count,
                    .indices = own,
                    .e = e,
                    .origin = origin};
    const Index *time = equation_time(q);
    if (time) ((Index *)time)->time = true;
    return q;
}

void equation_add(Program *p, Function *f, Tensor *t, const Affine *const *out, Reduction r,
                  const Index *const *indices, int index_count, const Expr *e, const Origin *origin) {
    vec_push(p->arena, &f->equations, equation_make(p, t, out, r, indices, index_count, e, origin));
}

int equation_result_indices(const Equation *q, const Index **indices, int room) {
    int count = 0;
    for (int d = 0; d < q->out_count; d++)
        every_term (term, q->out[d]) {
            for (int f = 0; f < term->atom->free_count; f++) {
                if (index_find(indices, count < room ? count : room, term->atom->free[f]) >= 0) continue;
                if (count < room) indices[count] = term->atom->free[f];
                count++;
            }
        }
    return count;
}
