// What a file promises: `assert` lines, once the sizes are known; and the shapes of a file that trains
// nothing.
#include "sema/values.h"
#include "sema/run.h"

#include <string.h>

// ---- assert ----

typedef struct {
    Context *ctx;
    Elaborator *el;
    Env *env;
} Promise;

static void set_number(Promise *p, const char *name, int64_t value, Dimension dimension) {
    SemaValue v = value_number((double)value, true);
    v.dimension = dimension;
    env_set(p->env, context_intern(p->ctx, name, strlen(name)), v);
}

static const char *measured(Arena *arena, const char *name, int64_t value) {
    if (!string_equal(name, "memory")) return string_format(arena, "`%s` is %lld", name, (long long)value);
    return string_format(arena, "`memory` is %lld B (%.1f KB)", (long long)value, (double)value / 1024);
}

static void note_measured(Promise *p, Diagnostic *d, const Node *e, const Module *m, int64_t memory) {
    if (!e) return;
    static const char *const names[] = {"params", "memory", "flops"};
    const int64_t values[] = {m->params, memory, m->flops};
    for (int i = 0; i < 3; i++)
        if (e->kind == AST_NAME && string_equal(e->name, names[i]))
            diagnostic_note(p->ctx, d, e->span, "%s", measured(p->ctx->arena, names[i], values[i]));
    for (int i = 0; i < 3; i++) note_measured(p, d, e->kid[i], m, memory);
}

// Each part of a conjunction by itself, so that the message shows the one that fails.
static void check_promise(Promise *p, const Node *e, const Module *m, int64_t memory) {
    if (e->kind == AST_BINARY && e->op == OPERATOR_AND) {
        check_promise(p, e->left, m, memory);
        check_promise(p, e->right, m, memory);
        return;
    }
    SemaValue v = elaborate_expression(p->el, p->env, e);
    if (value_is_error(v)) return;
    if (v.kind != SEMA_NUMBER || v.type != TYPE_BOOL) {
        diagnose(p->ctx, ASSERT_CONDITION, e->span);
    } else if (v.number == 0) {
        Diagnostic *d = diagnose(p->ctx, ASSERT_FAILED, e->span, node_text(p->ctx->arena, e));
        note_measured(p, d, e, m, memory);
    }
}

bool sema_check_asserts(Context *ctx, const Module *m, int64_t memory) {
    int errors = ctx->errors;
    if (m->asserts.count == 0) return true;
    Session *session = session_create(program_create(ctx, PRECISION_DEFAULT, 1), m->library);
    Promise p = {ctx, elaborator_create(session, NULL, false), NULL};
    for (int i = 0; i < m->asserts.count; i++) {
        const Node *line = m->asserts.data[i];
        p.env = env_create(p.el, line->span, "");
        set_number(&p, "params", m->params, DIMENSION_NUMBER);
        set_number(&p, "flops", m->flops, DIMENSION_NUMBER);
        set_number(&p, "memory", memory, DIMENSION_BYTES);
        check_promise(&p, line->value, m, memory);
    }
    return ctx->errors == errors;
}

// ---- files without `train` ----

// The shape of an input whose sizes are numbers, but for the batch in front.
static bool input_dims(Elaborator *el, Env *env, const Node *p, int64_t *dims) {
    if (!p->brackets || p->type || p->count < 1 || p->items[0]->kind != AST_NAME) return false;
    dims[0] = el->session->program->batch;
    for (int d = 1; d < p->count; d++) {
        Dim dim;
        const Node *item = p->items[d];
        bool constant = item->kind == AST_NUMBER;
        if (item->kind == AST_NAME) {
            const Node *found = library_find(el->session->library, item->span, item->name);
            constant = found && found->kind == AST_CONSTANT;
        }
        if (constant && d == MAX_RANK) fail(el, env, RANK_LIMIT, item->span, MAX_RANK);
        if (!constant || d == MAX_RANK || !dim_of(el, env, item, &dim)) return false;
        dims[d] = dim.size;
    }
    return true;
}

static void check_model(Context *ctx, const Library *library, const Node *model) {
    enum { BATCH = 32 };
    Session *session = session_create(program_create(ctx, PRECISION_DEFAULT, BATCH), library);
    Function *f = function_add(session->program, FUNCTION_PREDICT, "predict");
    Elaborator *el = elaborator_create(session, f, false);
    Env *env = env_create(el, model->span, "");
    SemaValue *inputs = arena_array(ctx->arena, SemaValue, model->count + 1);
    const char **names = arena_array(ctx->arena, const char *, model->count + 1);
    for (int i = 0; i < model->count; i++) {
        const Node *p = model->items[i];
        int64_t dims[MAX_RANK];
        if (!input_dims(el, env, p, dims)) return;
        Tensor *t = tensor_add(session->program, p->name, TENSOR_INPUT, TYPE_REAL, p->count, dims);
        t->batch_dims = 1;
        inputs[i] = value_tensor(session, t);
    }
    call_definition(el, model, model->name, inputs, names, model->count, model->name_span);
}

bool sema_check_library(Context *ctx, Library *library, const Source *source, const Node *root) {
    int errors = ctx->errors;
    library_open(library, source, root);
    for (int i = 0; i < root->count; i++) {
        const Node *item = root->items[i];
        if (item->kind == AST_DEFINE && item->definition == DEFINE_MODEL) check_model(ctx, library, item);
    }
    return ctx->errors == errors;
}
