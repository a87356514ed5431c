// Sizes: what stands in the brackets of declarations, as numbers; only the batch is not one.
#include <math.h>

#include "sema/values.h"

static bool dim_of_number(Elaborator *el, const Env *env, const Node *e, double number, Dim *dim) {
    Arena *arena = el->session->arena;
    Text text = {.arena = arena};
    node_print(&text, e);
    if (number != floor(number) || !isfinite(number))
        return fail_false(el, env, SIZE_NOT_WHOLE, e->span, text_string(&text), number_text(arena, number));
    if (number < 1 || number >= 2147483648.0) {
        const char *plain = number_text(arena, number);
        const char *what = string_equal(plain, text_string(&text))
                               ? string_format(arena, "is %s", plain)
                               : string_format(arena, "`%s` is %s", text_string(&text), plain);
        return fail_false(el, env, SIZE_OUT_OF_RANGE, e->span, what);
    }
    *dim = (Dim){(int64_t)number, false};
    return true;
}

bool dim_of(Elaborator *el, Env *env, const Node *e, Dim *dim) {
    Env *scope = env_inner(env);
    scope->indexed = true;
    el->tables->subscript++;
    SemaValue v = value_first(value_of(el, scope, e));
    el->tables->subscript--;
    if (v.kind == SEMA_ERROR) return false;
    if (v.kind == SEMA_NUMBER && v.dimension != DIMENSION_NUMBER) {
        Text what = {.arena = el->session->arena};
        text_put(&what, "the size `");
        node_print(&what, e);
        text_put(&what, "`");
        return fail_false(el, env, UNIT_UNWANTED, e->span, text_string(&what));
    }
    if (v.kind == SEMA_NUMBER) return dim_of_number(el, env, e, v.number, dim);
    if (v.kind == SEMA_SCALAR && v.e->op == OP_ROWS) {
        *dim = (Dim){el->session->program->batch, true};
        return true;
    }
    Text text = {.arena = el->session->arena};
    node_print(&text, e);
    bool rows = false;
    if (v.kind == SEMA_SCALAR && v.e->op == OP_AFFINE)
        for (int i = 0; i < v.e->form->count; i++) rows |= v.e->form->terms[i].atom->op == OP_ROWS;
    return fail_false(el, env, rows ? SIZE_OF_BATCH : SIZE_NOT_KNOWN, e->span, text_string(&text));
}

static bool add_dim(Elaborator *el, const Env *env, const Node *item, Dim dim, Dim *dims, int *rank) {
    if (*rank == MAX_RANK) return fail_false(el, env, RANK_LIMIT, item->span, MAX_RANK);
    dims[(*rank)++] = dim;
    return true;
}

bool dims_of(Elaborator *el, Env *env, Node *const *items, int count, Dim *dims, int *rank) {
    *rank = 0;
    for (int i = 0; i < count; i++) {
        const Node *item = items[i], *range = NULL;
        if (item->kind == AST_DOTS) {
            if (!env->frame->has_dots) return fail_false(el, env, DOTS_UNKNOWN, item->span, "");
            for (int d = 0; d < env->frame->dots; d++)
                if (!add_dim(el, env, item, env->frame->dims[d], dims, rank)) return false;
            continue;
        }
        Dim dim;
        if (item->kind == AST_BINARY) index_name(item, &range);
        if (!dim_of(el, env, range ? range : item, &dim) || !add_dim(el, env, item, dim, dims, rank))
            return false;
    }
    int64_t elements = 1;
    for (int d = 0; d < *rank; d++)
        if (__builtin_mul_overflow(elements, dims[d].size, &elements) || elements >= (INT64_C(1) << 40))
            return fail_false(el, env, TENSOR_TOO_LARGE, items[0]->span, dims_text(el, dims, *rank));
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

bool unit_named(const char *name) {
    for (int u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if (string_equal(unit_text((Unit)u), name)) return true;
    return false;
}
