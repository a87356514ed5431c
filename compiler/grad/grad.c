// Which derivatives `nnc grad` prints, and what their tensors are called. Each is differentiated and
// simplified by the passes that compile it, but for those that only speed up machine code.
#include "grad/grad.h"

#include "grad/notation.h"
#include "pass/passes.h"

#include <string.h>

// ---- which ------------------------------------------------------------------------------------------------

static const Function *step_of(const Pipeline *p) {
    const Program *program = p->module->program;
    for (int i = 0; i < program->functions.count; i++)
        if (program->functions.data[i]->kind == FUNCTION_STEP) return program->functions.data[i];
    die("a run without a step");
}

static const char *gradient_name(Arena *arena, const char *of) {
    return string_format(arena, "%s_gradient", notation_word(arena, of));
}

static void add_unit(Pipeline *p, const Extract *u, Derivatives *out) {
    Arena *arena = p->ctx->arena;
    Derivative d = {.name = u->name, .function = u->function};
    derivative_open(p->module->program, &d, u->inputs.data, u->inputs.count);
    derivative_seed(p->module->program, &d, u->results.data, u->results.count);
    if (d.results.count) vec_push(arena, out, d);
}

// ---- by name ----------------------------------------------------------------------------------------------

typedef struct {
    const char *name;
    Tensor *tensor;
} Named;
typedef VEC(Named) NamedList;

static void add_named(Arena *arena, NamedList *list, const char *name, Tensor *t) {
    if (t) vec_push(arena, list, ((Named){name, t}));
}

// By its whole name, or what stands behind a dot of it where that is one only.
static Tensor *find_named(Context *ctx, const NamedList *list, const char *name, DiagnosticCode code) {
    const Named *found = NULL;
    size_t length = strlen(name);
    const char **names = arena_array(ctx->arena, const char *, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        const Named *n = &list->data[i];
        names[i] = n->name;
        if (!strcmp(n->name, name)) return n->tensor;
    }
    for (int i = 0; i < list->count; i++) {
        const Named *n = &list->data[i];
        size_t whole = strlen(n->name);
        if (whole <= length || n->name[whole - length - 1] != '.' || strcmp(n->name + whole - length, name))
            continue;
        if (found && found->tensor != n->tensor) {
            diagnose(ctx, GRAD_SEVERAL, NO_SPAN, name, found->name, n->name);
            return NULL;
        }
        found = n;
    }
    if (found) return found->tensor;
    Diagnostic *d = diagnose(ctx, code, NO_SPAN, name);
    diagnostic_meant(ctx, d, NO_SPAN, string_nearest(name, names, list->count));
    return NULL;
}

static Tensor *find_of(Pipeline *p, const char *name) {
    const Module *m = p->module;
    NamedList list = {0};
    add_named(p->ctx->arena, &list, "loss", m->loss);
    for (int i = 0; i < m->extracts.count; i++)
        for (int k = 0; k < m->extracts.data[i].in_step.count; k++)
            add_named(p->ctx->arena, &list, m->extracts.data[i].result_names.data[k],
                      m->extracts.data[i].in_step.data[k]);
    for (int i = 0; i < m->layers.count; i++)
        add_named(p->ctx->arena, &list, m->layers.data[i].name, m->layers.data[i].step_result);
    return find_named(p->ctx, &list, name, GRAD_OF);
}

static Tensor *find_by(Pipeline *p, const char *name) {
    NamedList list = {0};
    const Program *program = p->module->program;
    every (t, program->tensors) {
        bool field = false;
        for (int f = 0; f < p->module->data.fields.count; f++)
            field |= p->module->data.fields.data[f].input == t;
        if (tensor_is_real(t) && (t->kind == TENSOR_PARAM || field))
            add_named(p->ctx->arena, &list, t->name, t);
    }
    return find_named(p->ctx, &list, name, GRAD_BY);
}

static bool add_asked(Pipeline *p, const char *of, const char *by, Derivatives *out) {
    Program *program = p->module->program;
    Tensor *value = find_of(p, of ? of : "loss"), *one = by ? find_by(p, by) : NULL;
    if (!value || (by && !one)) return false;
    Derivative d = {.name = of ? of : "loss", .function = function_part(program, step_of(p), value, NULL, 0)};
    derivative_open(program, &d, NULL, 0);
    VEC(Tensor *) params = {0};
    for (int i = 0; i < d.parameters.count; i++)
        if (d.parameters.data[i]->kind == TENSOR_PARAM)
            vec_push(p->ctx->arena, &params, d.parameters.data[i]);
    if (one)
        derivative_request(program, &d, value, &one, 1);
    else
        derivative_request(program, &d, value, params.data, params.count);
    if (d.results.count) vec_push(p->ctx->arena, out, d); // what reads no parameter has no derivative
    return true;
}

// The loss by the model's results, and by what else of the model it reads; of a loss that derives the model
// itself, by all parameters.
static void add_loss(Pipeline *p, Derivatives *out) {
    Program *program = p->module->program;
    VEC(Tensor *) outputs = {0}, by = {0};
    Derivative d = {.name = "loss"};
    every_at (u, p->module->extracts)
        for (int k = 0; k < u->in_step.count; k++) {
            if (!u->in_step.data[k]) continue;
            vec_push(p->ctx->arena, &outputs, u->in_step.data[k]);
            vec_push(p->ctx->arena, &d.words, u->result_names.data[k]);
        }
    d.function = function_part(program, step_of(p), p->module->loss, outputs.data, outputs.count);
    if (d.function->gradients.count) {
        add_asked(p, NULL, NULL, out);
        return;
    }
    derivative_open(program, &d, outputs.data, outputs.count);
    for (int i = 0; i < d.parameters.count; i++)
        if (i < d.input_count || d.parameters.data[i]->kind == TENSOR_PARAM)
            vec_push(p->ctx->arena, &by, d.parameters.data[i]);
    derivative_request(program, &d, p->module->loss, by.data, by.count);
    if (d.results.count) vec_push(p->ctx->arena, out, d);
}

bool grad_make(Pipeline *p, const GradientAsked *asked, Derivatives *out) {
    if (!pipeline_run_to(p, "facts")) return false;
    Program *program = p->module->program;
    if (asked->of || asked->by) {
        if (!add_asked(p, asked->of, asked->by, out)) return false;
    } else {
        Derivatives loss = {0};
        add_loss(p, &loss);
        for (int i = 0; i < p->module->extracts.count; i++) add_unit(p, &p->module->extracts.data[i], out);
        if (loss.count) vec_push(p->ctx->arena, out, loss.data[0]);
    }
    program->functions.count = 0;
    p->module->loss->kind = TENSOR_TEMP;
    for (int i = 0; i < out->count; i++) vec_push(program->arena, &program->functions, out->data[i].function);
    passes_run(program, "differentiate", "differentiate", NULL, NULL);
    every_at (d, *out)
        every (q, d->function->equations)
            if (asked->why) vec_push(p->ctx->arena, &d->derived, q);
    passes_run(program, "number", "substitute", NULL, NULL);
    passes_run(program, "clean", "clean", NULL, NULL);
    return !p->ctx->errors;
}

// ---- words ------------------------------------------------------------------------------------------------

// Of a chain of functions the last one's, with what it names.
static const char *last_words(const char *name) {
    const char *at = name + strlen(name);
    for (int dots = 0; at > name; at--)
        if (at[-1] == '.' && ++dots == 2) break;
    return at;
}

// Without the numbers that make names unique in the program: `relu_3`, `dm_6_part`. They stand behind the
// last dot, those of layers before it.
static char *without_numbers(Arena *arena, const char *name) {
    char *word = string_copy(arena, name, strlen(name)), *to = word;
    const char *last = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
    for (const char *c = name; *c;) {
        size_t digits = c > last && *c == '_' ? strspn(c + 1, "0123456789") : 0;
        bool number = digits && (!c[digits + 1] || c[digits + 1] == '_');
        if (number)
            c += digits + 1;
        else
            *to++ = *c++;
    }
    *to = 0;
    return word;
}

// The name inside its layer.
static const char *local_word(Arena *arena, const Derivative *d, const Tensor *t) {
    const char *name = t->name;
    size_t length = strlen(d->name);
    bool own = t->kind == TENSOR_PARAM || t->kind == TENSOR_STATE;
    if (!strncmp(name, d->name, length) && name[length] == '.')
        name += length + 1;
    else if (t->kind == TENSOR_TEMP && d->words.count)
        name = last_words(name);
    return notation_word(arena, own ? name : without_numbers(arena, name));
}

static bool is_taken(const Map *taken, const char *word) {
    return map_get(taken, word) || builtin_find(word, ~0u) || !strcmp(word, "batch");
}

static void give_word(Arena *arena, Map *taken, const char **words, const Tensor *t, const char *wanted) {
    if (words[t->id]) return;
    const char *word = wanted;
    for (int k = 2; is_taken(taken, word); k++) word = string_format(arena, "%s_%d", wanted, k);
    map_set(taken, word, (void *)(uintptr_t)1);
    words[t->id] = word;
}

// `plain`: what is neither parameter nor result is numbered, so that equal functions have equal texts.
static const char **words_of(const Pipeline *p, const Derivative *d, bool plain) {
    Arena *arena = p->ctx->arena;
    const char **words = arena_array(arena, const char *, p->module->program->tensors.count);
    Map *taken = map_create(arena);
    for (int i = 0; i < d->parameters.count; i++) {
        const Tensor *t = d->parameters.data[i];
        give_word(arena, taken, words, t, i < d->words.count ? d->words.data[i] : local_word(arena, d, t));
    }
    for (int i = 0; i < d->results.count; i++)
        give_word(arena, taken, words, d->results.data[i],
                  string_format(arena, "d%s", words[d->by.data[i]->id]));
    for (int i = 0; i < d->function->equations.count; i++) {
        const Tensor *t = d->function->equations.data[i]->tensor;
        give_word(arena, taken, words, t, plain ? "t" : local_word(arena, d, t));
    }
    every (q, d->derived) give_word(arena, taken, words, q->tensor, local_word(arena, d, q->tensor));
    return words;
}

const char *grad_word(const Pipeline *p, const Derivative *d, const Tensor *t) {
    return words_of(p, d, false)[t->id];
}

// ---- text -------------------------------------------------------------------------------------------------

// Words that mean something where the text is read.
static bool is_reserved(const void *data, const char *word) {
    const Pipeline *p = data;
    return builtin_find(word, ~0u) || library_find(p->library, NO_SPAN, word);
}

static const char *text_named(const Pipeline *p, const Derivative *d, const char *name, bool plain) {
    Text text = {.arena = p->ctx->arena};
    notation_function(
        &text, p->module->program, d->function, name, d->parameters.data, d->parameters.count,
        d->results.data, d->results.count,
        (NotationNames){words_of(p, d, plain), is_reserved, p, d->derived.count && !plain ? d : NULL});
    return text_string(&text);
}

const char *grad_library(const Pipeline *p, Derivatives *all) {
    Arena *arena = p->ctx->arena;
    Text out = {.arena = arena};
    Map *seen = map_create(arena), *names = map_create(arena);
    for (int i = 0; i < all->count; i++) {
        Derivative *d = &all->data[i];
        const char *body = text_named(p, d, "", true), *known = map_get(seen, body);
        d->printed = known ? known : gradient_name(arena, d->name);
        if (known) continue;
        for (int k = 2; map_get(names, d->printed); k++)
            d->printed = string_format(arena, "%s_%d", gradient_name(arena, d->name), k);
        map_set(names, d->printed, (void *)(uintptr_t)1);
        map_set(seen, body, (void *)(uintptr_t)d->printed);
        text_add(&out, "%s%s", i ? "\n" : "", text_named(p, d, d->printed, false));
    }
    return text_string(&out);
}
