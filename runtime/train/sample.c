// The command `sample`: a text is gone on with, unit by unit, each drawn from the logits that `predict`
// gives. Guarantees: the same weights, prompt and seed give the same text, on any number of threads; a state
// begins at its initial value for each unit, so that what is drawn depends on the window alone.
#include "train/train.h"

#include "random/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double logit;
    int32_t number;
} Choice;

typedef struct {
    nn_trainer *t;
    const nn_data *plan;
    int32_t *window;
    const nn_tensor *logits;
    bool each; // logits of each unit of the window, or of its end alone
    int64_t length, top;
    double temperature;
    unsigned char *values; // the logits of one unit
    Choice *choices;
    int32_t *text; // the numbers of the text so far, room for all
    int64_t count;
    nn_text out;
} Sampling;

// ---- what the model reads and gives ----

static const nn_field *only_input(const nn_model *m) {
    const nn_field *fields = NN_TABLE(m, nn_field, fields), *found = NULL;
    for (uint32_t k = 0; k < m->manifest->fields_count; k++) {
        if (fields[k].in_model < 0) continue;
        if (found != NULL) return NULL;
        found = &fields[k];
    }
    return found;
}

// Is the field a window as it is, not something made of one?
static bool is_window(const nn_model *m, const nn_field *f) {
    const nn_column *columns = NN_TABLE(m, nn_column, columns);
    bool window = false;
    for (uint32_t k = 0; k < m->manifest->columns_count && f != NULL; k++)
        window = window || (columns[k].kind == NN_COLUMN_WINDOW && columns[k].limit == f->limit &&
                            &NN_TABLE(m, nn_field, fields)[columns[k].field] == f);
    return window && f->source >= 0 && f->limit == m->manifest->data.vocabulary;
}

static nn_status find_logits(Sampling *s) {
    const nn_model *m = &s->t->model;
    const nn_output *outputs = NN_TABLE(m, nn_output, outputs);
    const nn_field *input = only_input(m);
    if (!nn_data_is_text(m) || !nn_model_has(m, NN_PREDICT) || !is_window(m, input))
        return nn_fail(s->t->ctx, NN_USAGE,
                       "sample goes on with a text: the model must read one window of it, and nothing else");
    s->length = nn_field_elements(input);
    for (uint32_t k = 0; k < m->manifest->outputs_count && s->logits == NULL; k++) {
        const nn_tensor *t = nn_model_tensor(m, outputs[k].tensor);
        if (t == NULL) continue; // what is carried along
        s->each = t->rank == 3 && t->dims[1] == s->length;
        bool fits = (t->rank == 2 || s->each) && t->dims[t->rank - 1] == s->plan->vocabulary;
        if (fits && nn_is_real(t->type)) s->logits = t;
    }
    if (s->logits == NULL)
        return nn_fail(
            s->t->ctx, NN_USAGE,
            "sample draws from logits: no output of the model is %lld numbers, or as many for each of "
            "the window's %lld %s",
            (long long)s->plan->vocabulary, (long long)s->length, nn_unit_name(s->plan));
    s->t->data.sources = nn_get(s->t->ctx, m->manifest->sources_count, sizeof *s->t->data.sources);
    s->window = nn_get(s->t->ctx, (uint64_t)s->length, sizeof *s->window);
    s->values = nn_get(s->t->ctx, (uint64_t)s->plan->vocabulary, 8);
    s->choices = nn_get(s->t->ctx, (uint64_t)s->plan->vocabulary, sizeof *s->choices);
    if (s->t->ctx->status != NN_OK) return s->t->ctx->status;
    s->t->data.sources[input->source] = s->window;
    s->t->call.sources = s->t->data.sources;
    return NN_OK;
}

// ---- the text so far ----

static nn_status take_options(Sampling *s, int64_t *length, int64_t *seed) {
    nn_trainer *t = s->t;
    const char *given = t->options->value[NN_OPTION_TEMPERATURE];
    *length = 500;
    *seed = 0;
    s->temperature = 1;
    s->top = t->data.vocabulary.count;
    if (nn_option_whole(t->ctx, t->options, NN_OPTION_LENGTH, 0, length) != NN_OK ||
        nn_option_whole(t->ctx, t->options, NN_OPTION_SEED, 0, seed) != NN_OK ||
        nn_option_whole(t->ctx, t->options, NN_OPTION_TOP, 1, &s->top) != NN_OK)
        return t->ctx->status;
    bool number = given == NULL || nn_number_parse(given, strlen(given), &s->temperature);
    return number && s->temperature >= 0 && isfinite(s->temperature)
               ? NN_OK
               : nn_fail(t->ctx, NN_USAGE, "--temperature: expected a number of 0 or more, found %s", given);
}

// Without a prompt, the most frequent unit is gone on from, and not printed.
static nn_status take_prompt(Sampling *s, int64_t length) {
    nn_trainer *t = s->t;
    const char *prompt = t->options->value[NN_OPTION_PROMPT];
    nn_units_text text = {.kind = s->plan->unit, .path = "--prompt", .bytes = prompt == NULL ? "" : prompt};
    nn_units units;
    text.size = strlen(text.bytes);
    if (nn_units_read(t->ctx, &t->data.vocabulary, &text, &units) != NN_OK) return t->ctx->status;
    if (units.unknown.text != NULL)
        return nn_fail(
            t->ctx, NN_USAGE, "--prompt: \"%.*s\" (at offset %lld) is not in the model's vocabulary",
            (int)units.unknown.length, units.unknown.text, (long long)(units.unknown.text - text.bytes));
    s->text = nn_get(t->ctx, (uint64_t)units.count + (uint64_t)length + 1, sizeof *s->text);
    if (s->text == NULL) return t->ctx->status;
    s->count = units.count > 0 ? units.count : 1;
    s->text[0] = 1;
    if (units.count > 0) memcpy(s->text, units.numbers, (size_t)units.count * sizeof *s->text);
    nn_text_add(&s->out, text.bytes);
    return NN_OK;
}

// The window's units: the last ones of the text, at its beginning, or where its end alone has logits, there.
static int64_t fill_window(Sampling *s) {
    int64_t n = s->count < s->length ? s->count : s->length;
    memset(s->window, 0, (size_t)s->length * sizeof *s->window);
    memcpy(s->window + (s->each ? 0 : s->length - n), s->text + s->count - n, (size_t)n * sizeof *s->window);
    return n;
}

// ---- one unit ----

static int compare_choices(const void *a, const void *b) {
    const Choice *x = a, *y = b;
    if (x->logit != y->logit) return (x->logit < y->logit) - (x->logit > y->logit);
    return (x->number > y->number) - (x->number < y->number);
}

// Of the `top` largest logits, by exp(logit / temperature); number 0 stands for no unit.
static int32_t choose(Sampling *s, double drawn) {
    int64_t all = s->t->data.vocabulary.count, count = s->top < all ? s->top : all;
    double sum = 0;
    for (int64_t k = 0; k < all; k++)
        s->choices[k] =
            (Choice){nn_value_get(&s->t->model, s->logits->type, s->values, k + 1), (int32_t)k + 1};
    qsort(s->choices, (size_t)all, sizeof *s->choices, compare_choices);
    double most = s->choices[0].logit;
    if (s->temperature == 0) return s->choices[0].number;
    for (int64_t k = 0; k < count; k++)
        sum += s->choices[k].logit = exp((s->choices[k].logit - most) / s->temperature);
    drawn *= sum;
    int64_t k = 0;
    while (k + 1 < count && drawn >= s->choices[k].logit) drawn -= s->choices[k++].logit;
    return s->choices[k].number;
}

static bool logits_finite(const Sampling *s) {
    double most = -(double)INFINITY;
    for (int64_t k = 1; k <= s->t->data.vocabulary.count; k++) {
        double v = nn_value_get(&s->t->model, s->logits->type, s->values, k);
        if (isnan(v)) return false;
        most = v > most ? v : most;
    }
    return isfinite(most);
}

// Between words stands a blank; none before a sign that ends something.
static void put_unit(Sampling *s, const nn_cell *unit) {
    nn_text *out = &s->out;
    bool joined = out->length == 0 || strchr(" \n\t", out->bytes[out->length - 1]) != NULL ||
                  (unit->length == 1 && strchr(".,;:!?", unit->text[0]) != NULL);
    if (s->plan->unit == NN_TEXT_WORD && !joined) nn_text_add(out, " ");
    nn_text_bytes(out, unit->text, unit->length);
}

static nn_status go_on(Sampling *s, int64_t length, uint64_t seed) {
    nn_trainer *t = s->t;
    t->call.seed = 0;
    for (int64_t k = 0; k < length; k++) {
        int64_t last = fill_window(s) - 1, n = s->plan->vocabulary;
        t->call.batch_number = (uint32_t)k;
        nn_states_begin(t);
        nn_trainer_rows(t, &(int32_t){0}, 1);
        nn_trainer_run(t, NN_PREDICT);
        nn_tensor_get(&t->model, s->logits, s->each ? last * n : 0, n, s->values);
        if (!logits_finite(s)) return nn_fail(t->ctx, NN_NOT_FINITE, "the model's logits are not finite");
        s->text[s->count] = choose(s, nn_draw_share(seed, NN_FOR_SAMPLE, (uint64_t)k));
        put_unit(s, &t->data.vocabulary.units[s->text[s->count] - 1]);
        s->count++;
    }
    nn_text_add(&s->out, "\n");
    return nn_print(t->ctx, &s->out);
}

nn_status nn_command_sample(nn_trainer *t) {
    Sampling s = {.t = t, .plan = &t->model.manifest->data};
    int64_t length, seed;
    nn_text_begin(&s.out, t->ctx);
    if (find_logits(&s) != NN_OK || nn_trainer_initial(t) != NN_OK || nn_trainer_weights(t) != NN_OK)
        return t->ctx->status;
    if (t->data.vocabulary.count == 0)
        return nn_fail(t->ctx, NN_DATA,
                       "the weights have no vocabulary: are these the weights of another model?");
    return take_options(&s, &length, &seed) == NN_OK && take_prompt(&s, length) == NN_OK
               ? go_on(&s, length, (uint64_t)seed)
               : t->ctx->status;
}
