// Scheduling: what must hold of every schedule (on networks and random programs, also with caches so small
// that everything is blocked), and the order of the cost model, as measured on real kernels. `schedule_test
// NAME` prints one network's kernels.
#include "pass/kernel.h"
#include "pass/passes.h"
#include "programs/random_program.h"
#include "support/networks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Machine machines[] = {{16, 32, 40e3, 1.4e6, BLAS_NONE},
                                   {8, 16, 40e3, 1.4e6, BLAS_NONE},
                                   {16, 32, 3e3, 12e3, BLAS_NONE},
                                   {8, 16, 300, 1e3, BLAS_NONE}};
enum { MACHINES = 4, RANDOM_PROGRAMS = 60 };

static int passed, failed;

static void check(bool holds, const char *what, const char *where, const char *name) {
    if (holds) {
        passed++;
        return;
    }
    failed++;
    printf("%s: %s: %s\n", where, what, name);
}

// ---- what must hold ---------------------------------------------------------------------------------------

static bool outlives(const Tensor *t) {
    return t->kind != TENSOR_TEMP && t->kind != TENSOR_INPUT && t->kind != TENSOR_OUTPUT;
}

// The kernels between which a tensor of one function is needed, found anew.
static bool life_of(const Schedule *s, const Tensor *t, int *first, int *last) {
    *first = s->kernels.count;
    *last = -1;
    for (int n = 0; n < s->kernels.count; n++)
        for (int i = 0; i < s->kernels.data[n]->stages.count; i++) {
            const Stage *st = &s->kernels.data[n]->stages.data[i];
            bool here = st->equation->tensor == t;
            for (int r = 0; r < st->read_count; r++) here |= st->reads[r]->tensor == t;
            if (!here) continue;
            if (n < *first) *first = n;
            *last = n;
        }
    if (t->kind == TENSOR_OUTPUT && *last >= 0) *last = s->kernels.count;
    if (outlives(t) && *last >= 0) {
        *first = 0;
        *last = s->kernels.count;
    }
    return *last >= 0;
}

static bool overlap(const Layout *a, const Layout *b) {
    return a->offset < b->offset + b->size * b->element_size &&
           b->offset < a->offset + a->size * a->element_size;
}

static void check_places(const Kernels *ks, const Schedule *s, const char *where) {
    const Program *p = ks->program;
    for (int i = 0; i < p->tensors.count; i++) {
        const Tensor *a = p->tensors.data[i];
        int a1, a2, b1, b2;
        if (a->kind == TENSOR_SOURCE || !a->layout->stored || a->layout->same || !life_of(s, a, &a1, &a2))
            continue;
        check(a->layout->offset % 64 == 0, "a place is aligned", where, a->name);
        check(a->layout->offset + a->layout->size * a->layout->element_size <= ks->arena_size,
              "a place is inside the arena", where, a->name);
        for (int j = 0; j < i; j++) {
            const Tensor *b = p->tensors.data[j];
            if (b->kind == TENSOR_SOURCE || !b->layout->stored || b->layout->same || !life_of(s, b, &b1, &b2))
                continue;
            bool apart = !overlap(a->layout, b->layout) || a1 > b2 || b1 > a2;
            if (a->layout->twin)
                apart = apart && (!overlap(a->layout->twin, b->layout) || a1 > b2 || b1 > a2);
            check(apart, "places of tensors that live at once are apart", where,
                  string_format(p->arena, "%s, %s", a->name, b->name));
        }
    }
}

static void check_forms(const Kernel *k, const Stage *st, const char *where) {
    const Equation *q = st->equation;
    for (int d = 0; d < q->out_count; d++) {
        int64_t low, high;
        affine_bounds(q->out[d], &low, &high);
        check(low >= 0 && high < q->tensor->dims[d], "a result stays inside", where, q->tensor->name);
    }
    for (int i = 0; q->reduction == REDUCE_SUM && q->e->op == OP_PRODUCT && i < q->e->count;
         i++) // no guard keeps these in
        for (int d = 0; q->e->args[i]->op == OP_READ && d < q->e->args[i]->tensor->rank; d++) {
            const Tensor *t = q->e->args[i]->tensor;
            int64_t low, high;
            affine_bounds(q->e->args[i]->forms[d], &low, &high);
            bool bounded = low > -(INT64_C(1) << 40);
            check(!bounded ||
                      (low >= -t->layout->border_low[d] && high < t->dims[d] + t->layout->border_high[d]),
                  "a read stays inside its tensor's border", where, t->name);
        }
    check(st->inner_count <= k->axis_count - k->tile_count, "inner axes are no tile axes", where,
          q->tensor->name);
}

static void check_kernel(const Kernels *ks, const Kernel *k, const char *where) {
    const char *name = k->stages.data[0].equation->tensor->name;
    int lanes = ks->machine.lanes / (ks->program->precision == PRECISION_DOUBLE ? 2 : 1);
    for (int a = 0; a < k->axis_count; a++) {
        check(k->axes[a].step >= 1 && k->axes[a].index->axis == a, "an axis has a step and its number", where,
              name);
        check(k->axes[a].tile || k->axes[a].step == 1, "only tiles have steps", where, name);
    }
    check(k->vector_axis < 0 || k->axes[k->vector_axis].tile, "results' lanes run along a tile axis", where,
          name);
    check(k->sum_vector_axis < 0 || !k->axes[k->sum_vector_axis].tile,
          "lanes of a sum run along an inner axis", where, name);
    if (k->vector_axis >= 0 && k->sum_vector_axis < 0)
        check(k->axes[k->vector_axis].step % lanes == 0, "whole vectors", where, name);
    if (k->owned_axis >= 0) {
        check(k->order[0] == k->owned_axis, "the owned axis is outermost", where, name);
        check(k->owned_grain > 0 && k->owned_grain % k->axes[k->owned_axis].step == 0,
              "grains are whole tiles", where, name);
    }
    for (int b = 0; b < k->block_count; b++)
        check(k->blocks[b].size > 0 && k->blocks[b].size % k->axes[k->blocks[b].axis].step == 0,
              "blocks are whole tiles", where, name);
    for (int s = 0; s < k->stages.count; s++) check_forms(k, &k->stages.data[s], where);
}

static int loop_of_writer(const Schedule *s, const Tensor *t) {
    for (int n = 0; n < s->kernels.count; n++)
        for (int i = 0; i < s->kernels.data[n]->stages.count; i++)
            if (s->kernels.data[n]->stages.data[i].equation->tensor == t) return s->kernels.data[n]->loop;
    return -1;
}

// Every tensor is written before it is read, or in an earlier step of a loop; an old value is read before the
// new one is written over it.
static void check_order(const Kernels *ks, const Schedule *s, const char *where) {
    Arena *arena = ks->program->arena;
    bool *written = arena_array(arena, bool, ks->program->tensors.count),
         *over = arena_array(arena, bool, ks->program->tensors.count);
    for (int n = 0; n < s->kernels.count; n++) {
        const Kernel *k = s->kernels.data[n];
        check(k->id == n, "kernels are numbered in order", where, s->function->name);
        for (int i = 0; i < n && k->loop >= 0; i++)
            check(s->kernels.data[i]->loop != k->loop || s->kernels.data[n - 1]->loop == k->loop,
                  "the kernels of a loop stand together", where, s->function->name);
        for (int i = 0; i < k->stages.count; i++) {
            const Stage *st = &k->stages.data[i];
            for (int r = 0; r < st->read_count; r++) {
                const Tensor *t = st->reads[r]->tensor;
                bool given = outlives(t) || (t->kind == TENSOR_INPUT && !ks->definers[t->id]);
                bool before = k->loop >= 0 && loop_of_writer(s, t) == k->loop &&
                              equation_reads_when(ks->program, st->equation, t) == READ_EARLIER;
                check(given || written[t->id] || before, "what is read was written", where, t->name);
                check(!over[t->id], "an old value is read in time", where, t->name);
            }
            written[st->equation->tensor->id] = true;
        }
        for (int i = 0; i < k->stages.count; i++) {
            const Tensor *t = k->stages.data[i].equation->tensor;
            if (outlives(t)) over[t->id] = true;
            if (t->layout->same) over[t->layout->same->id] = true;
        }
    }
}

static int count_stages(const Schedule *s) {
    int n = 0;
    for (int i = 0; i < s->kernels.count; i++)
        n += s->kernels.data[i]->zeros ? 0 : s->kernels.data[i]->stages.count;
    return n;
}

// What is printed is read, and prints the same.
static void check_text(Kernels *ks, const char *where, const char *pass) {
    Context *ctx = context_create();
    Text first = {.arena = ctx->arena}, second = {.arena = ctx->arena};
    kernels_write(&first, ks);
    const char *text = text_string(&first);
    Kernels *again = kernels_read(ctx, source_add(ctx, where, text, strlen(text)));
    if (again) kernels_write(&second, again);
    if (!again) diagnostics_print(ctx, false, stdout);
    bool same = again && !strcmp(text, text_string(&second));
    check(same, "kernels printed are read again, and print the same", where, pass);
    if (!same && getenv("SHOW")) printf("%s\n---- again\n%s\n", text, again ? text_string(&second) : "");
    context_destroy(ctx);
}

static void check_pass(Kernels *ks, const char *where, const char *pass) {
    const char *wrong = kernels_verify(ks);
    check(!wrong, string_format(ks->program->arena, "after %s", pass), where, wrong ? wrong : "");
    check_text(ks, where, pass);
}

static void check_all(Program *p, const Machine *m, const char *where) {
    int equations[16] = {0};
    for (int i = 0; i < p->functions.count && i < 16; i++)
        equations[i] = p->functions.data[i]->equations.count;
    Kernels *ks = pass_fuse(p, m);
    check_pass(ks, where, "fuse");
#define KERNEL_PASS(name, does, holds)                                                                       \
    pass_##name(ks);                                                                                         \
    check_pass(ks, where, #name);
#include "pass/passes.def"
    check(ks->persistent_size <= ks->arena_size, "the arena holds what persists", where, "");
    for (int i = 0; i < ks->schedules.count; i++) {
        const Schedule *s = ks->schedules.data[i];
        check(count_stages(s) >= equations[i], "every equation is a stage", where, s->function->name);
        check_order(ks, s, where);
        check_places(ks, s, where);
        for (int n = 0; n < s->kernels.count; n++) check_kernel(ks, s->kernels.data[n], where);
    }
}

static Program *read(Context *ctx, const char *name, const char *text) {
    Program *p = program_read(ctx, source_add(ctx, name, text, strlen(text)));
    if (!p) diagnostics_print(ctx, false, stdout);
    return p;
}

static void check_networks(const Network *list, int count, const char *only) {
    static const char *const precisions[] = {"default", "strict", "double"};
    for (int i = 0; i < count * MACHINES; i++) {
        const Network *n = &list[i / MACHINES];
        if (only && strcmp(only, n->name)) continue;
        Context *ctx = context_create();
        const char *text =
            string_format(ctx->arena, "program batch 40 precision %s\n%s", precisions[i % 3], n->text);
        Program *p = read(ctx, n->name, text);
        if (p) {
            p->functions.data[0]->kind = FUNCTION_STEP;
            passes_run(p, "differentiate", "gather", NULL, NULL);
            check_all(p, &machines[i % MACHINES], n->name);
        }
        check(p != NULL, "a network can be read", n->name, "");
        context_destroy(ctx);
    }
}

static void check_random(void) {
    for (int i = 0; i < RANDOM_PROGRAMS; i++) {
        Context *ctx = context_create();
        Program *p =
            random_program(ctx, (RandomOptions){.seed = (uint64_t)i + 900, .precision = (Precision)(i % 3)});
        passes_run(p, "differentiate", "gather", NULL, NULL);
        check_all(p, &machines[i % MACHINES], string_format(ctx->arena, "random program %d", i + 900));
        context_destroy(ctx);
    }
}

// ---- the order of the model -------------------------------------------------------------------------------

static const Kernel *kernel_of(const Kernels *ks, const char *tensor) {
    for (int n = 0; n < ks->schedules.data[0]->kernels.count; n++) {
        const Kernel *k = ks->schedules.data[0]->kernels.data[n];
        for (int s = 0; s < k->stages.count; s++)
            if (!strcmp(k->stages.data[s].equation->tensor->name, tensor)) return k;
    }
    return NULL;
}

static const char *lanes_of(const Kernel *k) {
    if (k->sum_vector_axis >= 0) return k->axes[k->sum_vector_axis].index->name;
    return k->vector_axis < 0 ? "" : k->axes[k->vector_axis].index->name;
}

// Measured: which lanes are faster by far. Each of these was once chosen wrongly by one wrong term of the
// model.
static void check_model(void) {
    static const struct {
        const char *what, *tensor, *lanes, *text;
    } cases[] = {
        {"a wide layer's lanes run along its columns, not along the sum", "h", "u",
         "program batch 64 precision default\ninput x[batch, 784]\nparam w[784, 128]\noutput h[batch, 128]\n"
         "function step step\n    h[b, u] = sum[n] x[b, n] * w[n, u]    | b:batch u:128 n:784\n"},
        {"a narrow convolution's lanes run over the batch", "y", "b",
         "program batch 64 precision default\ninput x[batch, 28, 28, 1]\nparam k[5, 5, 1, 6]\noutput "
         "y[batch, 24, 24, 6]\n"
         "function step step\n    y[b, i, j, f] = sum[p, q] x[b, i + p, j + q, 0] * k[p, q, 0, f]    | "
         "b:batch i:24 j:24 f:6 p:5 q:5\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Context *ctx = context_create();
        Program *p = read(ctx, cases[i].what, cases[i].text);
        if (p) {
            passes_run(p, "gather", "gather", NULL, NULL);
            const Kernel *k = kernel_of(kernels_run(p, &machines[0], "place"), cases[i].tensor);
            check(k && !strcmp(lanes_of(k), cases[i].lanes), cases[i].what, "model",
                  k ? lanes_of(k) : "no kernel");
        }
        check(p != NULL, "a case can be read", cases[i].what, "");
        context_destroy(ctx);
    }
}

int main(int argc, char **argv) {
    const char *only = argc > 1 ? argv[1] : NULL;
    int count;
    const Network *list = networks(&count);
    check_networks(list, count, only);
    list = recurrences(&count);
    check_networks(list, count, only);
    if (!only) check_random();
    if (!only) check_model();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
