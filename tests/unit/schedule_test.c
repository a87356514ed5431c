// Scheduling: the verifier finds nothing after any pass, and what it made is read back from its text (on
// networks and random programs, also with caches so small that everything is blocked); and the order of the
// cost model, as measured on real kernels. `schedule_test NAME` prints one network's kernels.
#include "oracle/text.h"
#include "pass/kernel.h"
#include "pass/passes.h"
#include "programs/random_program.h"
#include "support/networks.h"

#include <stdio.h>
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

static int count_stages(const Schedule *s) {
    int n = 0;
    for (int i = 0; i < s->kernels.count; i++)
        n += s->kernels.data[i]->zeros ? 0 : s->kernels.data[i]->stages.count;
    return n;
}

// After a pass: nothing is wrong, and what is printed is read and prints the same. The pass was run on the
// kernels read before it too (`again`): what it made of them is right, so that nothing is missing in the
// text; and the same, where no tie is decided by the order in which expressions were made.
static Kernels *check_pass(Kernels *ks, Kernels *again, const char *where, const char *pass) {
    Context *ctx = ks->program->ctx;
    Text own = {.arena = ctx->arena}, other = {.arena = ctx->arena}, read = {.arena = ctx->arena};
    const char *what = string_format(ctx->arena, "%s, after %s", where, pass), *wrong = kernels_verify(ks);
    bool ties = !strcmp(pass, "layout") || !strcmp(pass, "ownership") || !strcmp(pass, "tiles");
    check(!wrong, "the verifier finds nothing", what, wrong ? wrong : "");
    kernels_write(&own, ks);
    const char *text = text_string(&own);
    if (again) kernels_write(&other, again);
    wrong = again ? kernels_verify(again) : NULL;
    check(!wrong, "it finds nothing in kernels that were read before the pass", what, wrong ? wrong : "");
    check(ties || !again || !strcmp(text, text_string(&other)), "they are the same", what, "");
    again = kernels_read(ctx, source_add(ctx, where, text, strlen(text)));
    if (again)
        kernels_write(&read, again);
    else
        diagnostics_print(ctx, false, stdout);
    check(again && !strcmp(text, text_string(&read)), "kernels that were read print the same", what, "");
    return again;
}

static void check_all(Program *p, const Machine *m, const char *where) {
    int equations[16] = {0};
    for (int i = 0; i < p->functions.count && i < 16; i++)
        equations[i] = p->functions.data[i]->equations.count;
    Kernels *ks = pass_fuse(p, m);
    Kernels *again = check_pass(ks, NULL, where, "fuse");
#define KERNEL_PASS(name, does, holds)                                                                       \
    pass_##name(ks);                                                                                         \
    if (again) pass_##name(again);                                                                           \
    again = check_pass(ks, again, where, #name);
#include "pass/passes.def"
    check(ks->persistent_size <= ks->arena_size, "the arena holds what persists", where, "");
    for (int i = 0; i < ks->schedules.count; i++) {
        const Schedule *s = ks->schedules.data[i];
        check(count_stages(s) >= equations[i], "every equation is a stage", where, s->function->name);
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
            passes_run(p, "chosen", "scatter", NULL, NULL);
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
        passes_run(p, "chosen", "scatter", NULL, NULL);
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

// One layer, and its gradients.
static const char convolution[] =
    "program batch 64 precision default\n"
    "input z[batch, 32, 32, 16]\nparam k[3, 3, 16, 16]\ntemp x[batch, 32, 32, 16]\n"
    "temp y[batch, 32, 32, 16]\noutput dx[batch, 32, 32, 16]\noutput g[3, 3, 16, 16]\n"
    "function step step\n"
    "    x[b, i, j, d] = exp(z[b, i, j, d])    | b:batch i:32 j:32 d:16\n"
    "    y[b, i, j, f] = sum[p, q, d] x[b, i + p - 1, j + q - 1, d] * k[p, q, d, f]"
    " if i + p in 1..32 and j + q in 1..32 else 0.0    | b:batch i:32 j:32 f:16 p:3 q:3 d:16\n"
    "    dx[b, i, j, d] = sum[p, q, f] y[b, i - p + 1, j - q + 1, f] * k[p, q, d, f]"
    " if i - p in -1..30 and j - q in -1..30 else 0.0    | b:batch i:32 j:32 d:16 p:3 q:3 f:16\n"
    "    g[p, q, d, f] = sum[b, i, j] x[b, i + p - 1, j + q - 1, d] * y[b, i, j, f]"
    " if i + p in 1..32 and j + q in 1..32 else 0.0    | p:3 q:3 d:16 f:16 b:batch i:32 j:32\n";

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
        {"a sum over many pixels and the batch takes lanes along its results, not along the batch", "g", "d",
         convolution},
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

// What threads divide is not one tile, where the results have more vectors than one.
static void check_divided(void) {
    Context *ctx = context_create();
    Program *p = read(ctx, "sums of columns",
                      "program batch 64 precision default\ninput x[batch, 1024, 64]\ninput h[batch, "
                      "512]\nparam w[512, 512]\noutput "
                      "z[batch, 512]\noutput s[64]\nfunction step step\n"
                      "    z[b, u] = sum[n] h[b, n] * w[n, u]    | b:batch u:512 n:512\n"
                      "    s[i] = sum[b, j] x[b, j, i]    | i:64 b:batch j:1024\n");
    if (p) {
        passes_run(p, "gather", "gather", NULL, NULL);
        const Kernel *k = kernel_of(kernels_run(p, &machines[0], "place"), "s");
        check(k && k->divided, "sums of 64 columns are divided among threads", "tiles", k ? lanes_of(k) : "");
    }
    check(p != NULL, "sums of columns can be read", "tiles", "");
    context_destroy(ctx);
}

// In blocks, threads divide what gives two of them equal shares.
static void check_split(void) {
    Context *ctx = context_create();
    Program *p = read(ctx, "a convolution", convolution);
    if (p) {
        passes_run(p, "gather", "gather", NULL, NULL);
        const Kernel *k = kernel_of(kernels_run(p, &machines[0], "place"), "g");
        bool blocks = k && k->divided && k->block_count;
        int axis = blocks && k->owned_axis >= 0 ? k->owned_axis : blocks ? k->split_axis : -1;
        check(axis >= 0 && k->axes[axis].size / k->axes[axis].step % 2 == 0, "two threads have equal shares",
              "tiles", axis < 0 ? "" : k->axes[axis].index->name);
    }
    check(p != NULL, "a convolution can be read", "tiles", "");
    context_destroy(ctx);
}

// Who is the last to read something large does so while it is near.
static void check_turns(void) {
    Context *ctx = context_create();
    Program *p = read(ctx, "the last reader",
                      "program batch 64 precision default\ninput x[batch, 128]\nparam w[128, 2048]\nparam "
                      "l[128, 2048]\nparam k[2048, "
                      "2048]\ntemp a[batch, 2048]\ntemp c[batch, 2048]\noutput e[batch, 128]\noutput "
                      "h[batch, 128]\noutput g[128, 2048]\n"
                      "function step step\n"
                      "    a[b, u] = sum[n] x[b, n] * w[n, u]    | b:batch u:2048 n:128\n"
                      "    c[b, v] = sum[u] a[b, u] * k[u, v]    | b:batch v:2048 u:2048\n"
                      "    e[b, n] = sum[v] c[b, v] * w[n, v]    | b:batch n:128 v:2048\n"
                      "    h[b, n] = sum[v] c[b, v] * l[n, v]    | b:batch n:128 v:2048\n"
                      "    g[n, u] = sum[b] x[b, n] * a[b, u]    | n:128 u:2048 b:batch\n");
    if (p) {
        passes_run(p, "gather", "gather", NULL, NULL);
        const Kernels *ks = kernels_run(p, &machines[0], "place");
        const Kernel *e = kernel_of(ks, "e"), *g = kernel_of(ks, "g");
        check(e && g && g->id < e->id, "the last reader of a large tensor goes first", "order", "");
    }
    check(p != NULL, "a program can be read", "order", "");
    context_destroy(ctx);
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
    if (!only) check_divided();
    if (!only) check_split();
    if (!only) check_turns();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
