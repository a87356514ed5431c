// What emit/ writes of cases, against elaboration, over all programs here: every loss and initial value,
// every layer and function by itself, every model's outputs in inference, with their names. Both are written
// into one program, where what is equal is found so (support/classes.h); what differs is compared by its
// values. `equations_test FILE` says of one program what differs first.
#include "emit/emit.h"
#include "emit/module.h"
#include "oracle/interpret.h"
#include "support/check.h"
#include "support/classes.h"
#include "support/stdlib.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static Tests t;

// ---- what is written --------------------------------------------------------------------------------------

typedef struct {
    Context *ctx;
    Library *library;
    Module *m;
    Tree *tree;
    Classes classes;
    bool training;
    const char *path;
    bool told;
} File;

static void tell(File *f, const char *what, const Sweep *s) {
    Text text = {.arena = f->ctx->arena};
    if (!f->told && s && s->first) {
        for (int i = 0; i < s->f->equations.count; i++)
            if (s->f->equations.data[i]->tensor == s->first) {
                text_add(&text, "\n    emitted    %s%s: ", s->first->name, type_word(s->first->type));
                equation_print(&text, class_equation(&f->classes, s->f->equations.data[i]));
            }
        const char *name = s->first->name;
        for (int i = 0; i < f->m->program->functions.count; i++) {
            const Function *g = f->m->program->functions.data[i];
            for (int k = 0; k < g->equations.count; k++) {
                const char *other = g->equations.data[k]->tensor->name;
                size_t n = strlen(other);
                if (g == s->f || strncmp(other, name, n) || (name[n] && name[n] != '_')) continue;
                text_add(&text, "\n    elaborated %s%s in %s: ", other,
                         type_word(g->equations.data[k]->tensor->type), g->name);
                equation_print(&text, class_equation(&f->classes, g->equations.data[k]));
            }
        }
    }
    f->told = true;
    check(&t, false, string_format(f->ctx->arena, "%s: %s%s", f->path, what, text_string(&text)));
}

// A number for each element, the same for what stands for the same.
static void fill(File *f, Environment *env, Tensor *of) {
    const char *name = class_tensor(&f->classes, of)->name;
    double *values = environment_values(env, of);
    for (int64_t i = 0, n = tensor_elements(of); i < n; i++) {
        uint64_t hash = hash_mix(hash_bytes(name, strlen(name), 3), (uint64_t)i);
        if (of->bounded)
            values[i] = (double)(of->low + (int64_t)(hash % (uint64_t)(of->high - of->low + 1)));
        else
            values[i] = (double)(hash % 2001) / 1000 - 1;
    }
}

// What computing the tensor needs.
static Function *part_of(File *f, const Function *from, Tensor *of) {
    Function *part = arena_new(f->ctx->arena, Function);
    const bool *needed = function_needed(f->m->program, from, &of, 1, NULL, 0);
    *part = (Function){.name = from->name};
    for (int i = 0; i < from->equations.count; i++)
        if (needed[from->equations.data[i]->tensor->id])
            vec_push(f->ctx->arena, &part->equations, from->equations.data[i]);
    return part;
}

// Conditions have no order, and which stands outside depends on the numbers of indices: what differs in that
// has the same values.
static bool same_values(File *f, const Function *old, Tensor *was, const Function *new, Tensor *is) {
    Program *p = f->m->program;
    Environment *env = environment_create(p, p->batch, 7);
    for (int i = 0; i < p->tensors.count; i++)
        if (p->tensors.data[i]->kind < TENSOR_TEMP) fill(f, env, p->tensors.data[i]);
    const char *wrong = interpret(env, part_of(f, old, was));
    if (!wrong) wrong = interpret(env, part_of(f, new, is));
    const double *a = environment_values(env, was), *b = environment_values(env, is);
    bool same = !wrong && tensors_alike(was, is);
    for (int64_t i = 0, n = tensor_elements(was); same && i < n; i++)
        same = fabs(a[i] - b[i]) <= 1e-9 * (1 + fabs(a[i]));
    return same;
}

// Are the two tensors equal, with all that they are made of?
static void equal(File *f, const Function *old, Tensor *was, const Function *new, Tensor *is,
                  const char *what) {
    Sweep a = sweep_of(&f->classes, old, false), b = sweep_of(&f->classes, new, true);
    sweep_visit(&a, was);
    sweep_visit(&b, is);
    if (b.named && b.named != is)
        tell(f, string_format(f->ctx->arena, "%s: %s has another name", what, b.named->name), NULL);
    if (class_tensor(&f->classes, was) == class_tensor(&f->classes, is) || same_values(f, old, was, new, is))
        t.passed++;
    else
        tell(f, what, &b);
}

static Operand word(void *data, At at, const Phrase *p) {
    const File *f = data;
    const char *name = p->text ? p->text : p->builtin->name;
    for (int i = 0; i < f->m->program->tensors.count; i++) {
        Tensor *clock = f->m->program->tensors.data[i];
        if (clock->kind == TENSOR_CLOCK && !strcmp(clock->name + strlen("clock."), name))
            return operand_scalar(expr_read(at.m->p, clock, NULL, clock->origin));
    }
    return operand_wrong();
}

static Operand no_watch(void *data, At at, Case *c, const Operand *given, Span span) {
    (void)data, (void)at, (void)c, (void)given, (void)span;
    return operand_wrong();
}

static Operand none(void *data, At at, const Phrase *p) {
    (void)data, (void)at, (void)p;
    return operand_wrong();
}

// Parameters and states are elaboration's.
static void share_params(File *f, Emitter *m) {
    for (int i = 0; i < m->params.count + m->states.count; i++) {
        Tensor *own = i < m->params.count ? m->params.data[i] : m->states.data[i - m->params.count];
        const char *path = own->name;
        for (int k = 0; k < map_count(m->declared); k++)
            if (map_value(m->declared, k) == own) path = map_key(m->declared, k);
        Tensor *theirs = tensor_find(f->m->program, path);
        if (theirs && theirs != own && tensors_alike(own, theirs) && own->kind == theirs->kind)
            table_set(f->ctx->arena, &f->classes.same, own, theirs);
        else
            tell(f, string_format(f->ctx->arena, "parameter %s", path), NULL);
    }
}

static const Function *function_of(const File *f, FunctionKind kind) {
    for (int i = 0; i < f->m->program->functions.count; i++)
        if (f->m->program->functions.data[i]->kind == kind) return f->m->program->functions.data[i];
    return NULL;
}

// ---- the run ----------------------------------------------------------------------------------------------

typedef struct {
    Emitter *m;
    Writer *to;
    Frame *frame; // of the `train` block
    At at;
    VEC(Operand) results; // of the model that is called by itself
} Master;

static const Field *field_named(const File *f, const char *name) {
    for (int i = 0; i < f->m->data.fields.count; i++)
        if (!strcmp(f->m->data.fields.data[i].name, name)) return &f->m->data.fields.data[i];
    return NULL;
}

static Operand field_operand(const File *f, Emitter *m, const char *name, Shape v) {
    const Field *field = field_named(f, name);
    Tensor *input = field ? field->input : NULL;
    if (!input) {
        Extent dims[MAX_RANK];
        for (int d = 0; d < v.rank; d++) dims[d] = v.dims[d];
        input = tensor_over(m, name, TENSOR_INPUT, (Type)v.type, dims, v.rank);
        if (field && field->limit) input->bounded = true, input->high = field->limit - 1;
    }
    return operand_tensor(m, input);
}

static void write_model(File *f, Master *x) {
    const Instance *in = f->tree->roots.data[0];
    const Definition *d = in->of->define;
    Operand *given = arena_array(f->ctx->arena, Operand, d->parameters + 1);
    for (int i = 0; i < d->parameters; i++)
        given[i] = field_operand(f, x->m, d->node->items[i]->name, in->of->given[i]);
    Frame *outside = frame_outside(x->m, x->frame->of, NULL, "");
    Operand v = apply_case(at_outside(x->m, x->to, outside), in->of, in, given, d->node->name_span);
    for (int i = 0; i < (v.kind == OPERAND_TUPLE ? v.count : 1); i++)
        vec_push(f->ctx->arena, &x->results, v.kind == OPERAND_TUPLE ? v.items[i] : v);
    const Node *results = d->node->results;
    const Definition *block = x->frame->of->define;
    for (int i = 0; results && i < results->count; i++)
        for (int k = 0; k < block->slots.count; k++)
            if (block->slots.data[k]->kind == SLOT_OUTPUT &&
                string_equal(block->slots.data[k]->name, results->items[i]->name))
                x->frame->slot[k] = x->results.data[i];
}

static const Expr *decide(void *data, const Expr *read) {
    const File *f = data;
    return read->tensor->kind == TENSOR_TRAINING ? expr_int(f->m->program, f->training) : read;
}

// A function as it is where one trains, or does not.
static Function *decided(File *f, const Function *from) {
    Function *to = arena_new(f->ctx->arena, Function);
    *to = *from;
    to->equations.data = NULL, to->equations.count = to->equations.room = 0;
    for (int i = 0; i < from->equations.count; i++) {
        Equation *q = arena_new(f->ctx->arena, Equation);
        *q = *from->equations.data[i];
        q->e = expr_map_reads(f->m->program, q->e, decide, f);
        vec_push(f->ctx->arena, &to->equations, q);
    }
    return to;
}

static Master master_open(File *f) {
    static const RunHooks hooks = {.word = word, .watch = no_watch, .total = none, .reader = none};
    Program *p = f->m->program;
    Master x = {.m = emitter_create(p, f->library, f->tree, expr_training(p))};
    RunHooks *own = arena_new(f->ctx->arena, RunHooks);
    *own = hooks;
    own->data = f;
    x.m->run = own;
    x.m->records = true;
    Function *to = function_add(p, FUNCTION_STEP, "emitted");
    x.to = writer_create(x.m, to);
    const Instance *text = f->tree->roots.data[f->tree->roots.count - 1];
    x.frame = frame_outside(x.m, text->of, text, "");
    x.at = at_outside(x.m, x.to, x.frame);
    const Definition *block = text->of->define;
    for (int k = 0; k < block->slots.count; k++)
        if (block->slots.data[k]->kind == SLOT_FIELD)
            x.frame->slot[k] = field_operand(f, x.m, block->slots.data[k]->name, text->of->slot[k]);
    if (f->tree->roots.count > 1) write_model(f, &x);
    return x;
}

static void need(const Master *x, const Phrase *e, bool *needed);

static void need_lines(const Master *x, const Slot *slot, bool *needed) {
    const Phrase *body = x->frame->of->define->body;
    for (int i = 0; i < body->count; i++) {
        if (!body->part[i] || body->part[i]->kind != PHRASE_GIVE || body->part[i]->slot != slot || needed[i])
            continue;
        needed[i] = true;
        need(x, body->part[i], needed);
    }
}

static void need(const Master *x, const Phrase *e, bool *needed) {
    if (!e) return;
    if (e->kind == PHRASE_SLOT && e->slot) need_lines(x, e->slot, needed);
    for (int i = 0; i < e->count; i++) need(x, e->part[i], needed);
}

static bool is_setting(const Phrase *line, const char *name) {
    return line->kind == PHRASE_GIVE && !line->slot && line->node->target->name &&
           !strcmp(line->node->target->name, name);
}

static void write_lines(File *f, Master *x) {
    const Phrase *body = x->frame->of->define->body;
    bool *needed = arena_array(f->ctx->arena, bool, body->count + 1);
    for (int i = 0; i < body->count; i++)
        if (body->part[i] && (is_setting(body->part[i], "loss") || body->part[i]->kind == PHRASE_MINIMIZE))
            need(x, body->part[i]->part[0], needed);
    for (int i = 0; i < body->count; i++)
        if (needed[i]) statement_write(x->at, body->part[i]);
}

static void compare_losses(File *f, Master *x, const Function *step) {
    const Phrase *body = x->frame->of->define->body;
    VEC(Tensor *) losses = {0};
    write_lines(f, x);
    for (int i = 0; i < body->count; i++) {
        const Phrase *line = body->part[i];
        if (!line || !(is_setting(line, "loss") || line->kind == PHRASE_MINIMIZE)) continue;
        Operand v = operand_of(x->at, line->part[0]);
        vec_push(f->ctx->arena, &losses,
                 operand_as_tensor(x->at, v, "loss", TENSOR_OUTPUT, TYPE_DOUBLE, line->span));
    }
    share_params(f, x->m);
    check(&t, losses.count == f->m->losses.count, "as many losses");
    writer_finish(x->m, x->to);
    const Function *master = decided(f, x->to->function);
    for (int i = 0; i < losses.count; i++) {
        if (losses.data[i])
            equal(f, step, f->m->losses.data[i], master, losses.data[i], "a loss");
        else
            tell(f, "no loss", NULL);
    }
}

static void compare_initials(File *f, const Emitter *m) {
    const Function *old = f->m->program->functions.data[0], *new = m->initial->function;
    for (int i = 0; i < new->effects.count; i++) {
        Tensor *target = class_tensor(&f->classes, new->effects.data[i].target);
        for (int k = 0; k < old->effects.count; k++)
            if (old->effects.data[k].target == target)
                equal(f, old, old->effects.data[k].value, new, new->effects.data[i].value, target->name);
    }
}

// ---- layers by themselves ---------------------------------------------------------------------------------

static Tensor *input_like(Emitter *m, const Extract *u, const char *name, Operand v, Classes *classes) {
    const Array *a = v.array;
    Tensor *own = tensor_over(m, name, TENSOR_INPUT, (Type)a->e->type, a->dims, a->rank);
    if (own->type == TYPE_INT) tensor_bounds(own, a->e);
    for (int k = 0; k < u->inputs.count; k++)
        if (string_equal(u->input_names.data[k], name))
            table_set(classes->arena, &classes->same, own, u->inputs.data[k]);
    return own;
}

static void compare_extract(File *f, const Extract *u, const Applied *a) {
    Emitter *m = a->at.m;
    const Definition *d = a->of->define;
    Tensor **inputs = arena_array(f->ctx->arena, Tensor *, d->parameters + 1);
    for (int i = 0; i < d->parameters; i++) {
        Operand v = operand_first(a->given[i]);
        if (v.kind == OPERAND_TENSOR) inputs[i] = input_like(m, u, d->node->items[i]->name, v, &f->classes);
    }
    Function *to = arena_new(f->ctx->arena, Function);
    *to = (Function){.name = u->name, .kind = FUNCTION_UPDATE};
    Writer *w = writer_create(m, to);
    Operand out = applied_again(a, w, inputs);
    At at = at_outside(m, w, a->at.frame);
    VEC(Tensor *) made = {0};
    for (int i = 0; i < (out.kind == OPERAND_TUPLE ? out.count : 1); i++) {
        Operand v = out.kind == OPERAND_TUPLE ? out.items[i] : out;
        if (v.kind == OPERAND_TENSOR || v.kind == OPERAND_SCALAR)
            vec_push(f->ctx->arena, &made, operand_as_tensor(at, v, "result", TENSOR_TEMP, -1, a->span));
    }
    bool all = made.count == u->results.count;
    writer_finish(m, w);
    const Function *own = decided(f, to);
    for (int i = 0; all && i < made.count; i++)
        equal(f, u->function, u->results.data[i], own, made.data[i],
              string_format(f->ctx->arena, "%s by itself", u->name));
    if (!all) tell(f, u->name, NULL);
}

static bool has_layers(const File *f, const char *path) {
    size_t length = strlen(path);
    for (int i = 0; i < f->tree->layers.count; i++) {
        const char *name = f->tree->layers.data[i]->path;
        if (!strncmp(name, path, length) && name[length] == '.') return true;
    }
    return false;
}

static bool stands_alone(const File *f, const Applied *a) {
    const Node *node = a->of->define->node;
    return node->definition == DEFINE_LAYER || node->definition == DEFINE_MODEL ||
           has_layers(f, a->at.frame->path);
}

static void compare_extracts(File *f, const Emitter *m) {
    int count = m->applied.count, at = 0;
    for (int i = 0; i < count; i++) {
        const Applied *a = m->applied.data[i];
        if (!stands_alone(f, a) || at >= f->m->extracts.count) continue;
        const Extract *u = &f->m->extracts.data[at];
        if (!strcmp(u->name, a->path)) compare_extract(f, &f->m->extracts.data[at++], a);
    }
    if (at != f->m->extracts.count)
        tell(f,
             string_format(f->ctx->arena, "%d of %d by themselves, not %s", at, f->m->extracts.count,
                           f->m->extracts.data[at].name),
             NULL);
}

// ---- all programs -----------------------------------------------------------------------------------------

static void compare_inference(File *f, Master *x) {
    const Function *predict = function_of(f, FUNCTION_PREDICT);
    VEC(Tensor *) outputs = {0};
    for (int i = 0; predict && i < x->results.count; i++) {
        Operand v = x->results.data[i];
        vec_push(f->ctx->arena, &outputs,
                 operand_as_tensor(x->at, v, "output", TENSOR_OUTPUT,
                                   v.type == TYPE_DOUBLE ? (int)TYPE_REAL : -1, NO_SPAN));
    }
    writer_finish(x->m, x->to);
    const Function *master = decided(f, x->to->function);
    for (int i = 0; i < outputs.count; i++) {
        if (outputs.data[i])
            equal(f, predict, f->m->outputs.data[i].tensor, master, outputs.data[i], "an output");
        else
            tell(f, "no output", NULL);
    }
}

// A definition that its signature alone says the shapes of.
static void compare_alone(File *f, const Tree *tree) {
    const Case *c = tree->roots.data[0]->of;
    const Node *node = c->define->node;
    Program *p = program_create(f->ctx, PRECISION_DEFAULT, tree->batch);
    Module *m = arena_new(f->ctx->arena, Module);
    m->program = p;
    f->m = m;
    f->classes = (Classes){.p = p, .arena = f->ctx->arena};
    Emitter *e = emitter_create(p, f->library, tree, expr_binary(p, OP_LT, expr_int(p, 0), expr_int(p, 0)));
    Tensor **inputs = arena_array(f->ctx->arena, Tensor *, c->count + 1);
    for (int i = 0; i < c->count; i++)
        inputs[i] = tensor_over(e, node->items[i]->name, TENSOR_INPUT, (Type)c->given[i].type,
                                c->given[i].dims, c->given[i].rank);
    const Function *old = sema_apply(p, f->library, node, inputs);
    const Function *new = emit_case(e, tree->roots.data[0]->of, tree->roots.data[0], inputs);
    bool both = old && new && old->outputs.count == new->outputs.count;
    check(&t, both, string_format(f->ctx->arena, "%s: %s", f->path, node->name));
    share_params(f, e);
    for (int i = 0; both && i < old->outputs.count; i++)
        equal(f, old, old->outputs.data[i], new, new->outputs.data[i], node->name);
}

static void compare_library(File *f, const Node *root) {
    Trees trees = {0};
    check(&t, shape_library(f->ctx, f->library, root, &trees), f->path);
    for (int i = 0; i < trees.count; i++) compare_alone(f, trees.data[i]);
}

static void compare(const char *path) {
    Context *ctx = context_create();
    File f = {.ctx = ctx, .library = stdlib_library(ctx), .path = path};
    const Source *source = source_load(ctx, path);
    const Node *root = source ? parse_source(ctx, source) : NULL;
    bool bound = root && !ctx->errors && bind_file(f.library, source, root);
    if (bound && !file_train(root)) compare_library(&f, root);
    if (bound && file_train(root)) {
        SemaOptions options = {.extracts = true};
        f.tree = shape_run(ctx, f.library, root, 0);
        f.m = f.tree ? sema_elaborate(ctx, f.library, source, root, f.tree, &options) : NULL;
        if (!f.m) f.tree = NULL;
        if (!f.tree) diagnostics_print(ctx, false, stdout);
    }
    if (f.tree) {
        const Classes none = {.p = f.m->program, .arena = ctx->arena};
        Master x = master_open(&f);
        f.classes = none, f.training = true;
        compare_losses(&f, &x, function_of(&f, FUNCTION_STEP));
        compare_initials(&f, x.m);
        compare_extracts(&f, x.m);
        f.classes = none, f.training = false;
        share_params(&f, x.m);
        compare_inference(&f, &x);
        if (ctx->errors) diagnostics_print(ctx, false, stdout);
    }
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
        for_each("tests/reads/*.nn");
        for_each("tests/passes/*.nn");
    }
    return tests_end(&t);
}
