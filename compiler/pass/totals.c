// What functions measure of a whole part of the data (Measure): a reduction over the batch becomes a total
// that every batch adds to, the number of rows one too, and what reads totals alone is computed in
// FUNCTION_METRICS; what reads totals and rows, in a second pass over the rows (second.c). Whether two passes
// are enough is asked before anything is written. Guarantees: no measure is left, nor what only they needed;
// a measure of another function adds to the totals of the one of its name.
#include "pass/totals.h"

#include <math.h>

// ---- where things are computed ----

Image *image_of(const Totals *x, const Tensor *t) {
    return (int)t->id < x->count && x->images[t->id].known ? &x->images[t->id] : NULL;
}

int batch_dimension(const Tensor *t) {
    int d = 0;
    while (d < t->rank && !(t->batch_dims >> d & 1)) d++;
    return d < t->rank ? d : -1;
}

Side totals_side(const Totals *x, const Tensor *t) {
    const Image *image = image_of(x, t);
    if (image) return !image->totalled ? image->side : image->side == SIDE_SECOND ? SIDE_LAST : SIDE_END;
    if (t->kind == TENSOR_TOTAL) return SIDE_END;
    bool fixed = t->kind == TENSOR_CLOCK || t->kind == TENSOR_SETTING || t->kind == TENSOR_RUN ||
                 t->kind == TENSOR_PARAM || t->kind == TENSOR_STATE;
    return fixed && !t->batch_dims ? SIDE_BOTH : SIDE_BATCH;
}

// What an expression holds, but for its subscripts.
typedef struct {
    bool reads[SIDES];
    bool rows;   // the number of rows
    bool number; // the number of a row: in a batch it would count from the batch's beginning
    bool batch;  // anything of the batch
} Holds;

static void look(Holds *h, Table *seen, Arena *arena, const Expr *e) {
    if (table_get(seen, e)) return;
    table_set(arena, seen, e, seen);
    h->rows = h->rows || e->op == OP_ROWS;
    h->number = h->number || (e->op == OP_INDEX && e->index->batch);
    for (int i = 0; i < e->count; i++) look(h, seen, arena, e->args[i]);
    const Affine *form;
    for (int i = 0; e->op != OP_READ && e->op != OP_DRAW && (form = expr_form(e, i)); i++)
        for (int k = 0; k < form->count; k++) look(h, seen, arena, form->terms[k].atom);
}

static bool over_batch(const Equation *q) {
    for (int i = 0; i < q->index_count; i++)
        if (q->indices[i]->batch) return true;
    return false;
}

static Holds holds(const Totals *x, const Definition *d) {
    Holds h = {0};
    for (int i = 0; i < d->equations.count; i++) {
        const Equation *q = d->equations.data[i];
        look(&h, &(Table){0}, x->p->arena, q->e);
        h.batch = h.batch || over_batch(q) || q->e->has_draw;
        for (int k = 0; k < q->e->free_count; k++) h.batch = h.batch || q->e->free[k]->batch;
        for (int k = 0; k < q->e->read_count; k++) h.reads[totals_side(x, q->e->reads[k]->tensor)] = true;
    }
    h.reads[SIDE_END] = h.reads[SIDE_END] || h.rows;
    h.batch = h.batch || h.reads[SIDE_BATCH];
    return h;
}

static bool has_draw(const Definition *d) {
    for (int i = 0; i < d->equations.count; i++)
        if (d->equations.data[i]->e->has_draw) return true;
    return false;
}

// False: the rows would be seen a third time, or more often than the measure says.
static bool find_side(const Totals *x, const Definition *d, Side *side) {
    Holds h = holds(x, d);
    bool again = h.reads[SIDE_SECOND] || (h.batch && (h.reads[SIDE_END] || h.number));
    *side = h.reads[SIDE_LAST]  ? SIDE_LAST
            : again             ? SIDE_SECOND
            : h.reads[SIDE_END] ? SIDE_END
            : h.batch           ? SIDE_BATCH
                                : SIDE_BOTH;
    if (h.reads[SIDE_LAST]) return !h.batch && !again;
    return !again || (x->measure->kind == MEASURE_TWICE && !has_draw(d) && second_possible(x, d));
}

// What fits nowhere, and where it stands.
typedef struct {
    DiagnosticCode code;
    const Origin *origin;
    const char *what;
} Misfit;

static bool find_definition(Totals *x, const Definition *d, Misfit *misfit) {
    const Equation *q = d->equations.data[0];
    Image *image = &x->images[d->tensor->id];
    bool sorted = q->reduction == REDUCE_ORDER && over_batch(q), totalled = over_batch(q) && !sorted;
    Side side = SIDE_SECOND;
    bool fits = sorted ? x->measure->kind == MEASURE_TWICE && second_sorts(x, d) : find_side(x, d, &side);
    *image = (Image){.known = true, .side = side, .sorted = sorted, .totalled = totalled};
    bool position = q->reduction == REDUCE_ARGMAX || q->reduction == REDUCE_ARGMIN;
    *misfit = (Misfit){METRIC_NESTED, q->origin, ""};
    if (totalled && position) *misfit = (Misfit){METRIC_POSITION, q->origin, reduction_word(q->reduction)};
    return fits && !(totalled && (position || d->tensor->batch_dims));
}

// grad(e, x): only a row's own derivative can be measured; any other adds up what the rows of a batch give.
static bool find_gradients(Totals *x, const Flow *slice, const Tensor *of, Misfit *misfit) {
    for (int i = 0; i < slice->f->gradients.count; i++) {
        const GradientRequest *g = &slice->f->gradients.data[i];
        if (of ? g->of != of : flow_definition(slice, g->of) != NULL) continue;
        bool own = totals_side(x, g->of) == SIDE_BATCH && g->of->batch_dims && g->by->batch_dims;
        x->images[g->result->id] = (Image){.known = true, .side = SIDE_BATCH};
        *misfit = (Misfit){METRIC_NESTED, g->result->origin, ""};
        if (!own) return false;
    }
    return true;
}

// What a loop carries reads itself: it stands anywhere until what else it reads says where.
static bool find_all(Totals *x, const Flow *slice, Misfit *misfit) {
    for (int i = 0; i < slice->order.count; i++) {
        const Tensor *t = slice->order.data[i]->tensor;
        if (t->step) x->images[t->id] = (Image){.known = true, .side = SIDE_BOTH};
    }
    if (!find_gradients(x, slice, NULL, misfit)) return false;
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < slice->order.count; i++) {
            const Definition *d = slice->order.data[i];
            Side before = totals_side(x, d->tensor);
            if (!find_definition(x, d, misfit) || !find_gradients(x, slice, d->tensor, misfit)) return false;
            again = again || (d->tensor->step && totals_side(x, d->tensor) != before);
        }
    }
    return true;
}

// ---- what is written ----

Tensor *totals_copy(Totals *x, const Tensor *t, Type real) {
    Tensor *again = tensor_again(x->p, t);
    if (again->type == TYPE_REAL) again->type = real;
    return again;
}

static double start_of(Reduction r) {
    return r == REDUCE_MAX    ? -(double)INFINITY
           : r == REDUCE_MIN  ? (double)INFINITY
           : r == REDUCE_PROD ? 1
                              : 0;
}

static const Expr *joined(Program *p, Reduction r, const Expr *a, const Expr *b) {
    return r == REDUCE_MAX    ? expr_binary(p, OP_MAX, a, b)
           : r == REDUCE_MIN  ? expr_binary(p, OP_MIN, a, b)
           : r == REDUCE_PROD ? expr_mul(p, a, b)
                              : expr_add(p, a, b);
}

// The total that the function adds `part` to: an element of a tensor of these dimensions, at `at`.
static Tensor *total_add(Totals *x, Function *f, Reduction r, const Expr *part, const Affine *const *at,
                         int rank, const int64_t *dims) {
    Program *p = x->p;
    const char *name = string_format(p->arena, "%s.total_%d", x->measure->name, ++x->totals);
    Tensor *total = tensor_find(p, name);
    if (!total) {
        total = tensor_add(p, name, TENSOR_TOTAL, TYPE_DOUBLE, rank, dims);
        total->start = start_of(r);
    }
    name = string_format(p->arena, "%s.next", name);
    Tensor *next = tensor_add(p, name, TENSOR_TEMP, TYPE_DOUBLE, rank, dims);
    equation_add(p, f, next, at, REDUCE_NONE, NULL, 0, joined(p, r, expr_read(p, total, at, NULL), part),
                 NULL);
    vec_push(p->arena, &f->effects, ((Effect){total, next}));
    return total;
}

static const Expr *rows_total(Totals *x) {
    if (!x->rows) x->rows = total_add(x, x->f, REDUCE_SUM, expr_rows(x->p), NULL, 0, NULL);
    return expr_read(x->p, x->rows, NULL, NULL);
}

const Expr *totals_rows(Totals *x, const Expr *e) {
    Holds h = {0};
    look(&h, &(Table){0}, x->p->arena, e);
    if (!h.rows) return e;
    return expr_replace(x->p, e, expr_rows(x->p), rows_total(x));
}

// What stands for a tensor where there are no rows.
static const Expr *read_end(void *data, const Expr *read) {
    Totals *x = data;
    const Image *image = image_of(x, read->tensor);
    Tensor *t = !image ? NULL : image->totalled ? image->total : image->copy;
    return t ? expr_read(x->p, t, read->forms, read->origin) : read;
}

static bool reads_total(const Totals *x, const Expr *e) {
    for (int i = 0; i < e->read_count; i++) {
        Side side = totals_side(x, e->reads[i]->tensor);
        if (side == SIDE_END || side == SIDE_LAST) return true;
    }
    return false;
}

static bool divides(const Expr *e, const Expr *d) {
    const Expr *base = d->op == OP_PRODUCT && d->count == 1 && d->exponents[0] == 1 ? d->args[0] : d;
    for (int i = 0; e->op == OP_PRODUCT && i < e->count; i++)
        if (e->exponents[i] < 0 && (e->args[i] == d || e->args[i] == base)) return true;
    return e->op == OP_DIV && e->args[1] == d;
}

// Is it `0 if d == 0 else ... / d`, with a total in d?
static bool guards_total(const Totals *x, const Expr *e) {
    const Expr *c = e->op == OP_SELECT ? e->args[0] : NULL;
    if (!c || c->op != OP_EQ || !expr_is_const(e->args[1], 0)) return false;
    int zero = expr_is_const(c->args[1], 0);
    const Expr *d = c->args[!zero];
    return expr_is_const(c->args[zero], 0) && divides(e->args[2], d) && reads_total(x, d);
}

// At the end of a part a quotient is plain: of nothing there is no value (rule 4 speaks of batches).
static const Expr *plain(void *data, const Expr *e) {
    Totals *x = data;
    if (!e->count) return e;
    e = expr_map_args(x->p, e, plain, x);
    return guards_total(x, e) ? e->args[2] : e;
}

static void write_to(Totals *x, Function *f, const Definition *d, Tensor *t) {
    for (int i = 0; i < d->equations.count; i++) {
        const Equation *q = d->equations.data[i];
        const Expr *e = expr_map_reads(x->p, totals_rows(x, plain(x, q->e)), read_end, x);
        equation_add(x->p, f, t, q->out, q->reduction, q->indices, q->index_count, e, q->origin);
    }
}

// A batch's part of a total, in double.
static Tensor *part_of(Totals *x, const Definition *d) {
    if (d->tensor->type == TYPE_DOUBLE) return d->tensor;
    Tensor *part = totals_copy(x, d->tensor, TYPE_DOUBLE);
    part->type = TYPE_DOUBLE;
    part->bounded = false;
    for (int i = 0; i < d->equations.count; i++) {
        const Equation *q = d->equations.data[i];
        equation_add(x->p, x->f, part, q->out, q->reduction, q->indices, q->index_count, q->e, q->origin);
    }
    return part;
}

static void write_total(Totals *x, const Definition *d, Image *image) {
    bool again = image->side == SIDE_SECOND;
    Tensor *part = again ? second_write(x, d) : part_of(x, d);
    const Affine **at = forms_of(x->p, dims_fresh(x->p, part, NULL), part->rank);
    image->total = total_add(x, again ? second_function(x) : x->f, d->equations.data[0]->reduction,
                             expr_read(x->p, part, at, part->origin), at, part->rank, part->dims);
}

static void write_definition(Totals *x, const Definition *d) {
    Image *image = image_of(x, d->tensor);
    if (image->totalled) {
        write_total(x, d, image);
    } else if (image->sorted) {
        second_order(x, d);
    } else if (image->side == SIDE_SECOND) {
        image->copy = second_write(x, d);
    } else if (image->copy) {
        write_to(x, x->end, d, image->copy);
        if (image->side != SIDE_LAST) write_to(x, second_function(x), d, image->copy);
    }
}

// ---- one measure ----

static void define_output(Totals *x, const Expr *e, const Affine *const *at) {
    if (x->measure->output)
        equation_add(x->p, x->end, x->measure->output, at, REDUCE_NONE, NULL, 0, e,
                     x->measure->value->origin);
}

static void mean_of_batches(Totals *x) {
    Program *p = x->p;
    Tensor *value = x->measure->value;
    const Affine **at = forms_of(p, dims_fresh(p, value, NULL), value->rank);
    const Expr *part = expr_mul(p, expr_read(p, value, at, value->origin), expr_rows(p));
    Tensor *sum = total_add(x, x->f, REDUCE_SUM, part, at, value->rank, value->dims);
    define_output(x, expr_div(p, expr_read(p, sum, at, NULL), rows_total(x)), at);
}

static void write_all(Totals *x, const Flow *slice) {
    Tensor *value = x->measure->value;
    for (int i = 0; i < slice->order.count; i++) {
        Image *image = image_of(x, slice->order.data[i]->tensor);
        bool apart =
            !image->totalled && !image->sorted && image->side != SIDE_SECOND && image->side != SIDE_BATCH;
        if (apart) image->copy = totals_copy(x, slice->order.data[i]->tensor, TYPE_DOUBLE);
    }
    for (int i = 0; i < slice->order.count; i++) write_definition(x, slice->order.data[i]);
    const Affine **at = forms_of(x->p, dims_fresh(x->p, value, NULL), value->rank);
    define_output(x, read_end(x, expr_read(x->p, value, at, value->origin)), at);
}

static bool in_library(const Totals *x, Span span) {
    const Source *source = source_of(x->p->ctx, span);
    return source && source->library;
}

// What goes wrong in the library's text is said where the user's calls it.
static void report(const Totals *x, const Misfit *misfit) {
    Context *ctx = x->p->ctx;
    const Origin *at = misfit->origin;
    while (at && at->caller && in_library(x, at->span)) at = at->caller;
    Diagnostic *d = diagnose(ctx, misfit->code, at ? at->span : NO_SPAN, misfit->what);
    if (at != misfit->origin) diagnostic_note(ctx, d, misfit->origin->span, "the fault shows here");
}

// What the measure is made of, but for what models give.
static Flow *slice_of(const Totals *x) {
    Program *p = x->p;
    Function *slice = arena_new(p->arena, Function);
    for (int i = 0; i < x->f->equations.count; i++)
        if (!x->f->equations.data[i]->tensor->given)
            vec_push(p->arena, &slice->equations, x->f->equations.data[i]);
    for (int i = 0; i < x->f->gradients.count; i++)
        vec_push(p->arena, &slice->gradients, x->f->gradients.data[i]);
    vec_push(p->arena, &slice->outputs, x->measure->value);
    function_slice(p, slice);
    return flow_open(p, slice);
}

static void measure(Totals *x, const Measure *m) {
    x->measure = m;
    x->end = arena_new(x->p->arena, Function); // of a measure without output nobody asks what it is
    for (int i = 0; i < x->p->functions.count && m->output; i++)
        if (x->p->functions.data[i]->kind == FUNCTION_METRICS) x->end = x->p->functions.data[i];
    x->count = x->p->tensors.count;
    x->images = arena_array(x->p->arena, Image, x->count + 1);
    x->totals = 0;
    x->rows = NULL;
    const Flow *slice = slice_of(x);
    Misfit misfit;
    bool fits = m->kind != MEASURE_BATCHES && find_all(x, slice, &misfit);
    if (fits && totals_side(x, m->value) != SIDE_BATCH && totals_side(x, m->value) != SIDE_SECOND) {
        write_all(x, slice);
    } else if (!fits && m->kind != MEASURE_BATCHES &&
               (m->kind == MEASURE_TWICE || misfit.code != METRIC_NESTED)) {
        report(x, &misfit);
    } else {
        if (m->kind == MEASURE_ONCE && m->output) vec_push(x->p->arena, &x->p->means, m->name);
        mean_of_batches(x);
    }
}

// An expression as a tensor of its own over these indices, defined before what reads it: a read of it.
static const Expr *stored(Program *p, Equations *all, const Equation *like, const char *suffix,
                          const Index *const *at, int rank) {
    Tensor *t = temp_add(p, like->tensor->name, suffix, (Type)like->e->type, rank, at);
    const Affine **forms = forms_of(p, at, rank);
    if (like->reduction != REDUCE_NONE) t->type = like->tensor->type;
    vec_push(
        p->arena, all,
        equation_make(p, t, forms, like->reduction, like->indices, like->index_count, like->e, like->origin));
    return expr_read(p, t, forms, like->origin);
}

// What is sorted is read whole.
static Equation *sorts_whole(Program *p, Equations *all, Equation *q) {
    const Expr *x = q->e->args[0];
    bool whole = true;
    for (int d = 0; d < x->guard_count; d++) whole = whole && affine_only(x->forms[d]);
    if (whole) return q;
    const Equation column = {.tensor = q->tensor, .e = x, .origin = q->origin};
    const Expr *read = stored(p, all, &column, "_sorted", x->free, x->free_count);
    return equation_with(p, q, expr_binary(p, OP_AT, read, q->e->args[1]));
}

// A piece that reduces the batch is read from a tensor of its own.
static Equation *whole_piece(Program *p, Equations *all, Equation *q) {
    const Index *at[MAX_RANK];
    if (equation_identity(q)) return q;
    const Expr *read = stored(p, all, q, "_part", at, equation_result_indices(q, at, MAX_RANK));
    return equation_make(p, q->tensor, q->out, REDUCE_NONE, NULL, 0, read, q->origin);
}

// What reduces the batch defines the whole of a tensor, or sorts one.
static void prepare(Program *p, Function *f) {
    Equations all = {0};
    for (int i = 0; i < f->equations.count; i++) {
        Equation *q = f->equations.data[i];
        if (over_batch(q) && !q->tensor->given)
            q = q->reduction == REDUCE_ORDER ? sorts_whole(p, &all, q) : whole_piece(p, &all, q);
        vec_push(p->arena, &all, q);
    }
    f->equations.count = 0;
    for (int i = 0; i < all.count; i++) vec_push(p->arena, &f->equations, all.data[i]);
}

static void measure_all(Program *p, Function *f) {
    Totals x = {.p = p, .f = f, .training = f->kind == FUNCTION_STEP};
    prepare(p, f);
    for (int i = 0; i < f->measures.count; i++) measure(&x, &f->measures.data[i]);
    f->measures.count = 0;
    function_slice(p, f);
    if (!x.second || !x.second->effects.count) return;
    function_slice(p, x.second);
    vec_push(p->arena, &p->functions, x.second);
}

void pass_totals(Program *p, Function *f) {
    if (!f->measures.count) return;
    measure_all(p, f);
    for (int i = 0; i < p->functions.count; i++)
        if (p->functions.data[i]->kind == FUNCTION_METRICS) function_slice(p, p->functions.data[i]);
}
