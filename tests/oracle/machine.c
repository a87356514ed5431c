// Compiles an equation for the interpreter, and evaluates its nodes at a point.

#include "oracle/machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Machine *m;
    Arena *arena;
    Table nodes; // node number + 1 by expression
} Compile;

static int compile_node(Compile *c, const Expr *e);

static int level_of(const Machine *m, const Index *const *indices, int count) {
    int level = 0;
    for (int i = 0; i < count; i++) {
        int slot = index_find(m->loops, m->loop_count, indices[i]);
        level = slot + 1 > level ? slot + 1 : level;
    }
    return level;
}

static Form compile_form(Compile *c, const Affine *a) {
    Part *parts = arena_array(c->arena, Part, a->count > 0 ? a->count : 1);
    for (int i = 0; i < a->count; i++) {
        const Expr *atom = a->terms[i].atom;
        parts[i] = (Part){.slot = -1, .node = -1, .coef = a->terms[i].coef};
        if (atom->op == OP_INDEX) parts[i].slot = index_find(c->m->loops, c->m->loop_count, atom->index);
        if (parts[i].slot < 0 && atom->op != OP_INDEX)
            parts[i].node = compile_node(c, atom);
        else if (parts[i].slot < 0)
            machine_fail(c->m, "index %s is not the equation's", atom->index->name);
    }
    return (Form){a->constant, a->denominator, a->count, parts};
}

static void compile_parts(Compile *c, Node *n, const Expr *e) {
    int *args = arena_array(c->arena, int, e->count > 0 ? e->count : 1);
    for (int i = 0; i < e->count; i++) args[i] = compile_node(c, e->args[i]);
    n->args = args;
    n->count = e->count;
    bool one = e->op == OP_AFFINE || e->op == OP_INDEX || e->op == OP_DRAW;
    int forms = e->op == OP_READ ? e->guard_count : one;
    Form *own = arena_array(c->arena, Form, forms > 0 ? forms : 1);
    for (int i = 0; i < forms; i++)
        own[i] = compile_form(c, e->op == OP_READ     ? e->forms[i]
                                 : e->op == OP_AFFINE ? e->form
                                 : e->op == OP_DRAW   ? e->draw->element
                                                      : affine_index(c->m->env->p, e->index));
    n->forms = own;
    n->form_count = forms;
    if (e->op == OP_WHERE) {
        Check *checks = arena_array(c->arena, Check, e->guard_count);
        for (int i = 0; i < e->guard_count; i++)
            checks[i] = (Check){compile_form(c, e->guards[i].form), e->guards[i].count};
        n->checks = checks;
        n->form_count = e->guard_count;
    }
}

static int compile_node(Compile *c, const Expr *e) {
    const void *known = table_get(&c->nodes, e);
    if (known) return (int)(intptr_t)known - 1;
    Node n = {
        .op = e->op == OP_INDEX ? OP_AFFINE : e->op, .e = e, .level = level_of(c->m, e->free, e->free_count)};
    compile_parts(c, &n, e);
    if (e->op == OP_READ) {
        Cell *cell = &c->m->env->cells.data[e->tensor->id];
        n.value = cell->value;
        if (!n.value) machine_fail(c->m, "%s has no value", e->tensor->name);
    }
    const OpInfo *info = op_info((Op)e->op);
    n.evaluate = info ? info->evaluate : NULL;
    int number = c->m->nodes.count;
    vec_push(c->arena, &c->m->nodes, n);
    table_set(c->arena, &c->nodes, e, (const void *)(intptr_t)(number + 1));
    return number;
}

bool machine_compile(Machine *m, Environment *env, const Equation *q) {
    *m = (Machine){.env = env, .q = q, .e = q->e};
    int outs = equation_result_indices(q, m->loops, MAX_LOOPS);
    if (outs + q->index_count > MAX_LOOPS) {
        machine_fail(m, "too many indices");
        return false;
    }
    m->loop_count = m->out_loops = outs;
    for (int i = 0; i < q->index_count; i++) m->loops[m->loop_count++] = q->indices[i];
    for (int i = 0; i <= MAX_LOOPS; i++) m->stamps[i] = 1;
    Compile c = {.m = m, .arena = env->p->arena};
    m->root = compile_node(&c, q->e);
    for (int d = 0; d < q->out_count; d++) m->out[d] = compile_form(&c, q->out[d]);
    m->result = env->cells.data[q->tensor->id].value;
    return !env->error;
}

void machine_fail(Machine *m, const char *format, ...) {
    if (m->env->error) return;
    Arena *arena = m->env->p->arena;
    va_list args;
    va_start(args, format);
    Text text = {.arena = arena};
    text_put(&text, string_vformat(arena, format, args));
    va_end(args);
    text_put(&text, " in ");
    equation_print(&text, m->q);
    for (int i = 0; i < m->loop_count; i++)
        text_add(&text, "%s%s = %lld", i ? ", " : " at ", m->loops[i]->name, (long long)m->at[i]);
    for (const Origin *o = m->q->origin; o; o = o->caller)
        if (o->what) text_add(&text, ", from %s", o->what);
    m->env->error = text_string(&text);
}

// ---- values at a point ----

static int64_t numerator(Machine *m, const Form *f) {
    int64_t v = f->constant;
    for (int i = 0; i < f->count; i++) {
        const Part *part = &f->parts[i];
        v += part->coef * (part->slot >= 0 ? m->at[part->slot] : (int64_t)machine_value(m, part->node));
    }
    return v;
}

bool machine_form(Machine *m, const Form *f, int64_t *value) {
    int64_t v = numerator(m, f);
    *value = v / f->denominator;
    return v % f->denominator == 0;
}

double draw_value(const Draw *draw, int64_t element, uint64_t seed, uint32_t batch_number) {
    uint32_t x[4] = {(uint32_t)element, draw->place, draw->initial ? 0 : batch_number, (uint32_t)draw->kind};
    philox(x, seed);
    double u = (double)(x[0] >> 8) * 0x1p-24, v = (double)(x[1] >> 8) * 0x1p-24;
    if (draw->kind == DRAW_NORMAL) return sqrt(-2 * log(1 - u)) * cos(2 * 3.14159265358979323846 * v);
    if (draw->kind == DRAW_BITS) return (double)(((uint64_t)x[0] * (uint64_t)draw->limit) >> 32);
    return u;
}

static double read_value(Machine *m, const Node *n) {
    const Tensor *t = n->value->tensor;
    int64_t at = 0;
    for (int d = 0; d < n->form_count; d++) {
        int64_t i, limit = t->kind == TENSOR_SOURCE && d == 0 ? n->value->rows : t->dims[d];
        if (!machine_form(m, &n->forms[d], &i) || i < 0 || i >= limit) {
            if (t->type == TYPE_INT || t->type == TYPE_BOOL) return t->bounded ? (double)t->low : 0;
            machine_fail(m, "a read of %s leaves it: dimension %d is %lld of %lld", t->name, d, (long long)i,
                         (long long)limit);
            return 0;
        }
        at = at * limit + i;
    }
    return n->value->values[at];
}

static bool guards_hold(Machine *m, const Node *n) {
    for (int i = 0; i < n->form_count; i++) {
        int64_t v;
        if (!machine_form(m, &n->checks[i].form, &v) || v < 0 || v >= n->checks[i].count) return false;
    }
    return true;
}

static double product_value(Machine *m, const Node *n) {
    double above = n->e->value, below = 1;
    for (int i = 0; i < n->count; i++) {
        double x = machine_value(m, n->args[i]);
        if (n->e->exponents[i] > 0)
            above *= whole_power(x, abs(n->e->exponents[i]));
        else
            below *= whole_power(x, abs(n->e->exponents[i]));
    }
    return below == 1 ? above : above / below;
}

static double node_value(Machine *m, const Node *n) {
    double v, args[3];
    switch (n->op) {
    case OP_CONST: return n->e->value;
    case OP_ROWS: return (double)m->env->rows;
    case OP_AFFINE: return (double)numerator(m, &n->forms[0]) / (double)n->forms[0].denominator;
    case OP_READ: return read_value(m, n);
    case OP_WHERE: return machine_value(m, n->args[guards_hold(m, n) ? 0 : 1]);
    case OP_SELECT: return machine_value(m, n->args[machine_value(m, n->args[0]) != 0 ? 1 : 2]);
    case OP_DRAW:
        return draw_value(n->e->draw, numerator(m, &n->forms[0]), m->env->seed, m->env->batch_number);
    case OP_SUM:
        v = n->e->value;
        for (int i = 0; i < n->count; i++) v += n->e->coefs[i] * machine_value(m, n->args[i]);
        return v;
    case OP_PRODUCT: return product_value(m, n);
    default:
        for (int i = 0; i < n->count; i++) args[i] = machine_value(m, n->args[i]);
        return n->evaluate(args);
    }
}

double machine_value(Machine *m, int number) {
    Node *n = &m->nodes.data[number];
    uint64_t stamp = m->stamps[n->level];
    if (n->stamp == stamp) return n->result;
    double v = node_value(m, n);
    n->result = v;
    n->stamp = stamp;
    return v;
}
