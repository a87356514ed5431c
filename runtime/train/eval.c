// The command `eval`: loss and metrics of a part of the data, as the log has them.
#include "train/train.h"

#include <stdio.h>
#include <string.h>

static nn_status print_result(nn_trainer *t, int part, const char *name, bool json) {
    const nn_metric *metrics = NN_TABLE(&t->model, nn_metric, metrics);
    nn_text out;
    nn_text_begin(&out, t->ctx);
    nn_text_format(&out, json ? "{\"part\": \"%s\", \"rows\": %lld" : "%s: %lld rows", name,
                   (long long)t->data.parts[part].count);
    for (uint32_t k = 0; k < t->model.manifest->metrics_count; k++) {
        const nn_tensor *of = nn_model_tensor(&t->model, metrics[k].tensor);
        int32_t field = json ? -1 : nn_confusion_field(t, part, k);
        nn_text_format(&out, json ? ", \"%s\": " : "\n%s", nn_model_text(&t->model, metrics[k].name));
        if (field >= 0) {
            nn_confusion_put(t, &out, part, k, field);
            out.bytes[--out.length] = '\0'; // the next name begins a line
            continue;
        }
        nn_text_add(&out, json ? "" : " ");
        nn_text_values(&out, &t->values[part][k], of != NULL && of->rank > 0);
    }
    nn_text_add(&out, json ? "}\n" : "\n");
    return nn_print(t->ctx, &out);
}

nn_status nn_command_eval(nn_trainer *t) {
    const nn_data *plan = &t->model.manifest->data;
    nn_data_request request = nn_trainer_request(t);
    int32_t part = -1;
    bool file = request.path != NULL && !nn_file_is_directory(request.path);
    if ((request.path == NULL && nn_fold_chosen(t) != NN_OK) ||
        nn_part_of(t->ctx, t->options, &part) != NN_OK || nn_trainer_initial(t) != NN_OK ||
        nn_trainer_weights(t) != NN_OK)
        return t->ctx->status;
    request.all_rows = file && part < 0;
    if (nn_trainer_load(t, &request) != NN_OK) return t->ctx->status;
    bool all = part < 0 && (request.all_rows || !nn_part_declared(plan, NN_TEST));
    if (part < 0) part = all ? NN_TRAIN : NN_TEST;
    if (t->data.parts[part].count == 0) return nn_part_empty(t->ctx, plan, &t->data, part, "");
    if (!nn_model_has(&t->model, NN_EVALUATE))
        return nn_fail(t->ctx, NN_USAGE, "this program has nothing to measure");
    nn_evaluate(t, part);
    return print_result(t, part, all ? "all" : nn_part_names[part],
                        t->options->value[NN_OPTION_JSON] != NULL);
}
