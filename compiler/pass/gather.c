// Inputs come from their sources: x[b, ...] = source.x[rowmap[b], ...], so that taking a batch out of the data in memory
// is a kernel like others and writes the compiler's layout. Needs: simplified functions. Guarantees: in functions over
// batches every input with a batch dimension that is read has this definition, first of all equations.
#include "pass/schedule.h"

static bool over_batches(const Function *f) {
    return f->kind == FUNCTION_STEP || f->kind == FUNCTION_EVALUATE || f->kind == FUNCTION_PREDICT;
}

static Tensor *rowmap_of(Program *p) {
    for (int i = 0; i < p->tensors.count; i++)
        if (p->tensors.data[i]->kind == TENSOR_ROWMAP) return p->tensors.data[i];
    Tensor *t = tensor_add(p, "rowmap", TENSOR_ROWMAP, TYPE_INT, 1, &p->batch);
    t->batch_dims = 1;
    return t;
}

static Tensor *source_of_input(Program *p, const Tensor *x) {
    const char *name = string_format(p->arena, "source.%s", x->name);
    Tensor *t = tensor_find(p, name);
    if (t) return t;
    int64_t dims[MAX_RANK] = {0};
    for (int d = 1; d < x->rank; d++) dims[d] = x->dims[d];
    t = tensor_add(p, name, TENSOR_SOURCE, x->type, x->rank, dims);
    t->bounded = x->bounded;
    t->low = x->low;
    t->high = x->high;
    t->origin = x->origin;
    return t;
}

static void define(Program *p, Function *f, Tensor *x) {
    Tensor *source = source_of_input(p, x), *rowmap = rowmap_of(p);
    const Affine *out[MAX_RANK], *from[MAX_RANK];
    for (int d = 0; d < x->rank; d++)
        from[d] = out[d] = affine_index(p, index_add(p, d ? "i" : "b", x->dims[d], d == 0));
    from[0] = affine_atom(p, expr_read(p, rowmap, &out[0], x->origin));
    equation_add(p, f, x, out, REDUCE_NONE, NULL, 0, expr_read(p, source, from, x->origin), x->origin);
}

static void note_inputs(const Expr *e, bool *read) {
    for (int i = 0; i < e->read_count; i++) read[e->reads[i]->tensor->id] = true;
}

void pass_gather(Program *p) {
    int count = p->tensors.count;
    bool *read = arena_array(p->arena, bool, 2 * count + 1);      // sources and the row map are added on the way
    for (int i = 0; i < p->functions.count; i++) {
        Function *f = p->functions.data[i];
        if (!over_batches(f)) continue;
        for (int t = 0; t < count; t++) read[t] = false;
        for (int q = 0; q < f->equations.count; q++) note_inputs(f->equations.data[q]->e, read);
        for (int e = 0; e < f->effects.count; e++) read[f->effects.data[e].value->id] = true;
        for (int o = 0; o < f->outputs.count; o++) read[f->outputs.data[o]->id] = true;
        for (int q = 0; q < f->equations.count; q++) read[f->equations.data[q]->tensor->id] = false;
        int before = f->equations.count;
        for (int t = 0; t < count; t++) {
            Tensor *x = p->tensors.data[t];
            if (read[x->id] && x->kind == TENSOR_INPUT && (x->batch_dims & 1)) define(p, f, x);
        }
        int added = f->equations.count - before;
        Equation **order = arena_array(p->arena, Equation *, f->equations.count);
        for (int q = 0; q < f->equations.count; q++)
            order[q] = f->equations.data[q < added ? before + q : q - added];
        for (int q = 0; q < f->equations.count; q++) f->equations.data[q] = order[q];
    }
}
