// The pipeline: the table of passes, run in order until the stage that was asked for. Each stage has one
// input type and one output type, there is no way back, and a pass that leaves wrong equations is named.
#include "pipeline.h"

#include "emit/emit.h"
#include "library.h"
#include "pass/passes.h"
#include "shape/shape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *path_stem(Arena *arena, const char *path) {
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t length = strlen(name);
    if (length > 3 && !strcmp(name + length - 3, ".nn")) length -= 3;
    return string_copy(arena, name, length);
}

// ---- the passes that are not of pass/ ---------------------------------------------------------------------

// The word before a library's names: its file's name, with `_` for what no name may hold.
static const char *library_prefix(Arena *arena, const char *path) {
    char *name = (char *)path_stem(arena, path);
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *c)) *c = '_';
    return name;
}

static Node *parse_library(Pipeline *p, Source *s, const char *prefix) {
    s->library = true;
    s->prefix = prefix;
    Node *root = parse_source(p->ctx, s);
    vec_push(p->ctx->arena, &p->libraries, root);
    return root;
}

static void read_library(Pipeline *p) {
    for (int i = 0; i < stdlib_count; i++) {
        Source *s = source_add(p->ctx, stdlib_files[i].name, stdlib_files[i].text, stdlib_files[i].length);
        parse_library(p, s, strcmp(stdlib_files[i].name, "keras.nn") ? NULL : "keras");
    }
    for (int i = 0; i < p->options->library_count; i++) {
        const char *path = p->options->libraries[i];
        Source *s = source_load(p->ctx, path);
        Node *root = s ? parse_library(p, s, library_prefix(p->ctx->arena, path)) : NULL;
        if (root && file_train(root)) diagnose(p->ctx, LIBRARY_TRAIN, file_train(root)->span);
    }
}

static bool run_parse(Pipeline *p) {
    if (!p->libraries.count) read_library(p);
    if (p->ctx->errors) return false;
    p->library = library_create(p->ctx);
    for (int i = 0; i < p->libraries.count; i++)
        library_add(p->library, p->ctx->sources.data[i], p->libraries.data[i]);
    const char *path = p->options->path;
    p->source = p->text ? source_add(p->ctx, path, p->text, p->length) : source_load(p->ctx, path);
    if (!p->source) return false;
    p->root = parse_source(p->ctx, p->source);
    return !p->ctx->errors;
}

static bool run_bind(Pipeline *p) {
    bool right = set_apply(p->library, p->source, p->root, &p->options->compile.set);
    for (int i = stdlib_count; i < p->libraries.count; i++)
        right = bind_file(p->library, p->ctx->sources.data[i], p->libraries.data[i]) && right;
    right = bind_file(p->library, p->source, p->root) && right;
    if (!right) shape_data(p->ctx, p->library, p->root);
    return right;
}

static bool run_shape(Pipeline *p) {
    if (!file_train(p->root)) return true;
    p->tree = shape_run(p->ctx, p->library, p->root, p->options->compile.batch);
    return p->tree != NULL;
}

// gradcheck: what is left of the step are the loss and the gradients, each as an output of its own.
static void keep_gradients(Pipeline *p) {
    Module *m = p->module;
    every (f, m->program->functions) {
        for (int g = 0; g < f->gradients.count; g++) { // of several lines the sum, before any update
            GradientRequest *request = &f->gradients.data[g];
            for (int k = 0; k < m->gradients.count; k++)
                if (m->gradients.data[k].result == request->result) request->of = m->loss;
        }
        if (f->kind != FUNCTION_STEP) continue;
        f->effects.count = f->outputs.count = f->measures.count = 0;
        vec_push(m->program->arena, &f->outputs, m->loss);
        every_at (request, m->gradients) {
            request->result->kind = TENSOR_OUTPUT;
            vec_push(m->program->arena, &p->gradients, *request);
            vec_push(m->program->arena, &f->outputs, request->result);
        }
    }
}

// The number from 1 of the innermost layer whose text made an equation, or 0: the longest beginning of its
// path that is a layer's.
static int layer_of(const Map *layers, const Origin *origin) {
    char path[1024];
    if (!origin || !origin->what || strlen(origin->what) >= sizeof path) return 0;
    strcpy(path, origin->what);
    for (;;) {
        int found = (int)(intptr_t)map_get(layers, path);
        char *dot = strrchr(path, '.');
        if (found || !dot) return found;
        *dot = 0;
    }
}

// Operations of each layer's own text on a batch, for `summary`: what prediction needs (where there is none,
// evaluation), before anything is simplified.
static void count_layers(Module *m) {
    Map *layers = map_create(m->program->arena);
    FunctionKind kind = m->outputs.count ? FUNCTION_PREDICT : FUNCTION_EVALUATE;
    for (int l = m->layers.count - 1; l >= 0; l--)
        map_set(layers, m->layers.data[l].name, (void *)(intptr_t)(l + 1));
    every (f, m->program->functions) {
        if (f->kind != kind) continue;
        const bool *live = function_live(m->program, f);
        for (int q = 0; q < f->equations.count; q++) {
            if (!live[f->equations.data[q]->tensor->id]) continue;
            int layer = layer_of(layers, f->equations.data[q]->origin);
            Function one = {.name = f->name, .kind = f->kind};
            vec_push(m->program->arena, &one.equations, f->equations.data[q]);
            if (layer) m->layers.data[layer - 1].flops += function_flops(&one);
        }
    }
}

static void count_step(Module *m) {
    m->flops = 0;
    every (f, m->program->functions)
        if (f->kind == FUNCTION_STEP || f->kind == FUNCTION_UPDATE) m->flops += function_flops(f);
}

// The rows of a caller of C lie one after another; windows overlap in what a trainer has read.
static void part_rows(const Pipeline *p) {
    bool called = p->options->output.kind != OUTPUT_TRAINER;
    every_at (f, p->module->data.fields)
        if (called) f->input->apart = 0;
}

static bool run_emit(Pipeline *p) {
    if (!p->tree) {
        Span begin = {p->source->base, p->source->base + (p->source->length > 0)};
        Diagnostic *d = diagnose(p->ctx, NO_TRAIN, begin);
        diagnostic_help(p->ctx, d, "a library is checked by `nnc check`, and used with `--library`");
        return false;
    }
    p->module = module_write(p->ctx, p->library, path_stem(p->ctx->arena, p->source->name), p->root, p->tree,
                             &p->options->compile);
    if (p->module && p->gradients_only) keep_gradients(p);
    if (p->module) part_rows(p);
    return p->module != NULL && !p->ctx->errors;
}

static bool run_facts(Pipeline *p) {
    p->module->program->room = p->fit.room;
    module_finish(p->module);
    count_layers(p->module);
    return !p->ctx->errors;
}

bool pipeline_target(Pipeline *p) {
    if (!p->target) p->target = target_find(p->ctx, p->options->cpu, p->options->triple);
    if (p->target) p->target->checked = p->options->verify;
    return p->target != NULL;
}

static bool run_fuse(Pipeline *p) {
    if (!pipeline_target(p)) return false;
    target_use(p->ctx, p->target, p->module->program->precision);
    Machine machine = p->target->machine;
    machine.blas = p->options->blas;
    machine.dense = p->options->dense;
    machine.bordered = p->fit.bordered;
    count_step(p->module);
    p->kernels = pass_fuse(p->module->program, &machine);
    return p->kernels != NULL;
}

static bool run_keep(Pipeline *p) {
    output_keep_called(p->module, p->kernels, p->options->output.kind);
    return true;
}

static bool run_claims(Pipeline *p) {
    // Of what is only checked in another precision they say nothing.
    return p->gradients_only ||
           asserts_check(p->tree, p->module->params, p->module->flops, p->kernels->arena_size);
}

// A trainer holds its program, as its digest is of it.
static bool run_output(Pipeline *p) {
    OutputOptions output = p->options->output;
    Text program = {.arena = p->ctx->arena};
    node_print(&program, p->root);
    output.program = output.kind == OUTPUT_TRAINER ? text_string(&program) : "";
    output.digest = pipeline_digest(p, false);
    output.run_digest = pipeline_digest(p, true);
    output.target = p->target;
    return output_write(p->module, p->kernels, &output);
}

#define EQUATION_PASS(name, does, holds)                                                                     \
    static bool run_##name(Pipeline *p) {                                                                    \
        passes_run(p->module->program, #name, #name, NULL, NULL);                                            \
        return !p->ctx->errors;                                                                              \
    }
#define KERNEL_PASS(name, does, holds)                                                                       \
    static bool run_##name(Pipeline *p) {                                                                    \
        pass_##name(p->kernels);                                                                             \
        return !p->ctx->errors;                                                                              \
    }
#include "pass/passes.def"

// ---- the table --------------------------------------------------------------------------------------------

typedef struct {
    const char *name;
    Form from, to;
    bool (*run)(Pipeline *);
    const char *does, *holds;
} Pass;
static const Pass PASSES[] = {
#define PASS(name, from, to, does, holds) {#name, FORM_##from, FORM_##to, run_##name, does, holds},
#include "pass/passes.def"
#undef PASS
};
enum { PASS_COUNT = sizeof PASSES / sizeof *PASSES };

int pipeline_pass_count(void) { return PASS_COUNT; }
const char *pipeline_pass_name(int pass) { return PASSES[pass].name; }

Pipeline *pipeline_create(const PipelineOptions *options) {
    Context *ctx = context_create();
    Pipeline *p = arena_new(ctx->arena, Pipeline);
    p->options = options;
    p->ctx = ctx;
    p->milliseconds = arena_array(ctx->arena, double, PASS_COUNT);
    return p;
}

void pipeline_destroy(Pipeline *p) { context_destroy(p->ctx); }

void pipeline_again(Pipeline *p, const char *text, size_t length) {
    p->text = text, p->length = length;
    if (p->libraries.count) p->ctx->sources.count = p->libraries.count;
    p->ctx->diagnostics.count = p->ctx->errors = p->done = 0;
    p->tree = NULL, p->module = NULL, p->kernels = NULL, p->gradients.count = 0;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void dump(const Pipeline *p, const Pass *pass) {
    Text text = {.arena = p->ctx->arena};
    text_add(&text, "# after %s\n", pass->name);
    if (pass->to == FORM_TREE)
        pass->from == FORM_TEXT ? node_dump(&text, p->root) : file_print(&text, p->root);
    else if (pass->to == FORM_EQUATIONS)
        program_print(&text, p->module->program);
    else if (pass->to == FORM_KERNELS)
        kernels_write(&text, p->kernels);
    else
        text_put(&text, "(machine code)\n");
    say(stdout, "%s", text_string(&text));
}

static void verify(const Pipeline *p, const Pass *pass) {
    if (pass->to != FORM_EQUATIONS && pass->to != FORM_KERNELS) return;
    const char *wrong =
        pass->to == FORM_KERNELS ? kernels_verify(p->kernels) : program_verify(p->module->program);
    if (wrong) die("after %s: %s", pass->name, wrong);
}

static bool run_passes(Pipeline *p, int end) {
    for (int i = p->done; i < end; i++) {
        const Pass *pass = &PASSES[i];
        double start = now();
        bool good = pass->run(p);
        p->milliseconds[i] = now() - start;
        if (!good) return false;
        p->done = i + 1;
        if (p->options->verify) verify(p, pass);
        const char *wanted = p->options->dump_after;
        if (wanted && (!strcmp(wanted, pass->name) || !strcmp(wanted, "all"))) dump(p, pass);
        if (p->options->stop_after && !strcmp(p->options->stop_after, pass->name)) return false;
    }
    return true;
}

static int pass_find(const char *name) {
    int pass = 0;
    while (pass < PASS_COUNT && strcmp(PASSES[pass].name, name)) pass++;
    return pass;
}

// Compiles as p->fit has it, and notes what that takes.
static bool fit_try(Pipeline *p) {
    pipeline_again(p, p->text, p->length);
    if (!run_passes(p, pass_find("place") + 1)) return false;
    p->fit.size = p->kernels->arena_size;
    return true;
}

// Compiles with less and less kept, until the arena is no larger than that, or no more can be made again.
static bool fit_kept(Pipeline *p, Fit *least, int64_t most, bool *fits) {
    enum { TRIES = 10 };
    const double closer = .98, hopeless = .01;
    p->fit.room = 0;
    for (int i = 0; i < TRIES; i++) {
        if (!fit_try(p)) return false;
        int64_t kept = p->kernels->persistent_size, all = p->fit.size;
        if (all < least->size) *least = p->fit;
        *fits = all <= most;
        if (*fits || p->module->program->least) return true;
        double share = fmax(hopeless, (double)(most - kept) / (double)(all - kept));
        p->fit.room = closer * share * (p->fit.room ? p->fit.room : (double)(all - kept));
    }
    return true;
}

// --fit: where the arena is larger than the program asserts, with fewer zeros around tensors, whose places
// nothing else can have: outside of the step first, where that costs nothing in training. What cannot be
// reached is left to the assertion to say, with the least that was.
static bool fit(Pipeline *p) {
    bool fits = false;
    if (!run_passes(p, pass_find("place") + 1)) return false;
    int64_t most = asserts_memory(p->tree);
    if (most < 0) {
        diagnose(p->ctx, FIT_NEEDS_MEMORY, file_train(p->root)->span);
        return false;
    }
    Fit least = {.size = p->kernels->arena_size};
    if (least.size <= most) return true;
    for (int bordered = BORDERED_STEP; !fits && bordered <= BORDERED_NONE; bordered++) {
        p->fit.bordered = bordered;
        if (!fit_kept(p, &least, most, &fits)) return false;
    }
    if (fits || p->fit.size == least.size) return true;
    p->fit = least;
    return fit_try(p);
}

bool pipeline_run(Pipeline *p, Form until) {
    if (p->options->fit && until >= FORM_KERNELS && p->done <= pass_find("place") && !fit(p)) return false;
    int end = p->done;
    while (end < PASS_COUNT && PASSES[end].to <= until) end++;
    return run_passes(p, end);
}

bool pipeline_run_to(Pipeline *p, const char *pass) { return run_passes(p, pass_find(pass) + 1); }

bool pipeline_check(Pipeline *p) {
    if (!pipeline_run(p, FORM_TREE)) return false;
    Trees trees = {0};
    return file_train(p->root) ? pipeline_run(p, FORM_KERNELS)
                               : shape_library(p->ctx, p->library, p->root, &trees) &&
                                     emit_library(p->ctx, p->library, &trees);
}

// ---- digests ----------------------------------------------------------------------------------------------

static bool ends_a_run(const Node *statement) {
    static const char *const words[] = {"epochs", "steps", "stop"};
    if (statement->kind != AST_ASSIGN || statement->target->kind != AST_NAME) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(statement->target->name, words[i])) return true;
    return false;
}

// The file's tree without the settings that only say how long a run is.
static const Node *without_length(Context *ctx, const Node *root) {
    Node *file = node_new(ctx, AST_FILE, root->span);
    for (int i = 0; i < root->count; i++) {
        Node *item = root->items[i];
        if (item->kind == AST_TRAIN) {
            Node *train = node_new(ctx, AST_TRAIN, item->span),
                 *block = node_new(ctx, AST_BLOCK, item->block->span);
            *train = *item;
            train->block = block;
            for (int k = 0; k < item->block->count; k++)
                if (!ends_a_run(item->block->items[k])) node_add(ctx, block, item->block->items[k]);
            item = train;
        }
        node_add(ctx, file, item);
    }
    return file;
}

const char *pipeline_digest(Pipeline *p, bool run) {
    Text text = {.arena = p->ctx->arena};
    node_print(&text, run ? without_length(p->ctx, p->root) : p->root);
    for (int i = 0; i < p->ctx->sources.count; i++)
        if (p->ctx->sources.data[i]->library) text_put(&text, p->ctx->sources.data[i]->text);
    text_put(&text, p->options->output.options ? p->options->output.options : "");
    const char *all = text_string(&text);
    size_t length = strlen(all);
    return string_format(p->ctx->arena, "%016llx%016llx", (unsigned long long)hash_bytes(all, length, 1),
                         (unsigned long long)hash_bytes(all, length, 2));
}

void pipeline_times(const Pipeline *p, void *file) {
    double total = 0;
    for (int i = 0; i < PASS_COUNT; i++) {
        if (p->milliseconds[i] > 0)
            fprintf(file, "%8.2f ms  %-14s %s\n", p->milliseconds[i], PASSES[i].name, PASSES[i].does);
        total += p->milliseconds[i];
    }
    fprintf(file, "%8.2f ms  in all\n", total);
}
