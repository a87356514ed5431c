// Elementwise producers with one reader go into it: what lies between two equations is then never stored. So
// do those that say another tensor of their size in other words (scaled, shifted, by what has fewer indices),
// into all their readers: what they say lies in memory anyway. Kept apart are operands of products (they
// would be computed once for each result), costly values that a larger space would compute again, and what
// would make an expression too large. But a scale of a large operand goes out of the sum, or to the other
// operand where that is smaller.
#include "pass/algebra.h"
#include "pass/passes.h"

typedef struct {
    Program *p;
    Flow *flow;
    int *uses;      // by tensor id: distinct reads in the function
    bool *operands; // by tensor id: some reader is a product that needs it as it is, or sorts
    const Equation *reader;
    double reader_points;
    bool into_product;
} Inlining;

static double points(const Equation *q) {
    const Index *loops[256];
    int count = equation_loops(q, loops, 256);
    return index_points(loops, count);
}

static bool says_another(const Inlining *in, const Equation *q) {
    enum { MOST_WORK = 8 };
    const Tensor *whole = NULL;
    if (q->tensor->step || q->e->has_draw || in->operands[q->tensor->id]) return false;
    every_read (read, q->e) {
        if (read->free_count < q->out_count) continue;
        if (whole || in->uses[read->tensor->id] < 2 || read->tensor->type != q->tensor->type) return false;
        whole = read->tensor;
    }
    return whole && expr_work(in->p, q->e) <= MOST_WORK;
}

// The one definition of a tensor that is elementwise and nobody outside sees; NULL: it has none.
static const Equation *elementwise(const Inlining *in, const Tensor *t) {
    const Definition *d = flow_definition(in->flow, t);
    if (!d || d->live || d->equations.count != 1) return NULL;
    const Equation *q = d->equations.data[0];
    return q->reduction == REDUCE_NONE && equation_identity(q) ? q : NULL;
}

// Another tensor of its size, times what has fewer indices?
static bool scales_another(const Inlining *in, const Equation *q) {
    Factors f;
    int whole = 0;
    if (in->p->precision == PRECISION_STRICT) return false;
    expr_factors(in->p, q->e, &f);
    for (int i = 0; i < f.base.count; i++) {
        const Expr *e = f.base.data[i];
        if (e->free_count < q->out_count) continue;
        if (e->op != OP_READ || f.exponent.data[i] != 1) return false;
        whole++;
    }
    return whole == 1 && !f.conditions.count && f.base.count > 1;
}

// Is all else that the product reads much smaller, so that it can take what scales this one?
static bool gives_its_scale(const Inlining *in, const Equation *product, const Expr *read) {
    enum { MUCH = 2 };
    const Equation *q = elementwise(in, read->tensor);
    if (!q || !scales_another(in, q)) return false;
    every_read (other, product->e)
        if (other != read && tensor_elements(other->tensor) * MUCH > tensor_elements(read->tensor))
            return false;
    return true;
}

static const Equation *producer(const Inlining *in, const Tensor *t) {
    const Equation *q = elementwise(in, t);
    if (!q) return NULL;
    if ((in->into_product || in->uses[t->id] != 1) && !says_another(in, q)) return NULL;
    if (t->type == TYPE_INT || t->type == TYPE_BOOL || !types_allow(q, in->reader->tensor->type)) return NULL;
    if (in->reader_points > points(q) && !in->into_product && !expr_is_cheap(in->p, q->e)) return NULL;
    return q;
}

static const Expr *replace(void *data, const Expr *read) {
    const Inlining *in = data;
    const Equation *q = producer(in, read->tensor);
    if (!q) return read;
    const Index *time = equation_time(in->reader);
    if (q->tensor->step && time && affine_only(read->forms[q->tensor->along]) != time)
        return read; // an earlier step is not computed again
    const Expr *e = expr_inline(in->p, q, read);
    return expr_too_large(e) ? read : e;
}

static bool takes_operands(const Inlining *in, const Equation *q) {
    return equation_is_product(in->p, q) || q->reduction == REDUCE_ORDER; // it sorts what lies in memory
}

static void note_operands(Inlining *in) {
    in->operands = arena_array(in->p->arena, bool, in->p->tensors.count + 1);
    every (d, in->flow->order)
        every (q, d->equations)
            for (int r = 0; r < q->e->read_count && takes_operands(in, q); r++)
                if (q->reduction == REDUCE_ORDER || !gives_its_scale(in, q, q->e->reads[r]))
                    in->operands[q->e->reads[r]->tensor->id] = true;
}

static void inline_into(Inlining *in, Equation **slot) {
    const Equation *q = *slot;
    if (q->reduction == REDUCE_ORDER) return;
    in->into_product = equation_is_product(in->p, q);
    in->reader = q;
    in->reader_points = points(q);
    const Expr *e = expr_map_reads(in->p, q->e, replace, in);
    if (e == q->e || expr_too_large(e) || e->read_count > MAX_ENTRIES) return;
    *slot = equation_simplify(in->p, equation_with(in->p, q, e));
}

void function_inline(Program *p, Function *f) {
    Inlining in = {.p = p, .flow = flow_open(p, f), .uses = function_reads(p, f)};
    note_operands(&in);
    every (d, in.flow->order)
        every_at (slot, d->equations) inline_into(&in, slot);
    flow_close(in.flow);
    function_drop_dead(p, f);
}

void pass_substitute(Program *p, Function *f) {
    function_inline(p, f);
    function_sweep(p, f);
}
