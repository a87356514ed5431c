// The command `info`: what was compiled, and what lies in the weights file.
#include "train/train.h"

#include <string.h>

static void put_pair(nn_text *out, bool json, const char *name, const char *value) {
    if (!json) {
        nn_text_format(out, "%-12s %s\n", name, value);
        return;
    }
    nn_text_format(out, ", \"%s\": ", name);
    nn_text_json(out, value, strlen(value));
}

static void put_whole(nn_text *out, bool json, const char *name, int64_t value, const char *unit) {
    if (json)
        nn_text_format(out, ", \"%s\": %lld", name, (long long)value);
    else
        nn_text_format(out, "%-12s %lld%s\n", name, (long long)value, unit);
}

// A name and a shape in a list; returns false, so that the next is not the first.
static bool put_entry(nn_text *out, bool json, bool first, const char *name, int rank, const int64_t *dims,
                      const char *more) {
    nn_text_format(out, json ? "%s\"%s\": [" : "%s  %-30s [", json && !first ? ", " : "", name);
    for (int d = 0; d < rank; d++) nn_text_format(out, d == 0 ? "%lld" : ", %lld", (long long)dims[d]);
    nn_text_format(out, json ? "]" : "]%s\n", more);
    return false;
}

static void put_lists(const nn_model *m, nn_text *out, bool json) {
    const nn_field *fields = NN_TABLE(m, nn_field, fields);
    const nn_output *outputs = NN_TABLE(m, nn_output, outputs);
    nn_text_add(out, json ? ", \"inputs\": {" : "\ninputs\n");
    bool first = true;
    for (uint32_t k = 0; k < m->manifest->fields_count; k++) {
        const nn_field *f = &fields[k];
        if (f->in_model >= 0)
            first = put_entry(out, json, first, nn_model_text(m, f->name), f->rank, f->dims, "");
    }
    nn_text_add(out, json ? "}, \"outputs\": {" : "\noutputs\n");
    for (uint32_t k = 0; k < m->manifest->outputs_count; k++) {
        const nn_tensor *t = nn_model_tensor(m, outputs[k].tensor);
        const nn_column *c = t == NULL ? &NN_TABLE(m, nn_column, columns)[outputs[k].carried] : NULL;
        put_entry(out, json, k == 0, nn_model_text(m, outputs[k].name),
                  t == NULL ? c->elements > 1 : t->rank - 1, t == NULL ? &c->elements : t->dims + 1,
                  t == NULL ? "  as the data have it" : "");
    }
    nn_text_add(out, json ? "}, \"parameters\": {" : "\nparameters\n");
    first = true;
    for (uint32_t k = 0; k < m->manifest->tensors_count; k++) {
        const nn_tensor *t = nn_model_tensor(m, (int32_t)k);
        if (t->kind == NN_PARAM && t->offset >= 0)
            first = put_entry(out, json, first, nn_model_text(m, t->name), t->rank, t->dims,
                              t->trainable ? "" : "  frozen");
    }
    nn_text_add(out, json ? "}" : "");
}

static void describe(const nn_model *m, nn_text *out, bool json, const char *weights) {
    const nn_manifest *mf = m->manifest;
    nn_text_add(out, json ? "{\"name\": " : "name         ");
    if (json)
        nn_text_json(out, nn_model_text(m, mf->name), strlen(nn_model_text(m, mf->name)));
    else
        nn_text_format(out, "%s\n", nn_model_text(m, mf->name));
    put_pair(out, json, "model", nn_model_text(m, mf->model));
    put_whole(out, json, "params", mf->params, "");
    put_whole(out, json, "memory", mf->arena, " bytes, without the data");
    put_whole(out, json, "flops", mf->flops, " a step");
    put_whole(out, json, "batch", mf->batch, " rows");
    put_pair(out, json, "precision", mf->is_double ? "double" : "single");
    put_pair(out, json, "options", nn_model_text(m, mf->options));
    put_pair(out, json, "cpu", nn_model_text(m, mf->cpu));
    put_pair(out, json, "features", nn_model_text(m, mf->features));
    put_pair(out, json, "version", nn_model_text(m, mf->version_text));
    put_pair(out, json, "digest", nn_model_text(m, mf->digest));
    put_pair(out, json, "weights", weights);
    put_lists(m, out, json);
    nn_text_add(out, json ? "}\n" : "");
}

nn_status nn_command_info(nn_trainer *t) {
    nn_text out;
    const char *given = t->options->value[NN_OPTION_WEIGHTS], *own = t->files->of[NN_FILE_WEIGHTS];
    bool there = given != NULL || nn_file_exists(own);
    if (there && (nn_trainer_initial(t) != NN_OK || nn_trainer_weights(t) != NN_OK)) return t->ctx->status;
    nn_text_begin(&out, t->ctx);
    describe(&t->model, &out, t->options->value[NN_OPTION_JSON] != NULL,
             !there          ? "none yet"
             : given != NULL ? given
                             : own);
    return nn_print(t->ctx, &out);
}
