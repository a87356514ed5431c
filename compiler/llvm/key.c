// The canonical text of a kernel: all that its code depends on, but not where its tensors lie. Kernels of
// equal text are one function, in the layers of a network that repeat as in training and inference.
#include "llvm/emit.h"

#include <string.h>

typedef struct {
    const Emitter *em;
    const Kernel *kernel;
    Text out;
    VEC(const Tensor *) tensors; // by order of appearance
    VEC(const Layout *) layouts;
    Table numbers; // of the expressions already written, from 1 on
} Writer;

// ---- tensors ----------------------------------------------------------------------------------------------

static void write_layout(Writer *w, const Layout *l, int rank) {
    for (int i = 0; i < w->layouts.count; i++)
        if (w->layouts.data[i] == l) {
            text_add(&w->out, "L%d", i);
            return;
        }
    text_add(&w->out, "L%d{%d,%lld,%lld,%lld,%d", w->layouts.count, l->inner, (long long)l->panel,
             (long long)l->panel_stride, (long long)l->zero, l->element_size);
    for (int d = 0; d < rank; d++) text_add(&w->out, ",%lld", (long long)l->stride[d]);
    text_put(&w->out, "}");
    vec_push(w->em->arena, &w->layouts, l);
    if (l->twin) write_layout(w, l->twin, rank);
}

static void write_tensor(Writer *w, const Tensor *t) {
    int number = 0;
    while (number < w->tensors.count && w->tensors.data[number] != t) number++;
    text_add(&w->out, "T%d", number);
    if (number < w->tensors.count) return;
    vec_push(w->em->arena, &w->tensors, t);
    const Layout *own = t->layout;
    text_add(&w->out, "(%d,%d,%d", (int)t->type, own && (own->stored || own->same), own && own->partly);
    for (int d = 0; d < t->rank; d++) text_add(&w->out, ",%lld", (long long)t->dims[d]);
    if (t->bounded) text_add(&w->out, " in %lld..%lld", (long long)t->low, (long long)t->high);
    if (t->kind == TENSOR_SOURCE)
        text_add(&w->out, ",source %u", (unsigned)t->id);
    else if (own && layout_shared(t)) {
        text_put(&w->out, " ");
        write_layout(w, layout_shared(t), t->rank);
    }
    text_put(&w->out, ")");
}

// ---- expressions ------------------------------------------------------------------------------------------

static void write_expr(Writer *w, const Expr *e);

static void write_form(Writer *w, const Affine *f) {
    text_add(&w->out, "[%lld/%lld", (long long)f->constant, (long long)f->denominator);
    every_term (term, f) {
        text_add(&w->out, " %lld*", (long long)term->coef);
        write_expr(w, term->atom);
    }
    text_put(&w->out, "]");
}

static void write_read(Writer *w, const Expr *e) {
    write_tensor(w, e->tensor);
    if (e->tensor->layout)
        text_put(&w->out, reads_may_leave(w->em, w->kernel, e->tensor, e->forms) ? "!" : ".");
    for (int i = 0; i < e->guard_count; i++) write_form(w, e->forms[i]);
}

static void write_details(Writer *w, const Expr *e) {
    switch (e->op) {
    case OP_INDEX: text_add(&w->out, "a%d", e->index->axis); break;
    case OP_AFFINE: write_form(w, e->form); break;
    case OP_READ: write_read(w, e); break;
    case OP_WHERE:
        for (int i = 0; i < e->guard_count; i++) {
            write_form(w, e->guards[i].form);
            text_add(&w->out, "<%lld", (long long)e->guards[i].count);
        }
        break;
    case OP_DRAW:
        text_add(&w->out, "%d,%u,%d,%lld", (int)e->draw->kind, (unsigned)e->draw->place, e->draw->initial,
                 (long long)e->draw->limit);
        write_form(w, e->draw->element);
        break;
    case OP_SUM:
        for (int i = 0; i < e->count; i++) text_add(&w->out, "%a,", e->coefs[i]);
        break;
    case OP_PRODUCT:
        for (int i = 0; i < e->count; i++) text_add(&w->out, "%d,", e->exponents[i]);
        break;
    default: break;
    }
}

static void write_expr(Writer *w, const Expr *e) {
    const void *known = table_get(&w->numbers, e);
    if (known) {
        text_add(&w->out, "#%d", (int)(uintptr_t)known);
        return;
    }
    table_set(w->em->arena, &w->numbers, e, (const void *)((uintptr_t)w->numbers.count + 1));
    text_add(&w->out, "(%d:%d ", e->op, e->type);
    if (e->value != 0) text_add(&w->out, "%a ", e->value);
    write_details(w, e);
    for (int i = 0; i < e->count; i++) write_expr(w, e->args[i]);
    text_put(&w->out, ")");
}

static void write_late(Writer *w, const Kernel *k) {
    text_add(&w->out, "l%d,%lld ", k->catches_up, (long long)k->late->ring);
    write_tensor(w, k->late->seen);
    write_tensor(w, k->late->past);
    for (int i = 0; i < k->late->numbers.count; i++) write_expr(w, k->late->numbers.data[i]);
    for (int i = 0; i < k->late->plans.count; i++) write_tensor(w, k->late->plans.data[i]);
}

// ---- kernels ----------------------------------------------------------------------------------------------

static void write_axes(Writer *w, const Kernel *k) {
    for (int a = 0; a < k->axis_count; a++)
        text_add(&w->out, "%lld/%d%d%d ", (long long)k->axes[a].size, k->axes[a].step, k->axes[a].tile,
                 k->axes[a].batch);
    for (int j = 0; j < k->tile_count; j++) text_add(&w->out, "%d,%d ", k->tile[j], k->order[j]);
    text_add(&w->out, "t%d v%d s%d r%d d%d,%d o%d,%lld ", k->time, k->vector_axis, k->sum_vector_axis,
             k->rows_in_registers, k->divided, k->split_axis, k->owned_axis, (long long)k->owned_grain);
    for (int i = 0; i < k->block_count; i++)
        text_add(&w->out, "b%d:%lld ", k->blocks[i].axis, (long long)k->blocks[i].size);
    text_add(&w->out, "r%d,%d,%lld ", k->row_axis, k->touched, (long long)k->plan_rows);
    for (int i = 0; i < k->zero.count; i++) write_expr(w, k->zero.data[i]);
    text_put(&w->out, "!");
    for (int i = 0; i < k->nonzero.count; i++) write_expr(w, k->nonzero.data[i]);
    if (k->late) write_late(w, k);
    text_add(&w->out, "p%d:%lld %s\n", k->ahead, (long long)k->ahead_distance, k->product ? "blas" : "");
}

static void write_stage(Writer *w, const Stage *s) {
    const Equation *q = s->equation;
    write_tensor(w, q->tensor);
    for (int d = 0; d < q->out_count; d++) write_form(w, q->out[d]);
    text_add(&w->out, "=%d", (int)q->reduction);
    for (int i = 0; i < s->inner_count; i++) text_add(&w->out, " %d", s->inner[i]);
    for (int i = 0; i < q->index_count; i++) text_add(&w->out, " a%d", q->indices[i]->axis);
    if (s->plan) write_tensor(w, s->plan);
    write_expr(w, q->e);
    text_put(&w->out, "\n");
}

KernelKey kernel_key(const Emitter *em, const Kernel *k) {
    Writer w = {.em = em, .kernel = k, .out = {.arena = em->arena}};
    text_add(&w.out, "%d ", em->partial && kernel_needs_rows(em->arena, k));
    write_axes(&w, k);
    for (int i = 0; i < k->stages.count; i++) write_stage(&w, &k->stages.data[i]);
    return (KernelKey){text_string(&w.out), w.layouts.data, w.layouts.count};
}

// Does its code differ where fewer rows than declared may be there?
bool kernel_needs_rows(Arena *arena, const Kernel *k) {
    Exprs nodes = {0};
    for (int a = 0; a < k->axis_count; a++)
        if (k->axes[a].batch) return true;
    every (stage, k->stages) expr_nodes(arena, stage.equation->e, true, &nodes);
    every (e, nodes)
        if (e->op == OP_ROWS) return true;
    return false;
}
