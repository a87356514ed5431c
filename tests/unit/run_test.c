// The functions of a run that emit/ writes as one master, cut and measured by the passes, against those that
// elaboration writes one by one, over all programs here: outputs and effects of each are equal, with all that
// they are made of. `run_test FILE` says of one program what differs first.
#include "emit/run.h"
#include "emit/data.h"
#include "pass/passes.h"
#include "support/check.h"
#include "support/classes.h"
#include "support/stdlib.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

static Tests t;

typedef struct {
    Context *ctx;
    const char *path;
    Module *m;
    Run *run;
    Classes classes;
    bool told, sound, loops; // sound: what elaboration wrote is
    Program *p;              // both are written into it
    int elaborated;          // functions of elaboration
} File;

static void tell(File *f, const char *what, const char *difference) {
    if (f->told) difference = "";
    f->told = true;
    check(&t, false, string_format(f->ctx->arena, "%s: %s%s", f->path, what, difference));
}

static void stands_for(File *f, Tensor *own, Tensor *theirs) {
    table_set(f->ctx->arena, &f->classes.same, own, theirs);
}

static void print_definition(File *f, Text *text, const char *what, const Function *of, const Tensor *t) {
    for (int i = 0; i < of->equations.count; i++)
        if (of->equations.data[i]->tensor == t) {
            text_add(text, "\n    %s %s: ", what, type_word(t->type));
            equation_print(text, class_equation(&f->classes, of->equations.data[i]));
        }
}

// What differs between them, with all that they are made of; NULL: they are equal.
static const char *difference_of(File *f, const Function *old, Tensor *was, const Function *new, Tensor *is) {
    Sweep a = sweep_of(&f->classes, old, false), b = sweep_of(&f->classes, new, false);
    sweep_visit(&a, was);
    sweep_visit(&b, is);
    if (class_tensor(&f->classes, was) == class_tensor(&f->classes, is)) return NULL;
    Text text = {.arena = f->ctx->arena};
    text_put(&text, "");
    if (b.first) print_definition(f, &text, "written   ", new, b.first);
    print_definition(f, &text, "elaborated", old, was);
    return text_string(&text);
}

static Function *function_of(const File *f, FunctionKind kind, bool elaborated) {
    const Program *p = f->p;
    for (int i = elaborated ? 0 : f->elaborated; i < (elaborated ? f->elaborated : p->functions.count); i++)
        if (p->functions.data[i]->kind == kind) return p->functions.data[i];
    return NULL;
}

// ---- what is equal by name --------------------------------------------------------------------------------

static void pair(File *f, Tensor *own, Tensor *theirs, const char *name) {
    if (!own || !theirs)
        tell(f, string_format(f->ctx->arena, "there is one %s only", name), "");
    else if (own->kind != theirs->kind || !tensors_alike(own, theirs) ||
             (own->start != theirs->start && own->start == own->start))
        tell(f, string_format(f->ctx->arena, "%s differs", name), "");
    else
        stands_for(f, own, theirs);
}

static void pair_named(File *f) {
    Run *r = f->run;
    for (int k = 0; k < map_count(r->m->declared); k++)
        pair(f, map_value(r->m->declared, k), tensor_find(f->p, map_key(r->m->declared, k)),
             map_key(r->m->declared, k));
    for (int i = 0; i < NN_CLOCKS; i++)
        if (r->clock[i] && f->m->clock[i]) stands_for(f, r->clock[i], f->m->clock[i]);
    for (int i = 0; i < r->measured.count; i++)
        for (int k = 0; k < 3; k++)
            if (r->measured.data[i].clock[k] && f->m->metrics.data[i].clock[k])
                stands_for(f, r->measured.data[i].clock[k], f->m->metrics.data[i].clock[k]);
    for (int i = 0; i < r->settings.count; i++) {
        const char *name = string_format(r->arena, "set.%s", r->settings.data[i].name);
        pair(f, r->settings.data[i].tensor, tensor_find(r->p, name), name);
    }
    for (int i = 0; i < f->m->settings.count; i++) {
        bool found = false;
        for (int k = 0; k < r->settings.count; k++)
            found = found || !strcmp(r->settings.data[k].name, f->m->settings.data[i].name);
        if (!found)
            tell(f, string_format(r->arena, "there is no setting %s", f->m->settings.data[i].name), "");
    }
}

static bool is_kept(const Program *p, const Module *m, const Tensor *t) {
    for (int i = 0; i < p->kept.count; i++)
        if (p->kept.data[i].values == t) return true;
    for (int i = 0; i < m->kept.count; i++)
        if (m->kept.data[i].values == t) return true;
    return false;
}

// ---- functions --------------------------------------------------------------------------------------------

static void equal(File *f, const Function *old, Tensor *was, const Function *new, Tensor *is,
                  const char *what) {
    const char *difference = difference_of(f, old, was, new, is);
    if (difference)
        tell(f, string_format(f->ctx->arena, "%s, %s", old->name, what), difference);
    else
        t.passed++;
}

// The statistics of the data block are not of the master.
static bool is_of_data(const Tensor *t) { return t->kind == TENSOR_STATE && !strncmp(t->name, "data.", 5); }

// Rows that are kept, by what they are; an order by what is sorted.
static void pair_kept(File *f) {
    const Program *p = f->p;
    int *of = arena_array(f->ctx->arena, int, f->m->kept.count + 1); // of elaboration's: the master's, + 1
    check(&t, p->kept.count == f->m->kept.count, string_format(f->ctx->arena, "%s: rows kept", f->path));
    for (int i = 0; i < f->m->kept.count; i++) {
        const Kept *old = &f->m->kept.data[i];
        FunctionKind kind = old->training ? FUNCTION_STEP : FUNCTION_EVALUATE;
        for (int k = 0; k < p->kept.count && !of[i]; k++) {
            const Kept *new = &p->kept.data[k];
            bool fits = old->training == new->training && !old->values == !new->values;
            if (fits && old->values)
                fits = !difference_of(f, function_of(f, kind, true), old->values, function_of(f, kind, false),
                                      new->values);
            else if (fits)
                fits = of[old->of] == new->of + 1;
            if (fits) of[i] = k + 1;
        }
        if (of[i])
            pair(f, p->kept.data[of[i] - 1].source, old->source, "a source of kept rows");
        else
            tell(f, string_format(f->ctx->arena, "%s is not kept", old->source->name), "");
    }
}

// A total by what is added to it: its name says only in which order it was met.
static void pair_totals(File *f, FunctionKind kind) {
    const Function *old = function_of(f, kind, true), *new = function_of(f, kind, false);
    for (int i = 0; old && new && i < old->effects.count; i++) {
        Effect e = old->effects.data[i];
        for (int k = 0; k < new->effects.count &&e.target->kind == TENSOR_TOTAL; k++) {
            Effect own = new->effects.data[k];
            bool paired = own.target->kind != TENSOR_TOTAL || table_get(&f->classes.same, own.target);
            if (paired || own.target->start != e.target->start || !tensors_alike(own.target, e.target))
                continue;
            stands_for(f, own.target, e.target);
            if (!difference_of(f, old, e.value, new, own.value)) break;
            stands_for(f, own.target, NULL);
        }
    }
}

// What is added up over batches, in the order in which it was made.
static void pair_gradients(File *f) {
    VEC(Tensor *) sums = {0};
    for (int i = 0; i < f->p->tensors.count; i++)
        if (f->p->tensors.data[i]->kind == TENSOR_GRADIENT)
            vec_push(f->ctx->arena, &sums, f->p->tensors.data[i]);
    for (int i = 0; i < sums.count / 2; i++)
        pair(f, sums.data[sums.count / 2 + i], sums.data[i], sums.data[i]->name);
    check(&t, (sums.count > 0) == (f->m->accumulate > 1) && sums.count % 2 == 0, f->path);
    check(&t, !f->m->update_loss == !f->run->update_loss, f->path);
}

static void compare_function(File *f, FunctionKind kind) {
    const Function *old = function_of(f, kind, true), *new = function_of(f, kind, false);
    // A loss that reduces no batch elaboration leaves without a value at the end.
    bool measured = kind == FUNCTION_EVALUATE || kind == FUNCTION_METRICS;
    if ((!old && !new) || (measured && !f->sound)) return;
    if (!old || !new) {
        tell(f, string_format(f->ctx->arena, "only one has %s", old ? old->name : new->name), "");
        return;
    }
    int data = 0;
    for (int i = 0; i < old->effects.count; i++) data += is_of_data(old->effects.data[i].target);
    if (old->outputs.count != new->outputs.count || old->effects.count - data != new->effects.count)
        tell(f,
             string_format(f->ctx->arena, "%s: %d of %d outputs, %d of %d effects", old->name,
                           new->outputs.count, old->outputs.count, new->effects.count, old->effects.count),
             "");
    for (int i = 0, k = 0; i < old->outputs.count; i++) {
        if (is_kept(f->p, f->m, old->outputs.data[i])) continue;
        while (k < new->outputs.count && is_kept(f->p, f->m, new->outputs.data[k])) k++;
        if (k == new->outputs.count) break;
        equal(f, old, old->outputs.data[i], new, new->outputs.data[k++], old->outputs.data[i]->name);
    }
    for (int i = 0; i < old->effects.count; i++) {
        const Effect *e = &old->effects.data[i];
        Tensor *value = NULL;
        if (is_of_data(e->target)) continue;
        for (int k = 0; k < new->effects.count; k++)
            if (class_tensor(&f->classes, new->effects.data[k].target) == e->target)
                value = new->effects.data[k].value;
        if (value)
            equal(f, old, e->value, new, value, e->target->name);
        else
            tell(f, string_format(f->ctx->arena, "%s: no effect on %s", old->name, e->target->name), "");
    }
}

// ---- all programs -----------------------------------------------------------------------------------------

static Tensor *field_input(const File *f, const char *name, Shape v) {
    for (int i = 0; i < f->m->data.fields.count; i++)
        if (!strcmp(f->m->data.fields.data[i].name, name) && f->m->data.fields.data[i].input)
            return f->m->data.fields.data[i].input;
    int64_t dims[MAX_RANK];
    for (int d = 0; d < v.rank; d++) dims[d] = v.dims[d].size;
    Tensor *made = tensor_add(f->p, name, TENSOR_INPUT, (Type)v.type, v.rank, dims);
    for (int d = 0; d < v.rank; d++) made->batch_dims |= (uint8_t)(v.dims[d].batch << d);
    return made;
}

static Tensor **inputs_of(const File *f, const Tree *tree) {
    const Case *block = tree->roots.data[tree->roots.count - 1]->of;
    Tensor **fields = arena_array(f->ctx->arena, Tensor *, block->define->slots.count + 1);
    for (int i = 0; i < block->define->slots.count; i++)
        if (block->define->slots.data[i]->kind == SLOT_FIELD)
            fields[i] = field_input(f, block->define->slots.data[i]->name, block->slot[i]);
    return fields;
}

// What is made step by step reads itself: equations_test compares it by its values.
static bool has_loops(const Program *p) {
    for (int i = 0; i < p->tensors.count; i++)
        if (p->tensors.data[i]->step) return true;
    return false;
}

static void compare_all(File *f) {
    static const FunctionKind kinds[] = {
        FUNCTION_INITIAL,     FUNCTION_STEP,    FUNCTION_EVALUATE, FUNCTION_PREDICT, FUNCTION_SECOND,
        FUNCTION_SECOND_STEP, FUNCTION_METRICS, FUNCTION_EPOCH,    FUNCTION_STOP,    FUNCTION_UPDATE};
    Program *p = f->p;
    f->classes = (Classes){.p = p, .arena = f->ctx->arena, .numbers = true};
    pair_named(f);
    pair_gradients(f);
    for (int i = f->elaborated; i < p->functions.count; i++) // totals of their own
        for (int k = 0; k < p->functions.data[i]->measures.count; k++) {
            Measure *m = &p->functions.data[i]->measures.data[k];
            m->name = string_format(p->arena, "master.%s", m->name);
        }
    passes_run(p, "specialise", "totals", NULL, NULL);
    const char *wrong = f->sound ? program_verify(p) : NULL;
    if (wrong) tell(f, "verification: ", wrong);
    pair_totals(f, FUNCTION_EVALUATE);
    pair_totals(f, FUNCTION_STEP);
    pair_kept(f);
    pair_totals(f, FUNCTION_SECOND);
    pair_totals(f, FUNCTION_SECOND_STEP);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) compare_function(f, kinds[i]);
}

// ---- losses that cannot be accumulated --------------------------------------------------------------------

static bool is_refused(const Context *ctx) {
    for (int i = 0; i < ctx->diagnostics.count; i++) {
        DiagnosticCode code = ctx->diagnostics.data[i]->code;
        if (code == ACCUMULATE_LOSS || code == ACCUMULATE_LINES) return true;
    }
    return false;
}

// The run in a program without elaboration's.
static void write_alone(File *f, Library *library, const Tree *tree) {
    f->p = program_create(f->ctx, PRECISION_DEFAULT, 32);
    f->m = arena_new(f->ctx->arena, Module);
    check(&t, data_write(emitter_create(f->p, library, tree, expr_training(f->p)), f->m), f->path);
    f->run = run_write(f->p, library, tree, inputs_of(f, tree), 3);
}

// The same messages at the same places.
static void compare_refusal(File *f, Library *library, const Tree *tree) {
    Context *ctx = f->ctx;
    Diagnostic **said = ctx->diagnostics.data;
    int count = ctx->diagnostics.count;
    memset(&ctx->diagnostics, 0, sizeof ctx->diagnostics);
    write_alone(f, library, tree);
    bool same = !f->run && ctx->diagnostics.count == count;
    for (int i = 0; i < count && same; i++) {
        const Diagnostic *a = said[i], *b = ctx->diagnostics.data[i];
        same = a->code == b->code && a->span.start == b->span.start && a->span.end == b->span.end &&
               !strcmp(a->text, b->text);
    }
    if (!same) tell(f, "is refused otherwise: ", said[0]->text);
    if (!same) diagnostics_print(ctx, false, stdout);
    t.passed += same;
}

static void check_alone(File *f, Library *library, const Tree *tree, bool sound) {
    write_alone(f, library, tree);
    if (f->run) passes_run(f->p, "specialise", "totals", NULL, NULL);
    const char *wrong = !f->run ? "is not written" : sound ? program_verify(f->p) : NULL;
    if (wrong) tell(f, "", wrong);
    if (!f->run) diagnostics_print(f->ctx, false, stdout);
    t.passed += !wrong;
}

// ---- one program ------------------------------------------------------------------------------------------

// `plain`: what the program is without `accumulate`.
static File compare_source(Context *ctx, const char *name, const Source *source, const File *plain) {
    Library *library = stdlib_library(ctx);
    File f = {.ctx = ctx, .path = name};
    const Node *root = source ? parse_source(ctx, source) : NULL;
    bool bound = root && !ctx->errors && bind_file(library, source, root) && file_train(root);
    const Tree *tree = bound ? shape_run(ctx, library, root, 0) : NULL;
    bool alone = plain && plain->loops;
    if (tree && alone) check_alone(&f, library, tree, plain->sound);
    if (tree && !alone) f.m = sema_elaborate(ctx, library, source, root, tree, NULL);
    if (tree && !f.m && is_refused(ctx)) compare_refusal(&f, library, tree);
    if (alone || f.p) return f;
    bool refused = bound && !f.m && ctx->errors && ctx->diagnostics.data[0]->code == NOT_YET;
    f.p = f.m ? f.m->program : NULL;
    f.elaborated = f.m ? f.p->functions.count : 0;
    f.sound = f.m && !program_verify(f.p);
    f.run = f.m ? run_write(f.p, library, tree, inputs_of(&f, tree), f.m->accumulate) : NULL;
    f.loops = f.m && has_loops(f.p);
    if (f.run && !f.loops) compare_all(&f);
    if (f.m && !f.run) tell(&f, "is not written", "");
    if (ctx->errors && !refused) diagnostics_print(ctx, false, stdout);
    return f;
}

// The program with one line more in its `train` block; NULL: it has none, or that line.
static const Source *accumulating(Context *ctx, const Source *source) {
    const Node *root = source ? parse_source(ctx, source) : NULL;
    const Node *train = root && !ctx->errors ? file_train(root) : NULL;
    if (!train || strstr(source->text, "accumulate")) return NULL;
    int at = (int)(train->block->span.start - source->base) + 1;
    const char *text =
        string_format(ctx->arena, "%.*s\n    accumulate = 3\n%s", at, source->text, source->text + at);
    return source_add(ctx, source->name, text, strlen(text));
}

static void compare(const char *path) {
    Context *ctx = context_create();
    File plain = compare_source(ctx, path, source_load(ctx, path), NULL);
    context_destroy(ctx);
    ctx = context_create();
    const Source *source = accumulating(ctx, source_load(ctx, path));
    const char *name = string_format(ctx->arena, "%s, with `accumulate`", path);
    if (source) compare_source(ctx, name, source, &plain);
    context_destroy(ctx);
}

static void for_each(const char *pattern) {
    char full[512];
    snprintf(full, sizeof full, "%s/%s", TEST_ROOT, pattern);
    glob_t found;
    check(&t, glob(full, 0, NULL, &found) == 0, pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) compare(found.gl_pathv[i]);
    globfree(&found);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) compare(argv[i]);
    if (argc == 1) {
        for_each("tests/models/*.nn");
        for_each("examples/*/*.nn");
        for_each("tests/library/*.nn");
        for_each("tests/errors/accumulate*.nn");
    }
    return tests_end(&t);
}
