// The second pass of metrics over a part's rows (rule 20): what needs a total and the rows together, or the
// rows in another order. What it reads of a row is kept in the first pass, in double; the runtime sorts what
// `order` asks for when all rows are there, then runs the elaborator's `second` over them, a batch at a time.
// Guarantees: that function reads rows by kept sources alone, totals, and what holds for the whole part.
#include "sema/values.h"

// The source of a tensor's kept rows: int[row, ...] or double[row, ...].
static Tensor *rows_add(Program *p, const char *name, Type type, const Tensor *like, int batch) {
    int64_t dims[MAX_RANK] = {0};
    for (int d = 0, at = 1; d < like->rank; d++)
        if (d != batch) dims[at++] = like->dims[d];
    return tensor_add(p, string_format(p->arena, "%s.rows", name), TENSOR_SOURCE, type, like->rank, dims);
}

static int batch_dimension(const Tensor *t) {
    int d = 0;
    while (d < t->rank && !(t->batch_dims >> d & 1)) d++;
    return d < t->rank ? d : -1;
}

// A copy of the tensor, its rows first, for the runtime to keep.
static Tensor *kept_values(Elaborator *el, Tensor *t, int batch, const char *name, Type type) {
    Program *p = el->session->program;
    const Affine *out[MAX_RANK], *forms[MAX_RANK];
    int64_t dims[MAX_RANK];
    for (int at = 0, d = -1; at < t->rank; at++, d++) {
        int from = at == 0 ? batch : d + (d >= batch);
        dims[at] = t->dims[from];
        out[at] = forms[from] = affine_index(p, index_of(el, "i", (Dim){dims[at], at == 0}));
    }
    Tensor *kept = tensor_add(p, name, TENSOR_OUTPUT, type, t->rank, dims);
    kept->batch_dims = 1;
    tensor_bound_as(kept, t);
    equation_add(p, el->function, kept, out, REDUCE_NONE, NULL, 0, expr_read(p, t, forms, t->origin),
                 t->origin);
    vec_push(p->arena, &el->function->outputs, kept);
    return kept;
}

// The source that holds the tensor's rows in the second pass; NULL: it has none.
Tensor *rows_kept(Elaborator *el, Tensor *t) {
    Program *p = el->session->program;
    int batch = batch_dimension(t);
    Tensor *source = table_get(&el->tables->kept, t);
    if (source || batch < 0) return source;
    Type type = t->type == TYPE_REAL ? TYPE_DOUBLE : t->type;
    const char *name = string_format(p->arena, "%s.kept", t->name);
    Tensor *values = kept_values(el, t, batch, name, type);
    source = rows_add(p, values->name, type, t, batch);
    tensor_bound_as(source, t);
    vec_push(p->arena, &el->session->kept, (Kept){el->training, values, source, -1});
    table_set(p->arena, &el->tables->kept, t, source);
    return source;
}

// ---- expressions of the second pass ----

typedef struct {
    Elaborator *el;
    bool ok;
} Rereading;

const Expr *form_read(const Affine *form) {
    bool alone = form->count == 1 && form->constant == 0 && form->terms[0].coef == 1;
    return alone && form->terms[0].atom->op == OP_READ ? form->terms[0].atom : NULL;
}

// Of a form that is the row's own number in the part, the batch's index.
static const Affine *row_index(const Rereading *x, const Affine *form) {
    const Expr *read = form_read(form);
    return read && read->tensor == program_rowmap(x->el->session->program) ? read->forms[0] : NULL;
}

static const Expr *reread(void *data, const Expr *e) {
    Rereading *x = data;
    Tensor *t = e->tensor;
    Side side = side_of_tensor(x->el, t);
    int batch = batch_dimension(t);
    if (t->kind == TENSOR_SOURCE || t->kind == TENSOR_ROWMAP || (side != SIDE_BATCH && side != SIDE_SECOND))
        return e;
    Tensor *source = side == SIDE_BATCH ? rows_kept(x->el, t) : NULL;
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < t->rank; d++) forms[d] = e->forms[d];
    if (source) {
        for (int d = batch; d > 0; d--) forms[d] = e->forms[d - 1];
        forms[0] = e->forms[batch];
        return expr_read(x->el->session->program, source, forms, e->origin);
    }
    const Affine *index = side == SIDE_SECOND && batch >= 0 ? row_index(x, e->forms[batch]) : NULL;
    if (index) forms[batch] = index;
    x->ok = x->ok && (index || (side == SIDE_SECOND && batch < 0));
    return expr_read(x->el->session->program, t, forms, e->origin);
}

// The expression as FUNCTION_SECOND computes it: NULL where it reads what is not there.
const Expr *expr_second(Elaborator *el, const Expr *e) {
    Program *p = el->session->program;
    Rereading x = {el, true};
    Binding bindings[MAX_RANK * 2];
    int count = 0;
    for (int i = 0; i < e->free_count && count < MAX_RANK * 2; i++) {
        const Affine *row = affine_index(p, e->free[i]);
        if (e->free[i]->batch)
            bindings[count++] =
                (Binding){e->free[i], affine_atom(p, expr_read(p, program_rowmap(p), &row, NULL))};
    }
    e = expr_map_reads(p, expr_substitute(p, e, bindings, count), reread, &x);
    return x.ok ? e : NULL;
}

// ---- order ----

bool form_is_order(const Affine *form) {
    const Expr *read = form_read(form);
    return read && read->tensor->kind == TENSOR_SOURCE;
}

static int kept_number(const Elaborator *el, const Tensor *source) {
    for (int i = 0; i < el->session->kept.count; i++)
        if (el->session->kept.data[i].source == source) return i;
    return -1;
}

// Is it a read of a tensor at an index in each dimension, whole along the array's last?
static bool reads_whole(const Array *a) {
    for (int d = 0; d < a->e->guard_count && a->e->op == OP_READ; d++)
        if (!affine_only(a->e->forms[d])) return false;
    return a->e->op == OP_READ && expr_depends(a->e, a->indices[a->rank - 1]);
}

// The source of the kept rows of what the array reads; NULL after a message.
static Tensor *sorted_rows(Elaborator *el, const Env *env, const Array *a, Span span) {
    Tensor *t = a->e->tensor;
    if (t->kind == TENSOR_SOURCE) return t;
    Tensor *source = side_of_tensor(el, t) == SIDE_BATCH ? rows_kept(el, t) : NULL;
    if (!source) fail(el, env, METRIC_NESTED, span, "");
    return source;
}

// The positions of a part's rows by value: each of the other dimensions by itself.
static SemaValue order_of_rows(Elaborator *el, const Env *env, SemaValue v, Span span) {
    Program *p = el->session->program;
    if (!el->totals || el->totals->once) return fail_value(el, env, ORDER_OF_ROWS, span, "");
    if (!reads_whole(v.array)) v = value_emit(el, env, v, value_name(el, env, v), span);
    Tensor *source = v.kind == SEMA_TENSOR ? sorted_rows(el, env, v.array, span) : NULL;
    if (!source) return value_error();
    Tensor *order = rows_add(p, string_format(p->arena, "%s.order", source->name), TYPE_INT, source, 0);
    vec_push(p->arena, &el->session->kept, (Kept){el->training, NULL, order, kept_number(el, source)});
    Array out = *v.array;
    const Expr *e = out.e;
    const Affine *forms[MAX_RANK] = {affine_index(p, out.indices[out.rank - 1])};
    for (int d = 0, at = 1; d < e->guard_count; d++)
        if (e->forms[d] != forms[0]) forms[at++] = e->forms[d];
    out.e = expr_read(p, order, forms, e->origin);
    return value_array(el->session, &out);
}

// order(x[.., n]): int[.., n].
SemaValue value_of_order(Elaborator *el, Env *env, SemaValue v, Span span) {
    v = value_plain(el, env, v, span);
    if (v.kind == SEMA_ERROR) return v;
    if (v.array->dims[v.array->rank - 1].batch) return order_of_rows(el, env, v, span);
    if (expr_depends(v.array->e, el->tables->element))
        return fail_value(el, env, DRAW_IN_REDUCTION, span, "");
    return order_emit(el, env, v, span);
}
