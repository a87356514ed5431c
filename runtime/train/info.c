// The command `info`: what was compiled, and what lies in the weights file.
#include "train/train.h"

#include <stdio.h>
#include <string.h>

static void put_shape(nn_text *out, int rank, const int64_t *dims, const char *batch) {
    nn_text_add(out, "[");
    for (int d = 0; d < rank; d++) {
        if (d == 0 && batch != NULL)
            nn_text_add(out, batch);
        else
            nn_text_format(out, d == 0 ? "%lld" : ", %lld", (long long)dims[d]);
    }
    nn_text_add(out, "]");
}

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

static void put_fields(const nn_model *m, nn_text *out, bool json) {
    const nn_field *fields = NN_TABLE(m, nn_field, fields);
    const nn_output *outputs = NN_TABLE(m, nn_output, outputs);
    nn_text_add(out, json ? ", \"inputs\": {" : "\ninputs\n");
    bool first = true;
    for (uint32_t k = 0; k < m->manifest->fields_count; k++) {
        if (fields[k].in_model < 0) continue;
        nn_text_format(out, json ? "%s\"%s\": " : "%s  %-30s ", json && !first ? ", " : "",
                       nn_model_text(m, fields[k].name));
        put_shape(out, fields[k].rank, fields[k].dims, NULL);
        nn_text_add(out, json ? "" : "\n");
        first = false;
    }
    nn_text_add(out, json ? "}, \"outputs\": {" : "\noutputs\n");
    for (uint32_t k = 0; k < m->manifest->outputs_count; k++) {
        const nn_tensor *t = nn_model_tensor(m, outputs[k].tensor);
        nn_text_format(out, json ? "%s\"%s\": " : "%s  %-30s ", json && k > 0 ? ", " : "",
                       nn_model_text(m, outputs[k].name));
        put_shape(out, t->rank - 1, t->dims + 1, NULL);
        nn_text_add(out, json ? "" : "\n");
    }
    nn_text_add(out, json ? "}" : "");
}

static void put_parameters(const nn_model *m, nn_text *out, bool json) {
    bool first = true;
    nn_text_add(out, json ? ", \"parameters\": {" : "\nparameters\n");
    for (uint32_t k = 0; k < m->manifest->tensors_count; k++) {
        const nn_tensor *t = nn_model_tensor(m, (int32_t)k);
        if (t->kind != NN_PARAM || t->offset < 0) continue;
        nn_text_format(out, json ? "%s\"%s\": " : "%s  %-30s ", json && !first ? ", " : "",
                       nn_model_text(m, t->name));
        put_shape(out, t->rank, t->dims, NULL);
        nn_text_add(out, json ? "" : t->trainable ? "\n" : "  frozen\n");
        first = false;
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
    put_fields(m, out, json);
    put_parameters(m, out, json);
    nn_text_add(out, json ? "}\n" : "");
}

int nn_command_info(nn_context *ctx, const nn_model *m, const nn_options *o) {
    nn_trainer t;
    nn_text out;
    char path[NN_PATH_ROOM] = "none yet";
    nn_text_begin(&out, ctx);
    if (nn_trainer_open(&t, ctx, m, o) == NN_OK) {
        bool there = o->value[NN_OPTION_WEIGHTS] != NULL ||
                     (nn_trainer_path(&t, "weights.safetensors", path) == NN_OK && nn_file_exists(path));
        if (o->value[NN_OPTION_WEIGHTS] != NULL)
            snprintf(path, sizeof path, "%s", o->value[NN_OPTION_WEIGHTS]);
        else if (!there)
            strcpy(path, "none yet");
        if (!there || (nn_trainer_initial(&t) == NN_OK && nn_trainer_weights(&t) == NN_OK)) {
            describe(&t.model, &out, o->value[NN_OPTION_JSON] != NULL, path);
            nn_print(ctx, &out);
        }
    }
    nn_trainer_close(&t);
    return (int)ctx->status;
}
