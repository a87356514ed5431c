// Layers and functions of a run's models by themselves, for `nnc grad`: what the master applied is applied
// again, to inputs of its own in place of the tensors it was given; settings stay the same values. Needs
// Emitter.records while the master is written. Guarantees: the program's own functions stay as they are;
// `training` is decided, as in the step.
#include "emit/run.h"
#include "emit/write.h"

#include <string.h>

// Does anything that is a layer stand inside the text of this path?
static bool has_layers(const Tree *tree, const char *path) {
    size_t length = strlen(path);
    for (int i = 0; i < tree->layers.count; i++) {
        const char *name = tree->layers.data[i]->path;
        if (!strncmp(name, path, length) && name[length] == '.') return true;
    }
    return false;
}

// An input for each whole tensor that was given, by parameter; NULL for what keeps its value.
static Tensor **inputs_of(const Applied *a, Extract *u) {
    Emitter *m = a->at.m;
    const Definition *d = a->of->define;
    Tensor **inputs = arena_array(m->arena, Tensor *, d->parameters + 1);
    for (int i = 0; i < d->parameters; i++) {
        Operand v = operand_first(a->given[i]);
        if (v.kind != OPERAND_TENSOR) continue;
        const char *name = d->node->items[i]->name;
        Type type = (Type)v.array->e->type;
        inputs[i] = tensor_over(m, string_format(m->arena, "%s.%s", u->name, name), TENSOR_INPUT, type,
                                v.array->dims, v.array->rank);
        if (type == TYPE_INT) tensor_bounds(inputs[i], v.array->e);
        vec_push(m->arena, &u->inputs, inputs[i]);
        vec_push(m->arena, &u->input_names, name);
    }
    return inputs;
}

static Operand result_of(Operand all, int i) { return all.kind == OPERAND_TUPLE ? all.items[i] : all; }

static int result_count(Operand all) { return all.kind == OPERAND_TUPLE ? all.count : 1; }

static bool take_results(At at, Extract *u, const Definition *d, Operand all) {
    const Node *results = d->node->results;
    for (int i = 0; i < result_count(all); i++) {
        Operand v = result_of(all, i);
        if (v.kind != OPERAND_TENSOR && v.kind != OPERAND_SCALAR) continue;
        const char *name = results && i < results->count ? results->items[i]->name : "y";
        Tensor *t = operand_as_tensor(at, v, string_format(at.m->arena, "%s.%s", u->name, name), TENSOR_TEMP,
                                      -1, d->node->span);
        if (!t) return false;
        vec_push(at.m->arena, &u->results, t);
        vec_push(at.m->arena, &u->result_names, name);
    }
    return u->results.count > 0;
}

static const Expr *decide(void *program, const Expr *read) {
    return read->tensor->kind == TENSOR_TRAINING ? expr_int(program, 1) : read;
}

static void extract(const Applied *a, Module *module) {
    Emitter *m = a->at.m;
    Extract u = {.name = a->path,
                 .is_model = a->of->define->node->definition == DEFINE_MODEL,
                 .function = arena_new(m->arena, Function)};
    *u.function = (Function){.name = u.name, .kind = FUNCTION_UPDATE};
    Writer *to = writer_create(m, u.function);
    Operand again = applied_again(a, to, inputs_of(a, &u));
    if (!take_results(at_outside(m, to, a->at.frame), &u, a->of->define, again)) return;
    to->changed.count = 0; // what it changes is no matter here
    writer_finish(m, to);
    for (int i = 0; i < u.function->equations.count; i++) {
        Equation *q = u.function->equations.data[i];
        q->e = expr_map_reads(m->p, q->e, decide, m->p);
    }
    for (int i = 0; u.is_model && i < result_count(a->result); i++) {
        Operand v = result_of(a->result, i);
        bool stored = v.kind == OPERAND_TENSOR && v.array->e->op == OP_READ;
        vec_push(m->arena, &u.in_step, stored ? v.array->e->tensor : NULL);
    }
    vec_push(m->arena, &module->extracts, u);
}

void extracts_write(Emitter *m, Module *module) {
    m->records = false;
    for (int i = 0; i < m->applied.count; i++) {
        const Applied *a = m->applied.data[i];
        if (is_layer(a->of->define) || has_layers(m->tree, a->at.frame->path)) extract(a, module);
    }
}
