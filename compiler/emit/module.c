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

static bool tensor_read(const Module *m, const Tensor *t, bool steps_only) {
    for (int i = 0; t && i < m->program->functions.count; i++) {
        const Function *f = m->program->functions.data[i];
        if (steps_only && f->kind != FUNCTION_STEP && f->kind != FUNCTION_UPDATE) continue;
        if (function_reads(f, t)) return true;
    }
    return false;
}

static void finish_clock(Module *m) {
    m->needs_steps =
        tensor_read(m, m->clock[NN_CLOCK_STEPS], true) || tensor_read(m, m->clock[NN_CLOCK_EPOCHS], true);
    m->needs_epoch_length = tensor_read(m, m->clock[NN_CLOCK_EPOCH_LENGTH], true);
    for (int i = 0; i < m->program->functions.count; i++) {
        const Function *f = m->program->functions.data[i];
        if (f->kind == FUNCTION_STOP)
            m->stop_each_step =
                function_reads(f, m->clock[NN_CLOCK_STEP]) || function_reads(f, m->clock[NN_CLOCK_TIME]);
    }
    for (int i = 0; i < NN_CLOCKS; i++)
        if (!tensor_read(m, m->clock[i], false)) m->clock[i] = NULL;
    for (int i = 0; i < m->metrics.count; i++)
        for (int k = 0; k < DATA_PARTS; k++)
            if (!tensor_read(m, m->metrics.data[i].clock[k], false)) m->metrics.data[i].clock[k] = NULL;
}

static bool reads_field(const Module *m, const Field *field, FunctionKind kind) {
    for (int k = 0; field->input && k < m->program->functions.count; k++) {
        const Function *f = m->program->functions.data[k];
        if (f->kind == kind && function_reads(f, field->input)) return true;
    }
    return false;
}

// The inputs of a prediction are the model's, and whatever else `predict` speaks of; with `predict`, only
// those.
static void mark_fields(Module *m) {
    int inputs = m->data.fields.count, next = 0;
    for (int i = 0; i < m->data.fields.count; i++) {
        Field *field = &m->data.fields.data[i];
        bool predicts = reads_field(m, field, FUNCTION_PREDICT);
        field->in_loss = reads_field(m, field, FUNCTION_STEP) || reads_field(m, field, FUNCTION_EVALUATE);
        if (m->columns && !predicts) field->in_model = -1;
        if (predicts && field->in_model < 0) field->in_model = inputs++;
        if (!field->in_loss && field->in_model < 0) field->input = NULL;
        if (field->in_model >= 0) field->in_loss = false;
    }
    for (int place = 0; place < inputs; place++) // without gaps
        for (int i = 0; i < m->data.fields.count; i++)
            if (m->data.fields.data[i].in_model == place) m->data.fields.data[i].in_model = next++;
}

// A path is carried along, or nobody's.
static void mark_aside(Module *m) {
    for (int i = 0; i < m->data.columns.count; i++)
        if (m->data.columns.data[i].kind == COLUMN_PATH)
            m->data.fields.data[m->data.columns.data[i].field].aside = true;
    for (int i = 0; i < m->outputs.count; i++) {
        int carried = m->outputs.data[i].carried,
            field = carried < 0 ? -1 : m->data.columns.data[carried].field;
        if (field >= 0 && field != m->data.stratify)
            m->data.fields.data[field].aside = !m->data.fields.data[field].input;
    }
}

// By tensor: what these fields of a part are made of, also by way of other fields.
static const bool *made_of(const Module *m, const Function *prepare, int part, bool (*takes)(const Field *)) {
    VEC(Tensor *) wanted = {0};
    for (int k = 0; k < m->data.fields.count; k++)
        if (takes(&m->data.fields.data[k]) && m->data.fields.data[k].prepared[part])
            vec_push(m->program->arena, &wanted, m->data.fields.data[k].prepared[part]);
    return function_needed(m->program, prepare, wanted.data, wanted.count, NULL, 0);
}

static bool is_input(const Field *f) { return f->in_model >= 0; }

static bool is_read(const Field *f) { return !f->aside; }

// Which raw columns are read, and which by a prediction.
static void mark_columns(Module *m) {
    for (int i = 0; i < m->program->functions.count; i++) {
        const Function *f = m->program->functions.data[i];
        int part = (int)f->kind - (int)FUNCTION_PREPARE;
        if (part < 0 || part >= DATA_PARTS) continue;
        const bool *inputs = made_of(m, f, part, is_input), *all = made_of(m, f, part, is_read);
        for (int k = 0; k < m->data.columns.count; k++) {
            Column *c = &m->data.columns.data[k];
            if (c->part != part || !c->tensor) continue;
            c->for_input = inputs[c->tensor->id];
            bool used = m->data.fields.data[c->field].input || all[c->tensor->id];
            if (c->kind == COLUMN_PATH && used) diagnose(m->program->ctx, PATH_USED, c->span);
            c->aside = !all[c->tensor->id] && m->data.fields.data[c->field].aside;
        }
    }
}

// By tensor: an equation by which its elements depend on a reduction over the rows, or NULL.
static const Equation **over_rows(const Module *m, const Function *f) {
    const Equation **over = arena_array(m->program->arena, const Equation *, m->program->tensors.count);
    for (int i = 0; i < f->equations.count; i++) {
        const Equation *q = f->equations.data[i], **mine = &over[q->tensor->id];
        for (int k = 0; k < q->e->read_count && !*mine; k++) *mine = over[q->e->reads[k]->tensor->id];
        for (int k = 0; k < q->index_count && !*mine; k++) *mine = q->indices[k]->batch ? q : NULL;
    }
    return over;
}

// The first layer that takes, by whatever reduction, a statistic over the rows of a batch which a result for
// one row depends on: of a batch of one row it is none.
static const char *statistic_of(const Module *m, const Function *step) {
    const Equation **over = over_rows(m, step);
    for (int i = 0; i < step->equations.count; i++) {
        const Equation *q = step->equations.data[i];
        const Origin *origin = over[q->tensor->id] ? over[q->tensor->id]->origin : NULL;
        for (int k = 0; k < m->layers.count && over[q->tensor->id]; k++) {
            const LayerInstance *l = &m->layers.data[k];
            if (l->step_result == q->tensor && l->batch_dims)
                return origin && origin->what ? origin->what : l->name;
        }
    }
    return NULL;
}

// A column of `predict` is the same with whatever rows a row stands.
static void check_columns(const Module *m) {
    for (int i = 0; m->columns && i < m->program->functions.count; i++) {
        const Function *f = m->program->functions.data[i];
        if (f->kind != FUNCTION_PREDICT) continue;
        const Equation **over = over_rows(m, f);
        for (int k = 0; k < m->outputs.count; k++) {
            const ModelOutput *o = &m->outputs.data[k];
            if (o->tensor && over[o->tensor->id]) diagnose(m->program->ctx, PREDICT_BATCH, o->span, o->name);
        }
    }
}

int module_outputs(const Module *m) {
    int count = 0;
    for (int i = 0; i < m->outputs.count; i++) count += m->outputs.data[i].tensor != NULL;
    return count;
}

void module_finish(Module *m) {
    const Program *p = m->program;
    for (int i = 0; i < p->means.count; i++)
        if (string_equal(p->means.data[i], "loss"))
            vec_push(p->arena, &m->in_force,
                     ((InForce){"test.loss", "the mean of the batches' losses, weighted by rows",
                                "the loss reduces the batch twice"}));
    mark_fields(m);
    mark_aside(m);
    mark_columns(m);
    m->statistic = statistic_of(m, step_of(m));
    finish_clock(m);
    check_columns(m);
}
