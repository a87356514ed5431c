// From a tree of layers to a Module: the order in which settings, data, functions and the run's facts are
// made.
#include "emit/module.h"
#include "emit/data.h"
#include "emit/run.h"

// ---- what the run says ------------------------------------------------------------------------------------

static LayerInstance layer_of(const Run *r, const Layer *l) {
    LayerInstance one = {
        .name = l->path, .definition = l->define->node->name, .span = l->made, .depth = l->depth};
    const Operand *v = table_get(&r->m->results, l);
    for (int d = 0; l->result.kind == SHAPE_TENSOR && d < l->result.rank; d++) {
        one.dims[one.rank++] = l->result.dims[d].size;
        one.batch_dims |= (uint8_t)(l->result.dims[d].batch << d);
    }
    if (v && v->kind == OPERAND_TENSOR && v->array->e->op == OP_READ)
        one.step_result = (Tensor *)v->array->e->tensor;
    for (int k = 0; k < l->declared.count; k++) {
        const Tensor *t = map_get(r->m->declared, l->declared.data[k]->path);
        if (t && t->kind == TENSOR_PARAM) one.params += tensor_elements(t);
    }
    return one;
}

static void take_layers(const Run *r, Module *m) {
    for (int i = 0; i < r->tree->layers.count; i++)
        vec_push(r->arena, &m->layers, layer_of(r, r->tree->layers.data[i]));
    for (int i = 0; i < r->m->params.count; i++) m->params += tensor_elements(r->m->params.data[i]);
}

// ---- the whole --------------------------------------------------------------------------------------------

Module *module_write(Context *ctx, Library *library, const char *name, const Node *root, const Tree *tree,
                     const CompileOptions *options) {
    int errors = ctx->errors;
    const Node *train = file_train(root);
    Program *p = program_create(ctx, run_precision(tree, options), tree->batch);
    Module *m = arena_new(ctx->arena, Module);
    *m = (Module){.program = p, .library = library, .name = name};
    m->model = train->items[0]->name;
    Emitter *e = emitter_create(p, library, tree, expr_training(p));
    e->records = options->extracts;
    const Run *r = run_write(e, m, root, options);
    if (!r || ctx->errors > errors) return NULL;
    take_layers(r, m);
    if (options->arguments) arguments_tell(ctx, tree, m);
    if (options->extracts) extracts_write(e, m);
    return ctx->errors > errors ? NULL : m;
}

// ---- what the functions say -------------------------------------------------------------------------------

static const Function *step_of(const Module *m) {
    for (int i = 0; i < m->program->functions.count; i++)
        if (m->program->functions.data[i]->kind == FUNCTION_STEP) return m->program->functions.data[i];
    die("a run without a step");
}

static bool function_reads(const Function *f, const Tensor *t) {
    for (int i = 0; i < f->equations.count; i++)
        if (expr_reads(f->equations.data[i]->e, t)) return true;
    return false;
}

static bool is_read(const Module *m, const Tensor *t, bool steps_only) {
    for (int i = 0; t && i < m->program->functions.count; i++) {
        const Function *f = m->program->functions.data[i];
        if (steps_only && f->kind != FUNCTION_STEP && f->kind != FUNCTION_UPDATE) continue;
        if (function_reads(f, t)) return true;
    }
    return false;
}

static void finish_clock(Module *m) {
    m->needs_steps =
        is_read(m, m->clock[NN_CLOCK_STEPS], true) || is_read(m, m->clock[NN_CLOCK_EPOCHS], true);
    m->needs_epoch_length = is_read(m, m->clock[NN_CLOCK_EPOCH_LENGTH], true);
    for (int i = 0; i < m->program->functions.count; i++) {
        const Function *f = m->program->functions.data[i];
        if (f->kind == FUNCTION_STOP)
            m->stop_each_step =
                function_reads(f, m->clock[NN_CLOCK_STEP]) || function_reads(f, m->clock[NN_CLOCK_TIME]);
    }
    for (int i = 0; i < NN_CLOCKS; i++)
        if (!is_read(m, m->clock[i], false)) m->clock[i] = NULL;
    for (int i = 0; i < m->metrics.count; i++)
        for (int k = 0; k < DATA_PARTS; k++)
            if (!is_read(m, m->metrics.data[i].clock[k], false)) m->metrics.data[i].clock[k] = NULL;
}

static void mark_fields(Module *m) {
    for (int i = 0; i < m->data.fields.count; i++) {
        Field *field = &m->data.fields.data[i];
        for (int k = 0; field->input && k < m->program->functions.count && !field->in_loss; k++) {
            const Function *f = m->program->functions.data[k];
            if (f->kind == FUNCTION_STEP || f->kind == FUNCTION_EVALUATE)
                field->in_loss = function_reads(f, field->input);
        }
        if (!field->in_loss && field->in_model < 0) field->input = NULL;
        if (field->in_model >= 0) field->in_loss = false;
    }
}

// The first layer that takes, by whatever reduction, a statistic over the rows of a batch which a result for
// one row depends on: of a batch of one row it is none.
static const char *statistic_of(const Module *m, const Function *step) {
    const Equation **over = arena_array(m->program->arena, const Equation *, m->program->tensors.count);
    for (int i = 0; i < step->equations.count; i++) {
        const Equation *q = step->equations.data[i], **mine = &over[q->tensor->id];
        for (int k = 0; k < q->e->read_count && !*mine; k++) *mine = over[q->e->reads[k]->tensor->id];
        for (int k = 0; k < q->index_count && !*mine; k++) *mine = q->indices[k]->batch ? q : NULL;
        for (int k = 0; k < m->layers.count && *mine; k++) {
            const LayerInstance *l = &m->layers.data[k];
            const Origin *origin = (*mine)->origin;
            if (l->step_result == q->tensor && l->batch_dims)
                return origin && origin->what ? origin->what : l->name;
        }
    }
    return NULL;
}

void module_finish(Module *m) {
    const Program *p = m->program;
    for (int i = 0; i < p->means.count; i++)
        if (string_equal(p->means.data[i], "loss"))
            vec_push(p->arena, &m->in_force,
                     ((InForce){"test.loss", "the mean of the batches' losses, weighted by rows",
                                "the loss reduces the batch twice"}));
    mark_fields(m);
    m->statistic = statistic_of(m, step_of(m));
    finish_clock(m);
}
