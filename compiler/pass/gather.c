// Inputs come from their sources: x[b, ...] = source.x[rowmap[b], ...], so that taking a batch out of the
// data in memory is a kernel like others and writes the compiler's layout. Needs: simplified functions.
// Guarantees: in functions over batches every input with a batch dimension that is read has this definition,
// first of all equations.
#include "pass/passes.h"
#include "pass/schedule.h"

static bool over_batches(const Function *f) {
    return f->kind == FUNCTION_STEP || f->kind == FUNCTION_EVALUATE || f->kind == FUNCTION_PREDICT;
}

// A sample is one run of elements there, whatever its shape: so what only flattens it reads it as it lies.
static Tensor *source_of_input(Program *p, const Tensor *x) {
    const char *name = string_format(p->arena, "source.%s", x->name);
    Tensor *t = tensor_find(p, name);
    if (t) return t;
    int64_t dims[2] = {0, 1};
    for (int d = 1; d < x->rank; d++) dims[1] *= x->dims[d];
    t = tensor_add(p, name, TENSOR_SOURCE, x->type, x->rank > 1 ? 2 : 1, dims);
    tensor_bound_as(t, x);
    t->origin = x->origin;
    t->apart = x->apart;
    return t;
}

static const Affine *number_in_sample(Program *p, const Tensor *x, const Affine *const *forms) {
    return affine_number(p, forms, x->dims, 1, x->rank);
}

static const Expr *from_source(Program *p, const Tensor *x, const Affine *row, const Affine *number) {
    const Affine *from[2] = {affine_atom(p, expr_read(p, program_rowmap(p), &row, x->origin)), number};
    return expr_read(p, source_of_input(p, x), from, x->origin);
}

static void define(Program *p, Function *f, Tensor *x) {
    const Affine *out[MAX_RANK];
    for (int d = 0; d < x->rank; d++)
        out[d] = affine_index(p, index_add(p, d ? "i" : "b", x->dims[d], d == 0));
    const Expr *e = from_source(p, x, out[0], number_in_sample(p, x, out));
    equation_add(p, f, x, out, REDUCE_NONE, NULL, 0, e, x->origin);
}

// flat[b, 8 * i + j] = x[b, i, j], where nothing else reads x: the rows go to flat at once.
static bool flattens(Program *p, const Equation *q, const Tensor *x) {
    const Tensor *t = q->tensor;
    if (q->reduction != REDUCE_NONE || q->e->op != OP_READ || q->e->tensor != x || t->rank != 2 ||
        x->rank < 2)
        return false;
    if (t->kind != TENSOR_TEMP || t->type != x->type || q->out[0] != q->e->forms[0]) return false;
    for (int d = 0; d < x->rank; d++) {
        const Index *k = affine_only(q->e->forms[d]);
        if ((x->dims[d] > 1 || d == 0) && (!k || k->size != x->dims[d])) return false;
        for (int c = 0; k && c < d; c++)
            if (affine_only(q->e->forms[c]) == k) return false;
    }
    return t->dims[1] == tensor_elements(x) / x->dims[0] && q->out[1] == number_in_sample(p, x, q->e->forms);
}

static bool define_flat(Program *p, Function *f, const Tensor *x) {
    int reader = -1;
    for (int i = 0; i < f->equations.count; i++) {
        const Expr *e = f->equations.data[i]->e;
        bool here = false;
        every_read (read, e) here |= read->tensor == x;
        if (here && (reader >= 0 || !flattens(p, f->equations.data[i], x))) return false;
        if (here) reader = i;
    }
    if (reader < 0) return false;
    Equation *q = f->equations.data[reader];
    const Affine **out = arena_array(p->arena, const Affine *, 2);
    out[0] = q->out[0];
    out[1] = affine_index(p, index_add(p, "i", q->tensor->dims[1], false));
    q->out = out;
    q->e = from_source(p, x, out[0], out[1]);
    return true;
}

static void note_inputs(const Expr *e, bool *read) {
    for (int i = 0; i < e->read_count; i++) read[e->reads[i]->tensor->id] = true;
}

void pass_gather(Program *p, Function *f) {
    if (!over_batches(f)) return;
    int count = p->tensors.count, before = f->equations.count;
    bool *read = arena_array(p->arena, bool, count + 1);
    bool *kept = arena_array(p->arena, bool, count + 1); // the function itself gives it on
    for (int q = 0; q < f->equations.count; q++) note_inputs(f->equations.data[q]->e, read);
    for (int e = 0; e < f->effects.count; e++) kept[f->effects.data[e].value->id] = true;
    for (int o = 0; o < f->outputs.count; o++) kept[f->outputs.data[o]->id] = true;
    for (int q = 0; q < f->equations.count; q++)
        read[f->equations.data[q]->tensor->id] = kept[f->equations.data[q]->tensor->id] = false;
    for (int t = 0; t < count; t++) {
        Tensor *x = p->tensors.data[t];
        if (!(read[t] || kept[t]) || x->kind != TENSOR_INPUT || !(x->batch_dims & 1)) continue;
        if (kept[t] || !define_flat(p, f, x)) define(p, f, x);
    }
    int added = f->equations.count - before;
    Equation **order = arena_array(p->arena, Equation *, f->equations.count);
    for (int q = 0; q < f->equations.count; q++)
        order[q] = f->equations.data[q < added ? before + q : q - added];
    for (int q = 0; q < f->equations.count; q++) f->equations.data[q] = order[q];
}
