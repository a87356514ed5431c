// Kernels of sums that an integer scatters (scatter.c). Two kernels make a plan of it: one writes the row of
// every position (the key), one sorts the positions by their rows, those of a row in the order of the sum.
// Then a kernel runs over rows, each summing the positions that the plan has for it, and goes on with what is
// made of the sums. Sums that one equation adds up share a kernel, each with a plan of its own.
//
// Where everything that the kernel writes takes the place of an old value, and a row whose sums are 0 keeps
// that value (found by algebra), only rows with positions are touched. Needs: equations as the kernel's
// stages will have them. Guarantees: a row's sum has its terms in the order of the equation's indices,
// whatever the plan, the threads or the machine.
#include "pass/schedule.h"

#include "pass/algebra.h"

#include <math.h>

// ---- what a plan is made of -------------------------------------------------------------------------------

// key[20 * b + j] = row of position (b, j), -1 where guards do not hold or the batch has no row b.
static Equation *key_equation(Program *p, const Equation *q, const Scattered *s, Tensor *key) {
    Binding *own = arena_array(p->arena, Binding, q->index_count);
    Guard *guards = arena_array(p->arena, Guard, s->guard_count + q->index_count + 1);
    const Affine *flat = affine_constant(p, 0), *rows = affine_atom(p, expr_rows(p));
    int count = 0;
    for (int i = 0; i < q->index_count; i++) {
        const Index *x = q->indices[i];
        const Affine *here = affine_index(p, index_add(p, x->name, x->size, false));
        own[i] = (Binding){x, here};
        flat = affine_add(p, affine_scale(p, flat, x->size, 1), here);
        if (x->batch) guards[count++] = (Guard){affine_offset(p, affine_sub(p, rows, here), -1), x->size};
    }
    for (int i = 0; i < s->guard_count; i++) {
        const Affine *form = affine_substitute(p, s->guards[i].form, own, q->index_count);
        guards[count++] = (Guard){form, s->guards[i].count};
    }
    const Affine *row = affine_substitute(p, s->form, own, q->index_count);
    guards[count++] = (Guard){row, s->row->size};
    const Expr *e = expr_where(p, guards, count, expr_affine(p, row), expr_int(p, -1));
    return equation_map(p, key, &flat, e, q->origin);
}

// plan = the positions in the order of key, as an equation that orders.
static Equation *plan_equation(Program *p, Tensor *plan, Tensor *key) {
    const Index *place = index_add(p, "i", key->dims[0], false), *r = index_add(p, "r", key->dims[0], false);
    const Affine *out = affine_index(p, place), *from = affine_index(p, r);
    const Expr *e = expr_binary(p, OP_AT, expr_read(p, key, &from, key->origin), expr_index(p, place));
    return equation_make(p, plan, &out, REDUCE_ORDER, &r, 1, e, key->origin);
}

static Tensor *integers(Program *p, const Tensor *of, const char *suffix, int64_t count) {
    const char *name = string_format(p->arena, "%s.%s", of->name, suffix);
    Tensor *t = tensor_add(p, name, TENSOR_TEMP, TYPE_INT, 1, &count);
    t->origin = of->origin;
    return t;
}

typedef struct {
    Kernels *ks;
    Numbers *numbers; // of one function's keys
    Table scatters;   // by the key's tensor: the first Scatter that has it
} Finding;

static void make_plan(Finding *x, Scatter *sc, const Equation *q, const Scattered *s) {
    Program *p = x->ks->program;
    int64_t positions = (int64_t)index_points(q->indices, q->index_count);
    Tensor like = {.type = TYPE_INT, .rank = 1, .dims = {positions}};
    Equations key = {0};
    vec_push(p->arena, &key, key_equation(p, q, s, &like));
    Tensor *known = numbers_find(x->numbers, &key, &like);
    if (known) {
        const Scatter *first = table_get(&x->scatters, known);
        sc->key = first->key;
        sc->plan = first->plan;
        return;
    }
    Tensor *t = key.data[0]->tensor = integers(p, q->tensor, "row", positions);
    t->bounded = true;
    t->low = -1;
    t->high = s->row->size - 1;
    sc->key = key.data[0];
    sc->plan = integers(p, q->tensor, "plan", PLAN_HEAD + 4 * positions);
    numbers_enter(x->numbers, &key, t);
    table_set(p->arena, &x->scatters, t, sc);
}

void scatters_find(Kernels *ks) {
    Program *p = ks->program;
    every (f, p->functions) {
        Finding *x = arena_new(p->arena, Finding);
        *x = (Finding){.ks = ks, .numbers = numbers_create(p)};
        table_set(p->arena, &ks->findings, f, x);
        for (int n = 0; n < f->equations.count; n++) {
            Scattered s;
            const Equation *q = f->equations.data[n];
            if (!equation_scatters(p, q, &s) || !equation_scatters(p, q = equation_trim(p, q), &s)) continue;
            Scatter *sc = arena_new(p->arena, Scatter);
            sc->row = s.row;
            make_plan(x, sc, q, &s);
            table_set(p->arena, &ks->scatters, f->equations.data[n], sc);
        }
    }
}

const Scatter *scatter_of_read(Kernels *ks, Function *f, const Equation *q, const Expr *read, int dim) {
    const Index *all[MAX_SPACE], **some;
    int results, n = equation_space(q, all, &results), count = 0;
    Program *p = ks->program;
    const Affine *form = read->forms[dim];
    if (!affine_chooses(form)) return NULL;
    some = arena_array(p->arena, const Index *, n + 1);
    for (int i = 0; i < n; i++)
        if (affine_depends(form, all[i])) some[count++] = all[i];
    Equation *positions = arena_new(p->arena, Equation);
    *positions = *q;
    positions->indices = some;
    positions->index_count = count;
    Index *row = index_add(p, "row", read->tensor->dims[dim], false);
    Scatter *sc = arena_new(p->arena, Scatter);
    sc->row = row;
    make_plan(table_get(&ks->findings, f), sc, positions, &(Scattered){.row = row, .form = form});
    return sc;
}

// With --dense plans are made as well, and not used: an expression's order, and so its rounding, follows from
// the indices that there are.

// ---- who makes the sum ------------------------------------------------------------------------------------

// The kernel of the key, and the one that sorts.
static void plan_kernels(Kernels *ks, Schedule *s, const Scatter *sc, Kernel *both[2]) {
    both[0] = kernel_create(ks, s, equation_trim(ks->program, sc->key));
    both[1] = kernel_create(ks, s, plan_equation(ks->program, sc->plan, sc->key->tensor));
    both[1]->plan_rows = sc->row->size;
}

static void add_plan_kernels(Fusion *f, const Scatter *sc) {
    Kernel *both[2];
    if (f->uses.uses[sc->plan->id].writers.count) return;
    plan_kernels(f->ks, f->schedule, sc, both);
    fusion_add(f, both[0]);
    fusion_add(f, both[1]);
}

void schedule_plan(Kernels *ks, Schedule *s, const Scatter *sc) {
    Kernel *both[2];
    every (k, s->kernels)
        if (k->stages.data[0].equation->tensor == sc->plan) return;
    layout_of(ks, sc->key->tensor)->stored = layout_of(ks, sc->plan)->stored = true;
    plan_kernels(ks, s, sc, both);
}

static const Expr **with_plan(Program *p, const Expr *const *reads, int count, Tensor *plan) {
    const Affine *zero = affine_constant(p, 0);
    const Expr **all = arena_array(p->arena, const Expr *, count + 1);
    for (int r = 0; r < count; r++) all[r] = reads[r];
    all[count] = expr_read(p, plan, &zero, plan->origin);
    return all;
}

void stage_read_plan(Program *p, Stage *s, Tensor *plan) {
    s->reads = with_plan(p, s->reads, s->read_count++, plan);
}

void stage_take_plan(Program *p, Stage *s, Tensor *plan) {
    stage_read_plan(p, s, plan);
    s->plan = plan;
}

// The axes of an equation's indices in a kernel of sums with the same result, -1: new ones; is it one?
static bool same_result(const Kernel *k, const Scatter *sc, const Equation *q, int *axis_of) {
    const Equation *first = k->stages.data[0].equation;
    const Index *indices[MAX_SPACE];
    int results, n = equation_space(q, indices, &results);
    every_at (s, k->stages)
        if (!s->plan) return false;
    if (first->tensor->type != q->tensor->type || k->axis_count + n - results > MAX_AXES) return false;
    for (int i = 0; i < n; i++) axis_of[i] = -1;
    for (int d = 0; d < q->out_count; d++) {
        const Index *x = affine_only(first->out[d]), *y = affine_only(q->out[d]);
        if (x && y ? x->size != y->size || x->batch != y->batch : first->out[d] != q->out[d]) return false;
        if (y == sc->row && x->axis != k->row_axis) return false;
        if (y) axis_of[index_find(indices, n, y)] = x->axis;
    }
    return true;
}

// The kernel of a sum that this one is added to, if it may have this one too.
static Kernel *join_sum(Fusion *f, const Scatter *sc, const Equation *q) {
    const Equation *adds = f->reader[q->tensor->id];
    const Expr **reads = with_plan(f->ks->program, q->e->reads, q->e->read_count, sc->plan);
    int axis_of[MAX_SPACE];
    for (int r = 0; adds && r < adds->e->read_count; r++) {
        const Tensor *other = adds->e->reads[r]->tensor;
        const Use *u = &f->uses.uses[other->id];
        if (!u->writers.count || f->reader[other->id] != adds) continue;
        Kernel *k = u->writers.data[0];
        if (!same_result(k, sc, q, axis_of) || !fusion_may_read(f, k, q->tensor, reads, q->e->read_count + 1))
            continue;
        kernel_add_stage(f->ks, k, q, axis_of);
        return k;
    }
    return NULL;
}

Kernel *fusion_scatter(Fusion *f, const Scatter *sc, const Equation *sum) {
    add_plan_kernels(f, sc);
    Kernel *k = join_sum(f, sc, sum);
    if (!k) {
        k = kernel_create(f->ks, f->schedule, sum);
        for (int d = 0; d < sum->out_count; d++)
            if (affine_only(sum->out[d]) == sc->row)
                k->row_axis = affine_only(k->stages.data[0].equation->out[d])->axis;
        fusion_add(f, k);
    }
    stage_take_plan(f->ks->program, &k->stages.data[k->stages.count - 1], sc->plan);
    return k;
}

// ---- rows that stay as they are ---------------------------------------------------------------------------

// What is known of a kernel's values in a row whose sums are 0.
typedef struct {
    Kernel *k;
    int budget; // nodes to look at
} Still;

static bool is_zero(Program *p, Still *x, const Expr *e);

static bool is_setting(const Expr *e) { return e->op == OP_READ && e->tensor->kind == TENSOR_SETTING; }

// A divisor: a constant, a setting, or one that is added to roots.
static bool is_not_zero(Program *p, Still *x, const Expr *e) {
    if (e->op == OP_CONST) return e->value != 0;
    if (is_setting(e)) vec_push(p->arena, &x->k->nonzero, e);
    if (is_setting(e)) return true;
    bool some = e->op == OP_SUM && e->value > 0;
    if (e->op != OP_SUM || e->value < 0) return false;
    for (int i = 0; i < e->count; i++) {
        if (e->coefs[i] < 0 || (e->args[i]->op != OP_SQRT && !is_setting(e->args[i]))) return false;
        if (!some && is_setting(e->args[i])) some = is_not_zero(p, x, e->args[i]);
    }
    return some;
}

// A factor is 0 and no divisor is; a setting is asked to be 0 where nothing else is.
static bool product_is_zero(Program *p, Still *x, const Expr *e) {
    for (int i = 0; i < e->count; i++)
        if (e->exponents[i] < 0 && !is_not_zero(p, x, e->args[i])) return false;
    for (int i = 0; i < e->count; i++)
        if (e->exponents[i] > 0 && !is_setting(e->args[i]) && is_zero(p, x, e->args[i])) return true;
    for (int i = 0; i < e->count; i++)
        if (e->exponents[i] > 0 && is_setting(e->args[i])) {
            vec_push(p->arena, &x->k->zero, e->args[i]);
            return true;
        }
    return false;
}

// A limit that leaves 0 as it is.
static bool is_beyond(const Expr *e, const Expr *limit) {
    if (limit->op != OP_CONST) return false;
    return (e->op == OP_MAX && limit->value <= 0) || (e->op == OP_MIN && limit->value >= 0);
}

static bool is_zero(Program *p, Still *x, const Expr *e) {
    if (--x->budget < 0) return false;
    if (e->op == OP_CONST) return e->value == 0;
    if (e->op == OP_PRODUCT) return product_is_zero(p, x, e);
    if (e->op == OP_READ) {
        const Stage *made = kernel_maker(x->k, e);
        return made && (made->plan || is_zero(p, x, made->equation->e));
    }
    double zeros[3] = {0};
    const OpInfo *info = op_info((Op)e->op);
    bool sums = e->op == OP_SUM && e->value == 0, keeps = info && e->count <= 3 && info->evaluate(zeros) == 0;
    for (int i = 0; (sums || keeps || e->op == OP_WHERE) && i < e->count; i++)
        if (!is_beyond(e, e->args[i]) && !is_zero(p, x, e->args[i])) return false;
    return (sums || keeps || e->op == OP_WHERE) && e->count;
}

// Is it the old value, unchanged?
static bool is_old(Program *p, Still *x, const Expr *e, const Equation *q, const Tensor *old) {
    if (--x->budget < 0) return false;
    if (e->op == OP_READ && e->tensor == old) return forms_equal(e->forms, q->out, q->out_count);
    if (e->op == OP_READ) {
        const Stage *made = kernel_maker(x->k, e);
        return made && !made->plan && is_old(p, x, made->equation->e, q, old);
    }
    if (e->op != OP_SUM || e->value != 0) return false;
    int olds = 0;
    for (int i = 0; i < e->count; i++)
        if (e->coefs[i] == 1 && !olds && is_old(p, x, e->args[i], q, old))
            olds++;
        else if (!is_zero(p, x, e->args[i]))
            return false;
    return olds == 1;
}

// Everything written takes the place of an old value that stays where the row's sums are 0.
static bool keeps_rows(Program *p, Still *x) {
    every_at (s, x->k->stages) {
        const Layout *l = s->equation->tensor->layout;
        if (l->stored && (!l->same || !is_old(p, x, s->equation->e, s->equation, l->same))) return false;
    }
    return true;
}

// Are settings in the program as rows that stay need them? The command line may change them all the same.
static bool are_set_so(const Kernel *k) {
    every (e, k->zero)
        if (e->tensor->start != 0) return false;
    every (e, k->nonzero)
        if (e->tensor->start == 0) return false;
    return true;
}

static void note_touched(Program *p, Kernel *k) {
    enum { BUDGET = 2000 };
    k->touched = keeps_rows(p, &(Still){k, BUDGET}) && are_set_so(k);
    if (!k->touched) k->zero.count = k->nonzero.count = 0;
}

// ---- what is run ------------------------------------------------------------------------------------------

double plan_positions(const Tensor *plan) { return (double)(plan->dims[0] - PLAN_HEAD) / 4; }

double kernel_share(const Kernel *k) {
    double positions = 0;
    every_at (s, k->stages)
        if (s->plan) positions += plan_positions(s->plan);
    for (int i = 0; k->catches_up && i < k->late->plans.count; i++)
        positions += plan_positions(k->late->plans.data[i]);
    return k->touched ? fmin(1, positions / (double)k->axes[k->row_axis].size) : 1;
}

// A sum's work are its positions; the rest is done in rows that have some, or in all.
static void count_work(Kernel *k) {
    every_at (s, k->stages) s->work *= s->plan ? 1 / (double)k->axes[k->row_axis].size : kernel_share(k);
}

static int sums_of(const Kernel *k) {
    int n = 0;
    while (n < k->stages.count && k->stages.data[n].plan) n++;
    return n;
}

// Where a row is narrower than half a vector and all are run, what follows the sums has its lanes along rows:
// it is a kernel of its own.
static bool is_narrow(const Kernels *ks, const Kernel *k) {
    int64_t widest = 1;
    for (int j = 0; j < k->tile_count; j++)
        if (k->tile[j] != k->row_axis && k->axes[k->tile[j]].size > widest) widest = k->axes[k->tile[j]].size;
    return widest < lanes_of(ks) / 2 && k->axes[k->row_axis].size > widest;
}

void schedule_scatters(Kernels *ks, Schedule *s) {
    KernelList list = {0};
    every (k, s->kernels) {
        if (ks->machine.dense) k->row_axis = -1;
        if (kernel_scatters(k)) note_touched(ks->program, k);
    }
    schedule_deferred(ks, s);
    every (k, s->kernels) {
        int sums = sums_of(k);
        vec_push(ks->program->arena, &list, k);
        if (!kernel_scatters(k) || k->catches_up) continue;
        if (sums < k->stages.count && !k->touched && is_narrow(ks, k)) {
            kernel_store_passed(ks, k, sums);
            vec_push(ks->program->arena, &list, kernel_part(ks, k, sums, k->stages.count));
            k->stages.count = sums;
        }
        count_work(k);
    }
    schedule_renew(ks, s, &list);
}
