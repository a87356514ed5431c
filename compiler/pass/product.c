// Which products a BLAS computes. A product is a sum of two reads, each with an index that the other lacks,
// without guards: forward, either gradient, batched, transposed. Where --blas gives it away, it leaves its
// kernel: what stood before it and after it become kernels of their own. Guarantees: a kernel with `product`
// has one stage, whose result has memory.
#include "pass/schedule.h"

#include <stdio.h>
#include <string.h>

// ---- what is a product ------------------------------------------------------------------------------------

static bool plain_forms(const Affine *const *forms, int count) {
    for (int d = 0; d < count; d++) {
        if (forms[d]->denominator != 1) return false;
        every_term (term, forms[d])
            if (term->atom->op != OP_INDEX) return false;
    }
    return true;
}

static bool is_operand(const Expr *e) {
    return e->op == OP_READ && e->tensor->kind != TENSOR_SOURCE && e->tensor->type == TYPE_REAL &&
           plain_forms(e->forms, e->tensor->rank);
}

// Puts every axis of the stage in its place; false: some axis has none.
bool product_axes(const Kernel *k, const Stage *s, Product *p) {
    uint32_t c = forms_axes(s->equation->out, s->equation->out_count), a = p->a->axes, b = p->b->axes;
    p->alpha = s->equation->e->value;
    for (int j = 0; j < k->tile_count; j++) {
        uint32_t bit = 1u << k->tile[j];
        if (!(c & bit) || !((a | b) & bit)) return false;
        if ((a & bit) && !(b & bit)) p->rows |= bit;
        if ((b & bit) && !(a & bit)) p->columns |= bit;
    }
    for (int i = 0; i < s->inner_count; i++) {
        uint32_t bit = 1u << s->inner[i];
        if (!(a & b & bit) || (c & bit)) return false;
        p->summed |= bit;
    }
    return p->rows && p->columns && p->summed;
}

// C's last index is a column's where it can be: shapes are said as they are written.
static void turn(const Equation *q, Product *p) {
    uint32_t last = q->out_count ? forms_axes(q->out + q->out_count - 1, 1) : 0;
    if (!(p->rows & last)) return;
    Product t = *p;
    p->a = t.b;
    p->b = t.a;
    p->rows = t.columns;
    p->columns = t.rows;
}

static Product *product_of(const Kernels *ks, const Kernel *k, const Stage *s) {
    const Equation *q = s->equation;
    const Expr *e = q->e;
    if (q->reduction != REDUCE_SUM || e->op != OP_PRODUCT || e->count != 2 || q->tensor->type != TYPE_REAL)
        return NULL;
    if (e->exponents[0] != 1 || e->exponents[1] != 1 || !is_operand(e->args[0]) || !is_operand(e->args[1]))
        return NULL;
    if (!plain_forms(q->out, q->out_count)) return NULL;
    Product *p = arena_new(ks->program->arena, Product);
    *p = (Product){.a = e->args[0], .b = e->args[1]};
    if (!product_axes(k, s, p)) return NULL;
    turn(q, p);
    return p;
}

int64_t kernel_points(const Kernel *k, uint32_t axes) {
    int64_t n = 1;
    for (int a = 0; a < k->axis_count; a++)
        if (axes >> a & 1) n *= k->axes[a].size;
    return n;
}

// ---- who computes it --------------------------------------------------------------------------------------

typedef struct {
    int lanes;
    bool in_double;
    int64_t m[2], n[2], k[2];
    bool openblas;
} Row;

enum { SINGLE = 0, DOUBLE = 1, OURS = 0, OPENBLAS = 1 };
static const Row TABLE[] = {
#define BLAS(lanes, precision, m, m_to, n, n_to, k, k_to, who)                                               \
    {lanes, precision, {m, m_to}, {n, n_to}, {k, k_to}, who},
#include "pass/blas.def"
#undef BLAS
    {0, false, {0, 0}, {0, 0}, {0, 0}, false},
};

static bool inside(const int64_t *range, int64_t x) { return range[0] <= x && x <= range[1]; }

// Does the table give the product away? `why` says where that is written.
static bool by_table(const Kernels *ks, int64_t m, int64_t n, int64_t k, const char **why) {
    bool in_double = ks->program->precision == PRECISION_DOUBLE;
    for (const Row *r = TABLE; r->lanes; r++)
        if (r->lanes == ks->machine.lanes && r->in_double == in_double && inside(r->m, m) &&
            inside(r->n, n) && inside(r->k, k)) {
            *why = "by the table";
            return r->openblas;
        }
    *why = "the table has no row for it";
    return false;
}

static bool is_given_away(Kernels *ks, Kernel *k, const Product *p) {
    int64_t m = kernel_points(k, p->rows), n = kernel_points(k, p->columns), d = kernel_points(k, p->summed);
    const char *why = "--blas openblas";
    bool large = m >= LEAST_SIDE && n >= LEAST_SIDE && d >= LEAST_SIDE &&
                 (double)m * (double)n * (double)d >= least_call;
    bool given = large && (ks->machine.blas == BLAS_OPENBLAS || by_table(ks, m, n, d, &why));
    k->product_text =
        string_format(ks->program->arena, "product %lldx%lldx%lld by %s (%s)", (long long)m, (long long)n,
                      (long long)d, given ? "OpenBLAS" : "nnc", large ? why : "too small for a call");
    return given;
}

void product_refuse(Kernels *ks, Kernel *k, const char *why) {
    size_t shape = strcspn(strchr(k->product_text, ' ') + 1, " ");
    k->product_text = string_format(ks->program->arena, "%.*s by nnc (%s)", (int)(sizeof "product" + shape),
                                    k->product_text, why);
    k->product = NULL;
}

// ---- kernels of one stage ---------------------------------------------------------------------------------

// May what stands before stage `at` run as a whole before the rest? Not if it overwrites an old value that
// the rest reads.
static bool may_cut(const Kernel *k, int at) {
    for (int i = 0; i < at; i++) {
        const Tensor *over = k->stages.data[i].equation->tensor->layout->same;
        for (int j = at; over && j < k->stages.count; j++)
            every_read (read, &k->stages.data[j])
                if (read->tensor == over) return false;
    }
    return true;
}

void kernel_store_passed(Kernels *ks, const Kernel *k, int at) {
    for (int i = 0; i < at; i++)
        for (int j = at; j < k->stages.count; j++)
            every_read (read, &k->stages.data[j])
                if (read->tensor == k->stages.data[i].equation->tensor)
                    layout_of(ks, k->stages.data[i].equation->tensor)->stored = true;
}

// The kernel with its products apart from the rest; most have none, and stay.
static void take_apart(Kernels *ks, Kernel *k, KernelList *list) {
    int from = 0;
    for (int s = 0; s < k->stages.count; s++) {
        const Product *found = product_of(ks, k, &k->stages.data[s]);
        if (!found || !is_given_away(ks, k, found)) continue;
        if (k->loop >= 0) {
            product_refuse(ks, k, "it stands in a recurrence");
            continue;
        }
        if (!may_cut(k, s) || !may_cut(k, s + 1)) {
            product_refuse(ks, k, "its kernel writes over what is read after it");
            continue;
        }
        if (s > from) vec_push(ks->program->arena, list, kernel_part(ks, k, from, s));
        Kernel *own = kernel_part(ks, k, s, s + 1);
        own->product = product_of(ks, own, &own->stages.data[0]);
        own->product_text = k->product_text;
        layout_of(ks, own->stages.data[0].equation->tensor)->stored = true;
        kernel_store_passed(ks, k, s);
        kernel_store_passed(ks, k, s + 1);
        vec_push(ks->program->arena, list, own);
        from = s + 1;
    }
    if (from == 0)
        vec_push(ks->program->arena, list, k);
    else if (from < k->stages.count)
        vec_push(ks->program->arena, list, kernel_part(ks, k, from, k->stages.count));
}

void pass_products(Kernels *ks) {
    for (int i = 0; ks->machine.blas != BLAS_NONE && i < ks->schedules.count; i++) {
        Schedule *s = ks->schedules.data[i];
        KernelList list = {0};
        every (k, s->kernels) take_apart(ks, k, &list);
        schedule_renew(ks, s, &list);
    }
}
