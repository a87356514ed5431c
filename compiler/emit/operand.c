// Operands: how they are made, named, and seen as expressions; messages with the chain of applications.
// Guarantees: a tensor without dimensions is always a scalar.
#include "emit/emit.h"

#include <math.h>
#include <string.h>

// ---- making operands ----

Operand operand_wrong(void) { return (Operand){.kind = OPERAND_WRONG}; }

Operand operand_number(double number, bool integral) {
    return (Operand){.kind = OPERAND_NUMBER,
                     .number = number,
                     .integral = integral,
                     .type = integral ? TYPE_INT : TYPE_REAL};
}

Operand operand_truth(bool truth) {
    return (Operand){.kind = OPERAND_NUMBER, .number = truth, .integral = true, .type = TYPE_BOOL};
}

Operand operand_known(Shape v) {
    return (Operand){
        .kind = OPERAND_NUMBER, .number = v.number, .integral = v.integral, .type = (Type)v.type};
}

Operand operand_scalar(const Expr *e) {
    return (Operand){.kind = OPERAND_SCALAR, .e = e, .type = (Type)e->type};
}

Operand operand_array(const Emitter *m, const Array *a) {
    if (a->rank == 0) return operand_scalar(a->e);
    Array *copy = arena_new(m->arena, Array);
    *copy = *a;
    return (Operand){.kind = OPERAND_TENSOR, .array = copy, .type = (Type)a->e->type};
}

Array array_over(const Emitter *m, const char *name, const Extent *dims, int rank) {
    Array a = {.rank = rank};
    for (int d = 0; d < rank; d++) {
        a.dims[d] = dims[d];
        a.indices[d] = index_over(m, name ? name : name_of_dimension(d), dims[d]);
    }
    return a;
}

Array array_of_tensor(const Emitter *m, Tensor *t) {
    Extent dims[MAX_RANK];
    for (int d = 0; d < t->rank; d++) dims[d] = (Extent){t->dims[d], t->batch_dims >> d & 1};
    Array a = array_over(m, NULL, dims, t->rank);
    const Affine *forms[MAX_RANK];
    array_forms(m, &a, forms);
    a.e = expr_read(m->p, t, forms, t->origin);
    return a;
}

Operand operand_tensor(const Emitter *m, Tensor *t) {
    Array a = array_of_tensor(m, t);
    return operand_array(m, &a);
}

Array array_of(const Emitter *m, Operand v) {
    return v.kind == OPERAND_TENSOR ? *v.array : (Array){.e = operand_expr(m, v, !type_whole(v.type))};
}

// A number has the same element everywhere (rule 9).
Operand operand_everywhere(const Emitter *m, Operand v, const Extent *dims, int rank) {
    if (!operand_is_number(v) || !rank) return v;
    Array a = array_over(m, "i", dims, rank);
    a.e = operand_expr(m, v, !type_whole(v.type));
    return operand_array(m, &a);
}

Operand operand_callable(const Emitter *m, Bound bound) {
    Bound *copy = arena_new(m->arena, Bound);
    *copy = bound;
    return (Operand){.kind = OPERAND_CALLABLE, .callable = copy};
}

Operand operand_first(Operand v) {
    while (v.kind == OPERAND_TUPLE) v = v.items[0];
    return v;
}

Operand operand_plain(At at, Operand v, Span span) {
    v = operand_first(v);
    return v.kind == OPERAND_LIST ? operand_of_list(at, v, span) : v;
}

bool operand_has_value(Operand v) { return v.kind == OPERAND_TENSOR || operand_is_number(v); }

bool operand_is_number(Operand v) { return v.kind == OPERAND_NUMBER || v.kind == OPERAND_SCALAR; }

bool operand_is(Operand v, double number) { return v.kind == OPERAND_NUMBER && v.number == number; }

// ---- as expressions ----

const Expr *operand_expr(const Emitter *m, Operand v, bool real) {
    if (v.kind == OPERAND_SCALAR) return v.e;
    if (v.kind != OPERAND_NUMBER) die("operand_expr: an operand of kind %d is no number", (int)v.kind);
    if (v.integral && !real && fabs(v.number) < 1e15) return expr_int(m->p, (int64_t)v.number);
    return expr_const(m->p, v.number);
}

const Expr *operand_as_scalar(At at, Operand v) {
    v = operand_forced(at, operand_first(v));
    return operand_is_number(v) ? operand_expr(at.m, v, false) : NULL;
}

Tensor *operand_as_tensor(At at, Operand v, const char *name, TensorKind kind, int type, Span span) {
    v = operand_plain(at, v, span);
    if (!operand_has_value(v)) return NULL;
    Array a = array_of(at.m, v);
    return tensor_write(at, name, kind, type, &a, span);
}

const Expr *array_element(const Emitter *m, const Array *a, const Affine *const *forms) {
    return expr_at(m, a->e, a->indices, forms, a->rank);
}

bool array_reads_whole(const Array *a) {
    if (a->e->op != OP_READ || a->e->tensor->rank != a->rank) return false;
    for (int d = 0; d < a->rank; d++)
        if (affine_only(a->e->forms[d]) != a->indices[d] || a->e->tensor->dims[d] != a->dims[d].size)
            return false;
    return true;
}

void array_forms(const Emitter *m, const Array *a, const Affine **forms) {
    for (int d = 0; d < a->rank; d++) forms[d] = affine_index(m->p, a->indices[d]);
}

const Expr *expr_at(const Emitter *m, const Expr *e, const Index *const *indices, const Affine *const *forms,
                    int count) {
    Binding bindings[MAX_RANK * 2];
    for (int d = 0; d < count; d++) bindings[d] = (Binding){indices[d], forms[d]};
    return expr_substitute(m->p, e, bindings, count);
}

const Affine *form_of(const Emitter *m, const Expr *integer) {
    if (integer->op == OP_AFFINE) return integer->form;
    if (integer->op == OP_CONST) return affine_constant(m->p, (int64_t)integer->value);
    if (integer->op == OP_INDEX) return affine_index(m->p, integer->index);
    return affine_atom(m->p, integer);
}

// ---- indices and tensors ----

Index *index_over(const Emitter *m, const char *name, Extent dim) {
    return index_add(m->p, name, dim.size, dim.batch);
}

const char *name_of_dimension(int d) {
    static const char *const names[MAX_RANK] = {"i", "j", "k", "l", "m", "n", "o", "p"};
    return names[d];
}

Extent extent_over(const Index *index) { return (Extent){index->size, index->batch}; }

Tensor *tensor_over(const Emitter *m, const char *name, TensorKind kind, Type type, const Extent *dims,
                    int rank) {
    int64_t sizes[MAX_RANK] = {0};
    for (int d = 0; d < rank && d < MAX_RANK; d++) sizes[d] = dims[d].size;
    Tensor *t = tensor_add(m->p, name, kind, type, rank, sizes);
    for (int d = 0; d < rank; d++) t->batch_dims |= (uint8_t)(dims[d].batch << d);
    return t;
}

// ---- names ----

const char *path_in(const Emitter *m, const Frame *frame, const char *name) {
    const char *place = frame->place;
    return string_format(m->arena, "%s%s%s%s", place, place[0] && name[0] ? "." : "", name, frame->rounds);
}

const char *operand_name(At at, Operand v) {
    if (v.giver && v.kind == OPERAND_TENSOR) return path_in(at.m, at.frame, v.giver);
    return at.hint ? at.hint : path_in(at.m, at.frame, "value");
}

const Origin *origin_at(const Emitter *m, Span span, const char *what, const Origin *caller) {
    Origin *origin = arena_new(m->arena, Origin);
    *origin = (Origin){span, what, caller};
    return origin;
}

// ---- messages ----

static bool in_library(const Emitter *m, Span span) {
    const Source *source = source_of(m->ctx, span);
    return source && source->library;
}

Span message_place(At at, Span span) {
    if (!in_library(at.m, span)) return span;
    for (const Frame *f = at.frame; f && f->origin; f = f->caller)
        if (!in_library(at.m, f->origin->span)) return f->origin->span;
    return span;
}

// A long path without its middle.
static const char *shorter(Arena *arena, const char *path) {
    enum { LONG = 80, HEAD = 24, TAIL = 40 };
    size_t length = strlen(path);
    return length <= LONG ? path : string_format(arena, "%.*s…%s", (int)HEAD, path, path + length - TAIL);
}

Diagnostic *message_in_chain(At at, Diagnostic *d, Span span) {
    if (d->span.start != span.start || d->span.end != span.end)
        diagnostic_note(at.m->ctx, d, span, "the fault shows here");
    uint32_t before = 0;
    int shown = 0;
    for (const Frame *f = at.frame; f && f->origin; f = f->caller) {
        const Node *define = f->of->define->node;
        bool from_outside = f->origin->span.start == define->name_span.start;
        if (from_outside || f->origin->span.start == before || ++shown > 8) continue;
        before = f->origin->span.start;
        bool layer = define->definition == DEFINE_LAYER || define->definition == DEFINE_MODEL;
        diagnostic_note(at.m->ctx, d, f->origin->span, "in `%s`, applied here",
                        shorter(at.m->arena, layer ? f->path : define->name));
    }
    return d;
}
