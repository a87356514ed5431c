// Names that lie with the weights, by which other data are read: of columns, of classes, of words.
// Guarantees: what of another program's names does not fit this one's fields is said, and not taken.
#include "train/train.h"

#include <stdio.h>
#include <string.h>

static void put_vocabulary(const nn_trainer *t, nn_sink *sink, const char *key, const nn_vocabulary *v,
                           int kind) {
    nn_text list;
    if (v->count == 0) return;
    nn_text_begin(&list, t->ctx);
    nn_vocabulary_put(&list, v, kind);
    nn_store_metadata(sink, key, list.bytes);
    nn_text_end(&list);
}

// What other data are read by: the names of columns and classes.
void nn_names_put(const nn_trainer *t, nn_sink *sink) {
    if (t->data.header != NULL) nn_store_metadata(sink, "columns", t->data.header);
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    put_vocabulary(t, sink, "vocabulary", &t->data.vocabulary, t->model.manifest->data.unit);
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        char key[NN_NAME_ROOM];
        snprintf(key, sizeof key, "words.%s", nn_model_text(&t->model, fields[k].key));
        put_vocabulary(t, sink, key, &t->data.words[k], NN_TEXT_WORD);
    }
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        const nn_classes *classes = &t->data.classes[k];
        if (classes->count == 0) continue;
        nn_text list;
        nn_text_begin(&list, t->ctx);
        for (int64_t c = 0; c < classes->count; c++) {
            nn_text_add(&list, c == 0 ? "[" : ",");
            nn_text_json(&list, classes->names[c], strlen(classes->names[c]));
        }
        nn_text_add(&list, "]");
        char key[NN_NAME_ROOM];
        snprintf(key, sizeof key, "classes.%s", nn_model_text(&t->model, fields[k].key));
        nn_store_metadata(sink, key, list.bytes);
        nn_text_end(&list);
    }
}

bool nn_names_text(nn_context *ctx, nn_json value, char **out) {
    uint64_t length;
    nn_json again = value;
    if (!nn_json_string(&value, NULL, 0, &length) || (*out = nn_get(ctx, length + 1, 1)) == NULL)
        return false;
    return nn_json_string(&again, *out, length + 1, NULL);
}

// The list of class names, a JSON array inside a JSON text.
static nn_status take_classes(nn_trainer *t, nn_context *ctx, const char *field, nn_json value) {
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    char *list;
    if (!nn_names_text(ctx, value, &list))
        return nn_fail(ctx, NN_DATA, "the class names of %s are damaged", field);
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        if (!nn_same(nn_model_text(&t->model, fields[k].key), field) || !fields[k].is_class) continue;
        uint64_t room = strlen(list) < (uint64_t)fields[k].limit ? strlen(list) : (uint64_t)fields[k].limit;
        nn_classes classes = {0, nn_get(ctx, room, sizeof *classes.names)};
        nn_json j = {.at = list, .end = list + strlen(list)};
        bool ok = classes.names != NULL && nn_json_take(&j, '[');
        do {
            char *name = NULL;
            ok = ok && classes.count < (int64_t)room && nn_json_peek(&j, '"') &&
                 nn_names_text(ctx, j, &name) && nn_json_skip(&j, 0);
            if (ok) classes.names[classes.count++] = name;
        } while (ok && nn_json_take(&j, ','));
        if (!ok || !nn_json_take(&j, ']') || classes.count != nn_class_count(&fields[k]))
            return nn_fail(
                ctx, NN_DATA,
                "expected %lld class names for %s, found others: are these the weights of another model?",
                (long long)nn_class_count(&fields[k]), field);
        t->data.classes[k] = classes;
    }
    nn_drop(ctx, list);
    return NN_OK;
}

// Of a text, or of a field of words: as many units as the program has numbers for.
static nn_status take_vocabulary(nn_trainer *t, nn_context *ctx, const char *field, nn_json value) {
    const nn_data *plan = &t->model.manifest->data;
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    nn_vocabulary *into = *field == '\0' && nn_data_is_text(&t->model) ? &t->data.vocabulary : NULL;
    int64_t limit = plan->vocabulary;
    char *list;
    for (uint32_t k = 0; k < t->model.manifest->fields_count && *field != '\0'; k++) {
        if (!nn_same(nn_model_text(&t->model, fields[k].key), field)) continue;
        into = &t->data.words[k];
        limit = fields[k].limit;
    }
    if (into == NULL) return NN_OK;
    if (!nn_names_text(ctx, value, &list))
        return nn_fail(ctx, NN_DATA, "the vocabulary that lies with the weights is damaged");
    nn_status status = nn_vocabulary_take(ctx, into, list, *field == '\0' ? plan->unit : NN_TEXT_WORD, limit);
    nn_drop(ctx, list);
    return status;
}

nn_status nn_names_take(nn_trainer *t, nn_context *ctx, const char *key, nn_json value) {
    if (nn_same(key, "vocabulary")) return take_vocabulary(t, ctx, "", value);
    if (strncmp(key, "words.", 6) == 0) return take_vocabulary(t, ctx, key + 6, value);
    if (strncmp(key, "classes.", 8) == 0) return take_classes(t, ctx, key + 8, value);
    return !nn_same(key, "columns") || nn_names_text(ctx, value, &t->data.header)
               ? ctx->status
               : nn_fail(ctx, NN_DATA, "the names of the columns that lie with the weights are damaged");
}

const char *nn_names_class(const nn_trainer *t, int32_t field, int64_t number) {
    const nn_classes *classes = &t->data.classes[field];
    const nn_field *f = &NN_TABLE(&t->model, nn_field, fields)[field];
    if (number >= 0 && number < classes->count) return classes->names[number];
    return number == f->own_missing ? "" : number == f->own_other ? "(other)" : NULL;
}
