// reshape: the same elements in the same order under other dimensions.
#include "sema/values.h"

// The row-major position in a shape cut at the boundaries of both shapes: one index for each factor that both
// share.
typedef struct {
    const Index *indices[MAX_RANK * 2];
    int64_t strides[MAX_RANK * 2];
    int count;
} Cuts;

static int strides_of(const Dim *dims, int rank, int64_t *strides) {
    int64_t stride = 1;
    for (int d = rank - 1; d >= 0; d--) {
        strides[d] = stride;
        stride *= dims[d].size;
    }
    return rank;
}

// Sorted strides of both shapes, without doubles; false if one does not divide the next.
static bool cut(Elaborator *el, const Dim *a, int a_rank, const Dim *b, int b_rank, int64_t total,
                Cuts *cuts) {
    int64_t all[MAX_RANK * 2 + 1];
    int n = strides_of(a, a_rank, all);
    n += strides_of(b, b_rank, all + n);
    all[n++] = total;
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && all[k] > all[k - 1]; k--) {
            int64_t swap = all[k];
            all[k] = all[k - 1];
            all[k - 1] = swap;
        }
    cuts->count = 0;
    for (int i = 0; i + 1 < n; i++) {
        if (all[i] == all[i + 1]) continue;
        if (all[i] % all[i + 1]) return false;
        cuts->strides[cuts->count] = all[i + 1];
        cuts->indices[cuts->count++] = index_add(el->session->program, "r", all[i] / all[i + 1], false);
    }
    return true;
}

// Dimension d of a shape as a form of the cuts: those with strides from its own up to the next.
static const Affine *form_of_dim(Elaborator *el, const Cuts *cuts, int64_t stride, int64_t size) {
    Program *p = el->session->program;
    const Affine *form = affine_constant(p, 0);
    for (int i = 0; i < cuts->count; i++)
        if (cuts->strides[i] >= stride && cuts->strides[i] < stride * size)
            form = affine_add(
                p, form, affine_scale(p, affine_index(p, cuts->indices[i]), cuts->strides[i] / stride, 1));
    return form;
}

// The element of the old shape at a position of the new, by // and mod.
static const Expr *at_position(Elaborator *el, const Array *from, const Affine *position, int first) {
    Program *p = el->session->program;
    int64_t strides[MAX_RANK];
    const Affine *forms[MAX_RANK];
    strides_of(from->dims + first, from->rank - first, strides + first);
    const Expr *rest = expr_affine(p, position);
    for (int d = first; d < from->rank; d++) {
        const Expr *stride = expr_int(p, strides[d]);
        const Expr *whole = strides[d] == 1 ? rest : expr_binary(p, OP_FLOOR_DIV, rest, stride);
        forms[d] = affine_of(el, whole);
        rest =
            strides[d] > 1 ? expr_binary(p, OP_MOD, rest, stride) : expr_int(p, 0); // sizes of 1 may follow
    }
    if (first) forms[0] = affine_index(p, from->indices[0]);
    return array_at(el, from, forms);
}

static SemaValue by_division(Elaborator *el, const Array *from, Array *to, int first) {
    Program *p = el->session->program;
    const Affine *position = affine_constant(p, 0);
    for (int d = first; d < to->rank; d++)
        position =
            affine_add(p, affine_scale(p, position, to->dims[d].size, 1), affine_index(p, to->indices[d]));
    if (first) to->indices[0] = from->indices[0];
    to->e = at_position(el, from, position, first);
    return value_array(el->session, to);
}

static SemaValue by_cuts(Elaborator *el, const Env *env, const Array *from, Array *to, int first,
                         const Cuts *cuts, Span span) {
    Program *p = el->session->program;
    int64_t strides[MAX_RANK];
    const Affine *forms[MAX_RANK], *out[MAX_RANK];
    strides_of(from->dims + first, from->rank - first, strides + first);
    for (int d = first; d < from->rank; d++) forms[d] = form_of_dim(el, cuts, strides[d], from->dims[d].size);
    strides_of(to->dims + first, to->rank - first, strides + first);
    for (int d = first; d < to->rank; d++) out[d] = form_of_dim(el, cuts, strides[d], to->dims[d].size);
    const Index *batch = first ? index_of(el, from->indices[0]->name, from->dims[0]) : NULL;
    if (first) forms[0] = out[0] = affine_index(p, batch);
    Reduced parts = {.reduction = REDUCE_NONE, .e = array_at(el, from, forms)};
    const char *name = env_path(env, p->arena, "reshape");
    Tensor *t = tensor_of_dims(p, name, TENSOR_TEMP, (Type)parts.e->type, to->dims, to->rank);
    tensor_bound(t, parts.e);
    equation_emit(el, env, t, out, &parts, span);
    return value_tensor(el->session, t);
}

static int64_t elements_of(const Dim *dims, int from, int rank) {
    int64_t n = 1;
    for (int d = from; d < rank; d++) n *= dims[d].size;
    return n;
}

static bool has_outer(const Array *a) {
    for (int i = 0; i < a->e->free_count; i++) {
        bool own = false;
        for (int d = 0; d < a->rank; d++) own = own || a->indices[d] == a->e->free[i];
        if (!own) return true;
    }
    return false;
}

SemaValue value_of_reshape(Elaborator *el, Env *env, const Node *call, const SemaValue *given) {
    int at = given ? 0 : 1;
    SemaValue v = given ? *given : value_error();
    if (!given && call->count) v = value_of_whole(el, env, call->items[0]);
    v = value_plain(el, env, v, call->span);
    if (v.kind == SEMA_ERROR) return v;
    Array to = {.rank = 0};
    const Array *from = v.array;
    if (!dims_of(el, env, call->items + at, call->count - at, to.dims, &to.rank)) return value_error();
    int first = from->dims[0].batch;
    for (int d = 0; d < to.rank; d++) to.indices[d] = index_of(el, "i", to.dims[d]);
    if (to.rank == from->rank && dims_equal(to.dims, from->dims, to.rank)) return v;
    v = value_store(el, env, v, value_name(el, env, v), call->span);
    if (v.kind == SEMA_ERROR) return v;
    Cuts cuts;
    bool cuttable = cut(el, v.array->dims + first, v.array->rank - first, to.dims + first, to.rank - first,
                        elements_of(to.dims, first, to.rank), &cuts);
    if (cuttable && cuts.count + first <= MAX_RANK && !has_outer(v.array))
        return by_cuts(el, env, v.array, &to, first, &cuts, call->span);
    return value_store(el, env, by_division(el, v.array, &to, first),
                       env_path(env, el->session->arena, "reshape"), call->span);
}
