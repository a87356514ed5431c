// Sizes: what stands in the brackets of declarations, as numbers; only the batch is not one.
#include "sema/values.h"

bool dim_of(Elaborator *el, Env *env, const Node *e, Dim *dim) {
    Env *scope = env_inner(env);
    scope->indexed = true;
    el->tables->subscript++;
    SemaValue v = value_first(value_of(el, scope, e));
    el->tables->subscript--;
    if (v.kind == SEMA_ERROR) return false;
    shaped(v.kind == SEMA_NUMBER || (v.kind == SEMA_SCALAR && v.e->op == OP_ROWS));
    bool rows = v.kind == SEMA_SCALAR;
    *dim = (Dim){rows ? el->session->program->batch : (int64_t)v.number, rows};
    return true;
}

bool dims_of(Elaborator *el, Env *env, Node *const *items, int count, Dim *dims, int *rank) {
    *rank = 0;
    for (int i = 0; i < count; i++) {
        const Node *item = items[i], *range = NULL;
        if (item->kind == AST_DOTS) {
            for (int d = 0; d < env->frame->dots; d++) dims[(*rank)++] = env->frame->dims[d];
            continue;
        }
        if (item->kind == AST_BINARY) index_name(item, &range);
        if (!dim_of(el, env, range ? range : item, &dims[(*rank)++])) return false;
    }
    return true;
}

const char *index_name(const Node *item, const Node **range) {
    *range = NULL;
    if (item->kind == AST_IF && !item->otherwise) item = item->value;
    if (item->kind == AST_NAME) return item->name;
    if (item->kind == AST_BINARY && item->op == OPERATOR_LESS && item->left->kind == AST_NAME) {
        *range = item->right;
        return item->left->name;
    }
    return NULL;
}
