// What is written: emitters, one a program; writers, one for each function; definitions by themselves.
#include "emit/write.h"

Writer *writer_create(Emitter *m, Function *f) {
    Writer *w = arena_new(m->arena, Writer);
    w->function = f;
    return w;
}

Emitter *emitter_create(Program *p, Library *library, const Tree *tree, const Expr *training) {
    Emitter *m = arena_new(p->arena, Emitter);
    *m = (Emitter){.ctx = p->ctx, .arena = p->arena, .p = p, .library = library, .tree = tree};
    m->training = training;
    m->declared = map_create(m->arena);
    m->initial = writer_create(m, function_add(p, FUNCTION_INITIAL, "initial"));
    m->element = index_add(p, "element", INT32_MAX, false);
    return m;
}

At at_outside(Emitter *m, Writer *to, const Frame *frame) {
    return (At){.m = m, .to = to, .frame = frame, .state = TENSOR_STATE};
}

// Is it the tensor of the cell's last value, whole and of the right type?
static Tensor *whole_temp(const Cell *cell, const Array *a) {
    Tensor *t = array_reads_whole(a) ? a->e->tensor : NULL;
    return t && t->kind == TENSOR_TEMP && (!t->rank || t->type == cell->target->type) ? t : NULL;
}

void writer_effects(Emitter *m, Writer *to, Function *f) {
    Frame none = {.path = "", .place = "", .rounds = ""};
    At at = at_outside(m, to, &none);
    for (int i = 0; i < to->changed.count; i++) {
        Cell *cell = to->changed.data[i];
        if (!operand_has_value(cell->current)) continue;
        Array a = array_of(m, cell->current);
        Tensor *t = whole_temp(cell, &a);
        if (!t)
            t = tensor_write(at, string_format(m->arena, "%s.next", cell->target->name), TENSOR_TEMP,
                             (int)cell->target->type, &a, cell->span);
        if (t) vec_push(m->arena, &f->effects, (Effect){cell->target, t});
    }
}

void writer_finish(Emitter *m, Writer *to) {
    writer_effects(m, to, to->function);
    to->changed.count = 0;
    if (to->loops && !m->ctx->errors) function_sort(m->p, to->function);
}

Function *emit_case(Emitter *m, Case *c, const Instance *in, Tensor *const *inputs) {
    const Node *define = c->define->node, *results = define->results;
    Function *f = function_add(m->p, FUNCTION_PREDICT, define->name);
    Writer *to = writer_create(m, f);
    At at = at_outside(m, to, frame_outside(m, c, NULL, ""));
    Operand *given = arena_array(m->arena, Operand, c->define->parameters + 1);
    for (int i = 0; i < c->define->parameters; i++) given[i] = operand_tensor(m, inputs[i]);
    Operand v = apply_case(at, c, in, given, define->name_span);
    if (v.kind == OPERAND_WRONG) return NULL;
    for (int i = 0; i < (v.kind == OPERAND_TUPLE ? v.count : 1); i++) {
        const char *name = results && i < results->count ? results->items[i]->name : "result";
        Tensor *t = operand_as_tensor(at, v.kind == OPERAND_TUPLE ? v.items[i] : v, name, TENSOR_OUTPUT, -1,
                                      define->name_span);
        if (!t) return NULL;
        vec_push(m->arena, &f->outputs, t);
    }
    writer_finish(m, to);
    return f;
}

// The case's arguments, as inputs of a function.
static Tensor **inputs_of(Emitter *m, const Case *c) {
    Tensor **inputs = arena_array(m->arena, Tensor *, c->count + 1);
    for (int i = 0; i < c->count; i++) {
        const Shape *v = &c->given[i];
        inputs[i] =
            tensor_over(m, c->define->node->items[i]->name, TENSOR_INPUT, (Type)v->type, v->dims, v->rank);
    }
    return inputs;
}

bool emit_library(Context *ctx, Library *library, const Trees *trees) {
    int errors = ctx->errors;
    for (int i = 0; i < trees->count; i++) {
        const Tree *tree = trees->data[i];
        const Instance *in = tree->roots.data[0];
        Program *p = program_create(ctx, PRECISION_DEFAULT, tree->batch);
        Emitter *m = emitter_create(p, library, tree, expr_training(p));
        emit_case(m, in->of, in, inputs_of(m, in->of));
    }
    return ctx->errors == errors;
}
