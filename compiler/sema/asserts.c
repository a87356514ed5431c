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

// ---- definitions by themselves ----

Function *sema_apply(Program *p, Library *library, const Node *define, Tensor *const *inputs) {
    Session *session = session_create(p, library);
    Function *f = function_add(p, FUNCTION_PREDICT, define->name);
    Elaborator *el = elaborator_create(session, f, false);
    SemaValue *values = arena_array(p->arena, SemaValue, define->count + 1);
    for (int i = 0; i < define->count; i++)
        values[i] = inputs[i]->rank ? value_tensor(session, inputs[i])
                                    : value_scalar(expr_read(p, inputs[i], NULL, NULL));
    const char *path = define->definition == DEFINE_FN ? NULL : define->name;
    SemaValue v = call_definition(el, define, path, values, NULL, define->count, define->name_span);
    if (value_is_error(v)) return NULL;
    for (int i = 0; i < (v.kind == SEMA_TUPLE ? v.count : 1); i++) {
        const Node *results = define->results;
        const char *name = results && i < results->count ? results->items[i]->name : "result";
        Tensor *t = value_as_tensor(el, v.kind == SEMA_TUPLE ? v.items[i] : v, name, TENSOR_OUTPUT, -1,
                                    define->name_span);
        if (!t) return NULL;
        vec_push(p->arena, &f->outputs, t);
    }
    return f;
}
