// The gradient check: runs the compiled step in this process, on rows drawn here, and compares its gradients
// with central differences. Draws of the network are the same in every evaluation; so are the rows, unless a
// point turns out to be a kink.
//
// With step h = 6e-6 max(1, |w|) the error is |a - d| / max(|a|, |d|, 1e-3 |loss|) and must be at most 1e-6.
// Where it is more, and the one-sided differences differ by more than 2e-5 of that maximum, which a smooth
// loss does not do within such a step, the point is a kink: other rows, a tenth of the step, ten times the
// tolerance (docs/decisions/kinks.md). Where a stop_gradient stands between a parameter and the loss, the
// derivative is meant to be another one: that is said, and is no mistake.
#include "inside/gradcheck.h"

#include "inside/inside.h"

#include <math.h>
#include <stdio.h>

enum { ALL_UP_TO = 256, CHOSEN = 64, DIRECTIONS = 3, TRIES = 4, MOST_KINKS_PERCENT = 1, MOST_ROWS = 8 };

typedef struct {
    Pipeline *p;
    Arena *arena;
    VEC(Tensor *) parameters; // those that are derived by
    double **saved;           // their values, by the tensor's id
    Inside in;
    const bool *stopped; // by tensor
} Check;

typedef struct {
    double worst, analytic, numeric;
    int64_t element;
    int checked, kinks, wrong;
    bool stopped; // a stop_gradient stands between it and the loss
} Result;

static double *real_at(const Check *c, const Tensor *t, int64_t element) {
    return inside_at(&c->in, t, element);
}

static double loss_now(Check *c) {
    inside_rows(&c->in);
    c->in.run(NN_STEP, &c->in.call, 0, 1);
    return *real_at(c, c->p->module->loss, 0);
}

// The loss with the parameters moved by `distance` along a direction, which is one element or all of them.
typedef struct {
    Tensor *tensor;
    int64_t element;
    uint32_t direction;
} Move;

static double along(uint32_t direction, const Tensor *t, int64_t element) {
    return inside_random(direction, t->id, (uint64_t)element) * 0x1p-31 - 1;
}

static void shift(Check *c, const Move *m, double distance) {
    if (m->tensor) {
        *real_at(c, m->tensor, m->element) += distance;
        return;
    }
    every (t, c->parameters)
        for (int64_t e = 0; e < tensor_elements(t) && !c->stopped[t->id]; e++)
            *real_at(c, t, e) = c->saved[t->id][e] + distance * along(m->direction, t, e);
}

// A parameter moved must be moved in its second copy too, where it has one.
static void write_copies(Check *c) {
    Program *program = c->p->module->program;
    every (t, program->tensors) {
        if (t->kind != TENSOR_PARAM || !t->layout || !t->layout->twin) continue;
        for (int64_t e = 0; e < tensor_elements(t); e++)
            *(double *)(void *)(c->in.memory + layout_byte(t->layout->twin, t, e)) = *real_at(c, t, e);
    }
}

static double moved_loss(Check *c, const Move *m, double distance) {
    double keep = m->tensor ? *real_at(c, m->tensor, m->element) : 0;
    shift(c, m, distance);
    write_copies(c);
    double loss = loss_now(c);
    if (m->tensor)
        *real_at(c, m->tensor, m->element) = keep;
    else
        shift(c, m, 0);
    write_copies(c);
    return loss;
}

typedef enum { AGREES, DIFFERS, KINK } Verdict;

static Verdict compare(Check *c, const Move *m, double analytic, double step, double tolerance, Result *r) {
    double loss = loss_now(c), up = moved_loss(c, m, step), down = moved_loss(c, m, -step);
    double numeric = (up - down) / (2 * step);
    double scale = fmax(fmax(fabs(analytic), fabs(numeric)), 1e-3 * fabs(loss));
    double error = scale > 0 ? fabs(analytic - numeric) / scale : 0;
    if (error > tolerance && fabs((up - loss) / step - (loss - down) / step) > 2e-5 * scale) return KINK;
    if (!(error <= r->worst))
        r->worst = error, r->analytic = analytic, r->numeric = numeric, r->element = m->element;
    return error <= tolerance ? AGREES : DIFFERS;
}

static Tensor *gradient_of(const Pipeline *p, const Tensor *parameter) {
    for (int i = 0; i < p->gradients.count; i++)
        if (p->gradients.data[i].by == parameter) return p->gradients.data[i].result;
    return NULL;
}

static double directional(Check *c, uint32_t direction) {
    double sum = 0;
    every (t, c->parameters)
        for (int64_t e = 0; e < tensor_elements(t) && !c->stopped[t->id]; e++)
            sum += *real_at(c, gradient_of(c->p, t), e) * along(direction, t, e);
    return sum;
}

static void check_move(Check *c, const Move *m, Result *r) {
    r->checked++;
    for (int attempt = 0; attempt < TRIES; attempt++) {
        inside_draw(&c->in, (uint32_t)attempt);
        loss_now(c);
        double analytic =
            m->tensor ? *real_at(c, gradient_of(c->p, m->tensor), m->element) : directional(c, m->direction);
        double at = m->tensor ? fabs(*real_at(c, m->tensor, m->element)) : 1;
        double step = 6e-6 * fmax(1, at) * pow(0.1, attempt);
        Verdict v = compare(c, m, analytic, step, 1e-6 * pow(10, attempt), r);
        if (v == DIFFERS) r->wrong++;
        if (v == KINK && attempt + 1 == TRIES) r->kinks++;
        if (v != KINK) break;
    }
}

static Result check_parameter(Check *c, Tensor *t) {
    Result r = {.worst = 0};
    int64_t n = tensor_elements(t), count = n <= ALL_UP_TO ? n : CHOSEN;
    for (int64_t k = 0; k < count; k++) {
        int64_t e = n <= ALL_UP_TO
                        ? k
                        : (int64_t)(((uint64_t)inside_random(7, t->id, (uint64_t)k) * (uint64_t)n) >> 32);
        check_move(c, &(Move){t, e, 0}, &r);
    }
    return r;
}

// Does the value of a stop_gradient depend on these tensors?
static bool stops(const Expr *e, const bool *reached) {
    for (int i = 0; e->op == OP_STOP_GRADIENT && i < e->read_count; i++)
        if (reached[e->reads[i]->tensor->id]) return true;
    for (int i = 0; i < e->count; i++)
        if (stops(e->args[i], reached)) return true;
    return false;
}

static bool stopped(const Program *program, const Function *step, const Tensor *parameter) {
    bool *reached = arena_array(program->arena, bool, program->tensors.count + 1), grows = true;
    reached[parameter->id] = true;
    while (grows) {
        grows = false;
        for (int i = 0; i < step->equations.count; i++) {
            const Equation *q = step->equations.data[i];
            if (stops(q->e, reached)) return true;
            for (int k = 0; k < q->e->read_count && !reached[q->tensor->id]; k++)
                grows |= reached[q->tensor->id] = reached[q->e->reads[k]->tensor->id];
        }
    }
    return false;
}

const bool *gradcheck_stopped(const Pipeline *p) {
    const Program *program = p->module->program;
    bool *of = arena_array(program->arena, bool, program->tensors.count + 1);
    for (int f = 0; f < program->functions.count; f++)
        for (int i = 0; program->functions.data[f]->kind == FUNCTION_STEP && i < program->tensors.count;
             i++) {
            const Tensor *t = program->tensors.data[i];
            if (t->kind == TENSOR_PARAM && t->trainable)
                of[t->id] = stopped(program, program->functions.data[f], t);
        }
    return of;
}

static bool report(FILE *out, const char *name, const Result *r) {
    bool bad = (r->wrong && !r->stopped) || r->kinks * 100 > r->checked * MOST_KINKS_PERCENT;
    fprintf(out, "%-40s %5d checked, worst error %.1e at %lld (derived %.9g, measured %.9g)%s\n", name,
            r->checked, r->worst, (long long)r->element, r->analytic, r->numeric,
            r->wrong && r->stopped ? "  not compared: a stop_gradient stands between"
            : r->wrong             ? "  WRONG"
            : bad                  ? "  too many kinks"
                                   : "");
    return !bad;
}

int gradcheck(Pipeline *p, const bool *stopped_before, void *file) {
    Check c = {.p = p, .arena = p->ctx->arena, .stopped = stopped_before};
    Program *program = p->module->program;
    if (!inside_open(&c.in, p, p->kernels, program->batch < MOST_ROWS ? program->batch : MOST_ROWS, 2))
        return NN_OK;
    c.saved = arena_array(c.arena, double *, program->tensors.count);
    bool good = true;
    int checked = 0, left = 0;
    every (t, program->tensors) {
        if (t->kind != TENSOR_PARAM || !t->trainable) continue;
        if (!gradient_of(p, t)) die("gradcheck: %s has no gradient", t->name);
        vec_push(c.arena, &c.parameters, t);
        c.saved[t->id] = arena_array(c.arena, double, tensor_elements(t));
        for (int64_t e = 0; e < tensor_elements(t); e++) c.saved[t->id][e] = *real_at(&c, t, e);
    }
    every (t, c.parameters) {
        Result r = check_parameter(&c, t);
        r.stopped = c.stopped[t->id];
        if (r.stopped) left += r.wrong;
        good &= report(file, t->name, &r);
        checked += r.checked;
    }
    Result all = {.worst = 0};
    for (uint32_t d = 1; d <= DIRECTIONS; d++) check_move(&c, &(Move){NULL, d, d}, &all);
    good &= report(file, "all, in random directions", &all);
    say(file, "%s: %d derivatives checked, %s%s\n", p->module->name, checked + all.checked - left,
        good ? "all agree" : "some do not",
        left ? string_format(c.arena, "; %d are stopped by a stop_gradient", left) : "");
    inside_close(&c.in);
    return good ? NN_OK : NN_NOT_FINITE;
}
