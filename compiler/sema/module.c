// From a resolved file to a Module: the order in which data, clock, functions and the run's facts are made.
#include "sema/run.h"
#include "shape/shape.h"

#include <string.h>

// Numbers that the program itself depends on (batch, precision, constants) are read in a program that is
// thrown away.
static bool read_first(Run *r) {
    r->p = program_create(r->ctx, PRECISION_DEFAULT, 32);
    r->session = session_create(r->p, r->library);
    return run_read_settings(r) && run_read_numbers(r);
}

static const char *stem(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return string_copy(arena, name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

static void start(Run *r, Precision precision) {
    r->p = program_create(r->ctx, precision, r->m->batch);
    r->session = session_create(r->p, r->library);
    r->session->witness = r->options ? r->options->witness : NULL;
    r->m->program = r->p;
}

static bool read_start(Run *r) {
    const Node *e = run_setting(r, "start");
    if (!e) return true;
    if (!run_file(r, call_argument(e, "file"), &r->m->start_file)) return false;
    for (int i = 0; i < r->tree->start.count; i++)
        vec_push(r->arena, &r->m->start_names, r->tree->start.data[i]);
    return true;
}

static void collect_layers(Run *r) {
    for (int i = 0; i < r->session->layers.count; i++) {
        vec_push(r->arena, &r->m->layers, r->session->layers.data[i]);
    }
    for (int i = 0; i < r->session->params.count; i++)
        r->m->params += tensor_elements(r->session->params.data[i]);
}

static const Node *model_of(Run *r) {
    return library_find(r->library, r->train->span, r->train->items[0]->name);
}

// Of what cannot be compiled yet the first place is enough; what was reported after it may follow from it.
static void keep_first_refusal(Context *ctx) {
    int kept = 0;
    bool refused = false;
    for (int i = 0; i < ctx->diagnostics.count; i++) {
        Diagnostic *d = ctx->diagnostics.data[i];
        if (refused && d->severity == SEVERITY_ERROR)
            ctx->errors--;
        else
            ctx->diagnostics.data[kept++] = d;
        refused |= d->code == NOT_YET;
    }
    ctx->diagnostics.count = kept;
}

static bool make_functions(Run *r) {
    clock_create(r);
    if (!read_start(r) || !data_declare(r)) return false;
    bool prepared = data_prepare(r); // fields that went wrong are silent from here on
    return train_functions(r) && prepared && clock_functions(r);
}

Module *sema_elaborate(Context *ctx, Library *library, const Source *source, const Node *root,
                       const Tree *tree, const SemaOptions *options) {
    int errors = ctx->errors;
    Run *r = arena_new(ctx->arena, Run);
    *r = (Run){.ctx = ctx,
               .arena = ctx->arena,
               .constants = map_create(ctx->arena),
               .library = library,
               .source = source,
               .root = root,
               .tree = tree,
               .options = options,
               .train = file_train(root)};
    if (!r->train) {
        Span begin = {source->base, source->base + (source->length > 0)};
        Diagnostic *d = diagnose(ctx, NO_TRAIN, begin);
        diagnostic_help(ctx, d, "a library is checked by `nnc check`, and used with `--library`");
        return NULL;
    }
    r->m = arena_new(ctx->arena, Module);
    r->option_used = arena_array(ctx->arena, bool, options ? options->set.count + 1 : 1);
    r->data = library_find(library, r->train->span, r->train->name);
    r->model = model_of(r);
    r->m->name = stem(ctx->arena, source->name);
    r->m->model = r->model->name;
    r->m->library = library;
    if (!read_first(r)) return NULL;
    start(r, run_precision(r));
    if (ctx->errors > errors) return NULL;
    bool made = make_functions(r);
    keep_first_refusal(ctx);
    if (!made) return NULL;
    run_check_options(r);
    clock_finish(r);
    for (int i = 0; i < r->session->in_force.count; i++)
        vec_push(ctx->arena, &r->m->in_force, r->session->in_force.data[i]);
    if (r->session->recorded) extracts_make(r);
    collect_layers(r);
    for (int i = 0; i < root->count; i++)
        if (root->items[i]->kind == AST_ASSERT) vec_push(ctx->arena, &r->m->asserts, root->items[i]);
    return ctx->errors > errors ? NULL : r->m;
}
