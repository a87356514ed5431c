// The second pass over a part's rows: what needs a total and the rows together, or the rows in another order.
// What it reads of a row is kept in the first pass, in double; the runtime sorts what `order` asks for when
// all rows are there, then runs FUNCTION_SECOND (or SECOND_STEP) over them, a batch at a time. Guarantees:
// that function reads rows by kept sources alone, totals, and what holds for the whole part.
#include "pass/totals.h"

// ---- asked ----

static bool is_there(const Totals *x, const Expr *read) {
    Side side = totals_side(x, read->tensor);
    const Image *image = image_of(x, read->tensor);
    int batch = batch_dimension(read->tensor);
    if (side == SIDE_BATCH) return batch >= 0;
    if (side != SIDE_SECOND || image->sorted || batch < 0) return true;
    return affine_only(read->forms[batch]) != NULL;
}

bool second_possible(const Totals *x, const Definition *d) {
    every (q, d->equations)
        every_read (read, q->e)
            if (!is_there(x, read)) return false;
    return true;
}

// Is it a tensor of rows, or itself an order, read whole?
bool second_sorts(const Totals *x, const Definition *d) {
    const Expr *read = d->equations.data[0]->e->args[0];
    const Image *image = image_of(x, read->tensor);
    for (int k = 0; k < read->guard_count; k++)
        if (!affine_only(read->forms[k])) return false;
    if (image && image->sorted) return true;
    return totals_side(x, read->tensor) == SIDE_BATCH && batch_dimension(read->tensor) >= 0;
}

// ---- what the first pass keeps ----

// Of a tensor's rows by dimension, which of its own it is: the batch first.
static void rows_first(const Tensor *t, uint8_t *order) {
    int batch = batch_dimension(t), at = 0;
    order[at++] = (uint8_t)batch;
    for (int d = 0; d < t->rank; d++)
        if (d != batch) order[at++] = (uint8_t)d;
}

// A copy of the tensor, its rows first, for the runtime to keep.
static Tensor *kept_values(Totals *x, Tensor *t, Type type) {
    Program *p = x->p;
    uint8_t order[MAX_RANK];
    const Affine *forms[MAX_RANK];
    int64_t dims[MAX_RANK];
    rows_first(t, order);
    for (int at = 0; at < t->rank; at++) dims[at] = t->dims[order[at]];
    const char *name = string_format(p->arena, "%s.kept", t->name);
    Tensor *values = tensor_add(p, name, TENSOR_OUTPUT, type, t->rank, dims);
    values->batch_dims = 1;
    tensor_bound_as(values, t);
    const Affine **out = elements_of(p, values);
    for (int at = 0; at < t->rank; at++) forms[order[at]] = out[at];
    equation_add(p, x->f, values, out, REDUCE_NONE, NULL, 0, expr_read(p, t, forms, t->origin), t->origin);
    vec_push(p->arena, &x->f->outputs, values);
    return values;
}

// Where the second pass reads rows: of `like`, but for how many.
static Tensor *rows_add(Program *p, const char *suffix, Type type, const Tensor *like) {
    const char *name = string_format(p->arena, "%s.%s", like->name, suffix);
    Tensor *source = tensor_add(p, name, TENSOR_SOURCE, type, like->rank, like->dims);
    source->dims[0] = 0;
    return source;
}

static Tensor *kept_rows(Totals *x, Tensor *t) {
    Tensor *source = table_get(&x->kept, t);
    if (source) return source;
    Type type = t->type == TYPE_REAL ? TYPE_DOUBLE : t->type;
    Tensor *values = kept_values(x, t, type);
    source = rows_add(x->p, "rows", type, values);
    tensor_bound_as(source, t);
    vec_push(x->p->arena, &x->p->kept, ((Kept){x->training, values, source, -1}));
    table_set(x->p->arena, &x->kept, t, source);
    return source;
}

// ---- what the second pass computes ----

Function *second_function(Totals *x) {
    if (!x->second) {
        x->second = arena_new(x->p->arena, Function);
        x->second->kind = x->training ? FUNCTION_SECOND_STEP : FUNCTION_SECOND;
        x->second->name = x->training ? "second_step" : "second";
    }
    return x->second;
}

static const Expr *read_rows(Totals *x, const Expr *read, Tensor *rows, const uint8_t *order) {
    const Affine *forms[MAX_RANK];
    for (int at = 0; at < rows->rank; at++) forms[at] = read->forms[order[at]];
    return expr_read(x->p, rows, forms, read->origin);
}

// What stands for a tensor here. A row of the part is rowmap[n]; a tensor that this pass makes has only those
// of the batch.
static const Expr *read_again(void *data, const Expr *read) {
    Totals *x = data;
    Tensor *t = read->tensor;
    const Image *image = image_of(x, t);
    int batch = batch_dimension(t);
    if (image && image->sorted) return read_rows(x, read, image->rows, image->order);
    if (image && image->totalled) return expr_read(x->p, image->total, read->forms, read->origin);
    if (totals_side(x, t) == SIDE_BATCH && t->kind != TENSOR_ROWMAP) {
        uint8_t order[MAX_RANK];
        rows_first(t, order);
        return read_rows(x, read, kept_rows(x, t), order);
    }
    if (!image) return read;
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < t->rank; d++) forms[d] = read->forms[d];
    if (batch >= 0) forms[batch] = forms[batch]->terms[0].atom->forms[0];
    return expr_read(x->p, image->copy, forms, read->origin);
}

static const Expr *expr_again(Totals *x, const Expr *e) {
    Program *p = x->p;
    Binding *rows = arena_array(p->arena, Binding, e->free_count + 1);
    int count = 0;
    for (int i = 0; i < e->free_count; i++) {
        const Affine *row = affine_index(p, e->free[i]);
        if (!e->free[i]->batch) continue;
        row = affine_atom(p, expr_read(p, program_rowmap(p), &row, NULL));
        rows[count++] = (Binding){e->free[i], row};
    }
    return expr_map_reads(p, expr_substitute(p, e, rows, count), read_again, x);
}

Tensor *second_write(Totals *x, const Definition *d) {
    Tensor *t = totals_copy(x, d->tensor, TYPE_DOUBLE);
    every (q, d->equations) {
        const Expr *e = expr_again(x, totals_rows(x, q->e));
        vec_push(x->p->arena, &second_function(x)->equations, equation_into(x->p, q, t, e));
    }
    return t;
}

static int kept_number(const Program *p, const Tensor *source) {
    for (int i = 0; i < p->kept.count; i++)
        if (p->kept.data[i].source == source) return i;
    return -1;
}

// order[r] at(x, n): as x's rows, the order's come first; its other indices are those of x.
void second_order(Totals *x, const Definition *d) {
    Program *p = x->p;
    const Equation *q = d->equations.data[0];
    const Expr *read = q->e->args[0];
    const Image *sorted = image_of(x, read->tensor);
    Image *image = image_of(x, d->tensor);
    uint8_t order[MAX_RANK];
    rows_first(read->tensor, order);
    bool again = sorted && sorted->sorted;
    Tensor *source = again ? sorted->rows : kept_rows(x, read->tensor);
    image->rows = rows_add(p, "order", TYPE_INT, source);
    for (int at = 0; at < source->rank; at++) {
        const Affine *form =
            at == 0 ? affine_atom(p, q->e->args[1]) : read->forms[again ? sorted->order[at] : order[at]];
        for (int k = 0; k < q->out_count; k++)
            if (q->out[k] == form) image->order[at] = (uint8_t)k;
    }
    vec_push(p->arena, &p->kept, ((Kept){x->training, NULL, image->rows, kept_number(p, source)}));
}
