// Reads the log of a run. Guarantees: whatever the file holds, lines are whole objects with an event, or it
// is refused; nothing outside of it is read.
#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static nn_status damaged(nn_context *ctx, const nn_story *s, int64_t line) {
    return nn_fail(ctx, NN_DATA, "%s:%lld: this is no line of a log", s->path, (long long)line);
}

bool nn_story_is(nn_json object, const char *name, const char *value) {
    nn_json found;
    size_t n = strlen(value);
    return nn_json_find(object, name, &found) && (size_t)(found.end - found.at) == n + 2 &&
           *found.at == '"' && memcmp(found.at + 1, value, n) == 0;
}

static void sort_in(nn_story *s, nn_json line) {
    if (nn_story_is(line, "event", "start"))
        s->start = line;
    else if (nn_story_is(line, "event", "end"))
        s->end = line;
    else if (nn_story_is(line, "event", "epoch"))
        s->epochs[s->epoch_count++] = line;
    else if (!nn_story_is(line, "event", "step"))
        s->others[s->other_count++] = line;
}

nn_status nn_story_parse(nn_context *ctx, nn_story *s, const char *bytes, uint64_t size) {
    int64_t lines = 0, line = 0;
    for (uint64_t k = 0; k < size; k++) lines += bytes[k] == '\n';
    s->epochs = nn_get(ctx, (uint64_t)lines + 1, sizeof *s->epochs);
    s->others = nn_get(ctx, (uint64_t)lines + 1, sizeof *s->others);
    if (s->others == NULL || s->epochs == NULL) return ctx->status;
    const char *end = bytes + size, *next;
    for (const char *at = bytes; at < end && (next = memchr(at, '\n', (size_t)(end - at))) != NULL;
         at = next + 1) {
        line++;
        nn_json object = {.at = at, .end = next}, event;
        if (!nn_json_is_object(at, next) || !nn_json_find(object, "event", &event))
            return damaged(ctx, s, line);
        sort_in(s, object);
    }
    return line > 0 ? NN_OK : damaged(ctx, s, 1);
}

nn_status nn_story_read(nn_context *ctx, const char *path, nn_story *out) {
    unsigned char *bytes;
    uint64_t size;
    bool folder = nn_file_is_directory(path) || !nn_file_exists(path);
    *out = (nn_story){.name = path, .path = nn_get(ctx, strlen(path) + 16, 1)};
    if (out->path == NULL) return ctx->status;
    sprintf(out->path, "%s%s", path, folder ? "/log.jsonl" : "");
    if (!nn_file_exists(out->path))
        return nn_fail(ctx, NN_FILE, "cannot find the log %s: a run writes it as it saves", out->path);
    if (nn_file_read(ctx, out->path, &bytes, &size) != NN_OK) return ctx->status;
    return nn_story_parse(ctx, out, (const char *)bytes, size);
}

int64_t nn_story_best(const nn_story *s) {
    nn_json best;
    for (int64_t k = s->epoch_count - 1; k >= 0; k--)
        if (nn_json_find(s->epochs[k], "best", &best)) return k;
    return -1;
}

nn_json nn_story_last(const nn_story *s) {
    return s->end.at != NULL ? s->end : s->epoch_count > 0 ? s->epochs[s->epoch_count - 1] : s->start;
}

static void put_text(nn_text *out, nn_json value) {
    uint64_t length, room = (uint64_t)(value.end - value.at) + 1;
    char *text = nn_get(out->ctx, room, 1);
    if (text == NULL) return;
    if (*value.at != '"')
        nn_text_bytes(out, value.at, room - 1);
    else if (nn_json_string(&value, text, room, &length))
        nn_text_bytes(out, text, length);
    nn_drop(out->ctx, text);
}

void nn_story_value(nn_text *out, nn_json object, const char *name) {
    nn_json value;
    if (nn_json_find(object, name, &value)) put_text(out, value);
}

void nn_story_measures(nn_json line, nn_measure *call, void *data) {
    static const char others[][14] = {"event",  "fold",          "step",   "epoch", "samples_per_s",
                                      "time_s", "gradient_norm", "reason", "best"};
    char key[NN_KEY_ROOM];
    nn_json value;
    while (nn_json_member(&line, key, sizeof key, &value)) {
        double number = NAN;
        bool measure = strncmp(key, "lr", 2) != 0 || (key[2] != '\0' && key[2] != '_');
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            measure = measure && !nn_same(key, others[k]);
        bool is_number = nn_number_parse(value.at, (uint64_t)(value.end - value.at), &number);
        if (measure && (is_number || *value.at == 'n')) call(data, key, number);
    }
}

int64_t nn_story_counts(nn_json object, double counts[NN_BINS_MOST]) {
    nn_json list, item;
    int64_t n = 0;
    if (!nn_json_find(object, "counts", &list) || !nn_json_take(&list, '[')) return 0;
    for (; n < NN_BINS_MOST && !nn_json_peek(&list, ']'); n++) {
        item = list;
        if (!nn_json_skip(&list, 0)) break;
        while (item.at < list.at && *item.at == ' ') item.at++;
        if (!nn_number_parse(item.at, (uint64_t)(list.at - item.at), &counts[n])) break;
        nn_json_take(&list, ',');
    }
    return n;
}

// ---- beginnings ----

static void put_start(nn_table *t, nn_json start) {
    char key[NN_KEY_ROOM], inner[NN_KEY_ROOM], name[2 * NN_KEY_ROOM];
    nn_json value, of;
    while (nn_json_member(&start, key, sizeof key, &value)) {
        if (nn_same(key, "event") || nn_same(key, "step") || nn_same(key, "epoch")) continue;
        bool group = *value.at == '{';
        if (!group) put_text(nn_table_cell(t, key), value);
        while (group && nn_json_member(&value, inner, sizeof inner, &of)) {
            snprintf(name, sizeof name, "%s.%s", key, inner);
            put_text(nn_table_cell(t, name), of);
        }
    }
}

void nn_story_starts(nn_context *ctx, const nn_story *runs, int count, nn_table *t) {
    nn_table_begin(ctx, t, count + 1);
    nn_table_cell(t, "run");
    for (int k = 0; k < count; k++) {
        t->row = k + 1;
        nn_text_add(nn_table_cell(t, "run"), runs[k].name);
        put_start(t, runs[k].start);
    }
}
