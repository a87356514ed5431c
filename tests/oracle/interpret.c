// The reference interpreter: the meaning of a function, in double precision, for any number of rows up to the
// declared. Checks that reads stay inside, that no element is defined twice, and that what is read has a
// value.

#include "oracle/machine.h"

#include <math.h>
#include <string.h>

Environment *environment_create(Program *p, int64_t rows, uint64_t seed) {
    Environment *env = arena_new(p->arena, Environment);
    env->p = p;
    env->rows = rows;
    env->seed = seed;
    return env;
}

void environment_draws(Environment *env, uint64_t seed, uint32_t batch_number) {
    env->seed = seed;
    env->batch_number = batch_number;
}

void environment_rows(Environment *env, int64_t rows) { env->rows = rows; }

static Cell *cell_of(Environment *env, const Tensor *t) {
    while (env->cells.count <= (int)t->id) vec_push(env->p->arena, &env->cells, (Cell){0});
    return &env->cells.data[t->id];
}

double *environment_values(Environment *env, Tensor *t) {
    Cell *cell = cell_of(env, t);
    if (!cell->value) {
        int64_t n = tensor_elements(t);
        cell->value = arena_new(env->p->arena, Value);
        *cell->value =
            (Value){t, t->rank > 0 ? t->dims[0] : 1, arena_array(env->p->arena, double, n > 0 ? n : 1)};
        for (int64_t i = 0; i < n && t->start != 0; i++) cell->value->values[i] = t->start;
    }
    return cell->value->values;
}

void environment_source(Environment *env, Tensor *t, int64_t rows, double *values) {
    environment_values(env, t);
    *cell_of(env, t)->value = (Value){t, rows, values};
}

// ---- one equation ----

static int64_t loop_start(const Machine *m, int loop) { return loop == m->time ? m->now : 0; }

static int64_t loop_end(const Machine *m, int loop) {
    return loop == m->time ? m->now + 1 : m->loops[loop]->batch ? m->env->rows : m->loops[loop]->size;
}

static void set_loop(Machine *m, int loop, int64_t value) {
    m->at[loop] = value;
    for (int level = loop + 1; level <= m->loop_count; level++) m->stamps[level]++;
}

// Steps the loops first .. last - 1 like an odometer; false at the end.
static bool next_point(Machine *m, int first, int last) {
    for (int loop = last - 1; loop >= first; loop--) {
        if (m->at[loop] + 1 < loop_end(m, loop)) {
            set_loop(m, loop, m->at[loop] + 1);
            return true;
        }
        m->at[loop] = loop_start(m, loop);
    }
    return false;
}

static bool first_point(Machine *m, int first, int last) {
    for (int loop = first; loop < last; loop++)
        if (loop_end(m, loop) <= 0) return false;
    for (int loop = first; loop < last; loop++) m->at[loop] = loop_start(m, loop);
    if (first < last) set_loop(m, first, m->at[first]);
    return true;
}

static double start_of(Reduction r) {
    return r == REDUCE_PROD                        ? 1
           : r == REDUCE_MAX || r == REDUCE_ARGMAX ? -(double)INFINITY
           : r == REDUCE_MIN || r == REDUCE_ARGMIN ? (double)INFINITY
                                                   : 0;
}

static double reduce(Machine *m) {
    Reduction r = m->q->reduction;
    double best = start_of(r);
    int64_t position = 0;
    bool some = false;
    if (!first_point(m, m->out_loops, m->loop_count))
        return r == REDUCE_ARGMAX || r == REDUCE_ARGMIN ? 0 : best;
    do {
        double v = machine_value(m, m->root);
        bool larger = v > best || (isnan(v) && !isnan(best)),
             smaller = v < best || (isnan(v) && !isnan(best));
        if (r == REDUCE_SUM) {
            best += v;
        } else if (r == REDUCE_PROD) {
            best *= v;
        } else if (!some || (r == REDUCE_MAX || r == REDUCE_ARGMAX ? larger : smaller)) {
            best = v;
            position = 0;
            for (int i = m->out_loops; i < m->loop_count; i++)
                position = position * m->loops[i]->size + m->at[i];
        }
        some = true;
    } while (!m->env->error && next_point(m, m->out_loops, m->loop_count));
    return r == REDUCE_ARGMAX || r == REDUCE_ARGMIN ? (double)position : best;
}

// The value with as many before it as the place that is asked for.
static double ordered(Machine *m) {
    int64_t n = loop_end(m, m->out_loops), place = 0;
    double *x = arena_array(m->env->p->arena, double, n + 1);
    const Affine *wanted = affine_atom(m->env->p, m->e->args[1]);
    for (int i = 0; i < m->out_loops; i++)
        if (affine_only(wanted) == m->loops[i]) place = m->at[i];
    first_point(m, m->out_loops, m->loop_count);
    for (int64_t k = 0; k < n; k++) {
        x[k] = machine_value(m, m->root);
        next_point(m, m->out_loops, m->loop_count);
    }
    for (int64_t k = 0; k < n; k++) {
        int64_t before = 0;
        for (int64_t j = 0; j < n; j++)
            before += x[j] < x[k] || (!isnan(x[j]) && isnan(x[k])) ||
                      (j < k && (x[j] == x[k] || (isnan(x[j]) && isnan(x[k]))));
        if (before == place) return (double)k;
    }
    machine_fail(m, "no order");
    return 0;
}

static void store(Machine *m, Cell *cell, double v) {
    const Tensor *t = m->q->tensor;
    int64_t at = 0;
    for (int d = 0; d < t->rank; d++) {
        int64_t i;
        if (!machine_form(m, &m->out[d], &i) || i < 0 || i >= t->dims[d]) {
            machine_fail(m, "a result lies outside of %s", t->name);
            return;
        }
        at = at * t->dims[d] + i;
    }
    if (cell->written[at]) machine_fail(m, "an element of %s is defined twice", t->name);
    cell->written[at] = 1;
    cell->value->values[at] = v;
}

static Machine *machine_of(Environment *env, const Equation *q) {
    for (int i = 0; i < env->machines.count;
         i++) { // runs repeat: what follows the last one is mostly the next one
        env->last = (env->last + 1) % env->machines.count;
        Machine *m = env->machines.data[env->last];
        if (m->q == q && m->e == q->e) return m;
    }
    Machine *m = arena_new(env->p->arena, Machine);
    if (!machine_compile(m, env, q)) return NULL;
    vec_push(env->p->arena, &env->machines, m);
    return m;
}

// All of an equation, or one step of its time.
static void run_equation(Environment *env, const Equation *q, const Index *time, int64_t now) {
    environment_values(env, q->tensor);
    Machine *m = machine_of(env, q);
    if (!m) return;
    m->time = -1;
    m->now = now;
    for (int i = 0; time && i < m->out_loops; i++)
        if (m->loops[i] == time) m->time = i;
    Cell *cell = cell_of(env, q->tensor);
    int64_t n = tensor_elements(q->tensor);
    if (!cell->written) cell->written = arena_array(env->p->arena, uint8_t, n > 0 ? n : 1);
    if (cell->run != env->run) { // the first piece: where none reaches it is 0
        memset(cell->written, 0, (size_t)n);
        memset(cell->value->values, 0, (size_t)n * sizeof(double));
        cell->run = env->run;
    }
    m->stamps[0]++;
    for (int level = 1; level <= m->loop_count; level++) m->stamps[level]++;
    if (!first_point(m, 0, m->out_loops)) return;
    do {
        double v = q->reduction == REDUCE_NONE    ? machine_value(m, m->root)
                   : q->reduction == REDUCE_ORDER ? ordered(m)
                                                  : reduce(m);
        store(m, cell, v);
    } while (!env->error && next_point(m, 0, m->out_loops));
}

// ---- a function ----

// Values that the runtime would have set: the clock, settings, totals.
static void preset(Environment *env) {
    for (int i = 0; i < env->p->tensors.count; i++) {
        Tensor *t = env->p->tensors.data[i];
        cell_of(env, t);
        if (t->kind == TENSOR_CLOCK || t->kind == TENSOR_SETTING || t->kind == TENSOR_TOTAL ||
            t->kind == TENSOR_TRAINING)
            environment_values(env, t);
    }
}

static void apply_effects(Environment *env, const Function *f) {
    double **old = arena_array(env->p->arena, double *, f->effects.count > 0 ? f->effects.count : 1);
    for (int i = 0; i < f->effects.count; i++) {
        Tensor *t = f->effects.data[i].target, *v = f->effects.data[i].value;
        if (!cell_of(env, v)->value) {
            env->error =
                string_format(env->p->arena, "the new value of %s, %s, has no value", t->name, v->name);
            return;
        }
        bool read_again = false; // a value that another effect changes is copied first
        for (int k = 0; k < i; k++) read_again |= f->effects.data[k].target == v;
        old[i] = cell_of(env, v)->value->values;
        if (read_again) {
            int64_t n = tensor_elements(v);
            double *copy = arena_array(env->p->arena, double, n > 0 ? n : 1);
            memcpy(copy, old[i], (size_t)n * sizeof *copy);
            old[i] = copy;
        }
    }
    for (int i = 0; i < f->effects.count; i++) {
        Tensor *t = f->effects.data[i].target;
        int64_t n = tensor_elements(t);
        if (t->batch_dims & 1)
            n = n / t->dims[0] * env->rows; // rows beyond the true number keep their values
        memcpy(environment_values(env, t), old[i], (size_t)n * sizeof(double));
    }
}

static void run_cycle(Environment *env, const Function *f, int first, int end) {
    const Tensor *t = f->equations.data[first]->tensor;
    int64_t size = t->dims[t->along];
    for (int i = first; i < end; i++) environment_values(env, f->equations.data[i]->tensor);
    for (int64_t k = 0; k < size && !env->error; k++)
        for (int i = first; i < end && !env->error; i++) {
            const Equation *q = f->equations.data[i];
            run_equation(env, q, equation_time(q), t->step > 0 ? k : size - 1 - k);
        }
}

const char *interpret(Environment *env, Function *f) {
    env->error = NULL;
    env->run++;
    preset(env);
    if (f->gradients.count > 0) return "the function still asks for gradients";
    bool recurs = false;
    for (int i = 0; i < f->equations.count; i++) recurs = recurs || f->equations.data[i]->tensor->step;
    const int *cycles = recurs ? function_cycles(env->p, f) : NULL;
    for (int i = 0; i < f->equations.count && !env->error; i = recurs && cycles[i] ? cycles[i] : i + 1)
        if (recurs && cycles[i])
            run_cycle(env, f, i, cycles[i]);
        else
            run_equation(env, f->equations.data[i], NULL, 0);
    if (!env->error) apply_effects(env, f);
    return env->error;
}
