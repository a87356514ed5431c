// The header of a text. The training file's is remembered with the weights, as a JSON list of names; by it
// the columns of another file are found, whose header may have them in another order, more of them, or fewer.
// Guarantees: no column is read by its number where the names say that it is another.
#include "data/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_LIMIT = 16 << 20, SHOWN = 400 };

static nn_status list_names(nn_context *ctx, nn_csv *csv, const nn_cell *cells, uint32_t count) {
    nn_text names;
    nn_text_begin(&names, ctx);
    for (uint32_t k = 0; k < count && names.length < NAMES_LIMIT; k++) {
        nn_text_add(&names, k == 0 ? "[" : ",");
        nn_text_json(&names, cells[k].text, cells[k].length);
    }
    nn_text_add(&names, "]");
    csv->names = names.bytes;
    return names.length < NAMES_LIMIT
               ? ctx->status
               : nn_fail(ctx, NN_DATA, "%s: the names of the columns take more than 16 MB", csv->path);
}

// The column of this name; -1 where there is none, or several.
static int32_t find(const nn_cell *sorted, uint32_t count, const nn_cell *name) {
    const nn_cell *hit = bsearch(name, sorted, count, sizeof *sorted, nn_cell_compare);
    bool several = hit != NULL && ((hit > sorted && nn_cell_compare(hit - 1, hit) == 0) ||
                                   (hit + 1 < sorted + count && nn_cell_compare(hit, hit + 1) == 0));
    return hit == NULL || several ? -1 : (int32_t)hit->column;
}

// Where each column of the training file is here. Two of one name are not told apart, there or here.
static nn_status find_all(nn_context *ctx, nn_csv *csv, const nn_cell *cells, uint32_t count) {
    uint64_t length = strlen(csv->trained), room = length / 3 + 1; // "",
    nn_cell *sorted = nn_get(ctx, count, sizeof *sorted);
    int32_t *of = nn_get(ctx, count, sizeof *of); // the column of the training file, from 1
    char *name = nn_get(ctx, length + 1, 1);
    csv->places = nn_get(ctx, room, sizeof *csv->places);
    if (sorted == NULL || of == NULL || name == NULL || csv->places == NULL) return ctx->status;
    for (uint32_t k = 0; k < count; k++) sorted[k] = (nn_cell){cells[k].text, cells[k].length, k};
    qsort(sorted, count, sizeof *sorted, nn_cell_compare);
    nn_json j = {.at = csv->trained, .end = csv->trained + length};
    bool ok = nn_json_take(&j, '[');
    do {
        ok = ok && nn_json_string(&j, name, length + 1, &room);
        int32_t k = csv->place_count++,
                at = !ok ? -1 : find(sorted, count, &(nn_cell){name, (uint32_t)room, 0});
        csv->places[k] = at >= 0 && of[at] == 0 ? at : -1;
        if (at >= 0 && of[at] != 0) csv->places[of[at] - 1] = -1;
        if (at >= 0) of[at] = k + 1;
    } while (ok && nn_json_take(&j, ','));
    nn_drop(ctx, sorted);
    nn_drop(ctx, of);
    nn_drop(ctx, name);
    return ok ? NN_OK
              : nn_fail(ctx, NN_DATA, "the names of the columns that lie with the weights are damaged");
}

// Where the names of the columns stand, for messages: a line of a text, or what a query finds.
static const char *place_of_head(const nn_csv *csv, uint32_t line, char out[32]) {
    snprintf(out, 32, csv->query != NULL ? " (the query's columns)" : ":%u", line);
    return out;
}

nn_status nn_csv_header(nn_context *ctx, nn_csv *csv, const nn_cell *cells, uint32_t count, uint32_t line) {
    if (list_names(ctx, csv, cells, count) != NN_OK || csv->trained == NULL ||
        nn_same(csv->trained, csv->names))
        return ctx->status;
    if (find_all(ctx, csv, cells, count) != NN_OK) return ctx->status;
    bool any = false, missing = false;
    char place[32];
    for (int32_t k = 0; k < csv->place_count; k++) any = any || csv->places[k] >= 0;
    for (int32_t k = 0; k < csv->want_count; k++) {
        const nn_csv_want *w = &csv->wants[k];
        for (int32_t c = w->first; c < w->first + w->count && w->names == NULL; c++)
            missing = missing || c >= csv->place_count || csv->places[c] < 0;
    }
    return !missing
               ? NN_OK
               : nn_fail(ctx, NN_DATA,
                         "%s%s: columns that the model reads are not there, or not once: it was trained on "
                         "%.*s%s, found %.*s%s%s",
                         csv->path, place_of_head(csv, line, place), SHOWN, csv->trained,
                         strlen(csv->trained) > SHOWN ? "..." : "", SHOWN, csv->names,
                         strlen(csv->names) > SHOWN ? "..." : "",
                         any ? "" : " (is the header line missing?)");
}

// ---- one want ----

// The name of the header that was meant, or NULL.
static const char *nearest_name(nn_context *ctx, const char *name, const nn_cell *cells, uint32_t count) {
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < count; k++) bytes += cells[k].length + 1ull;
    char *texts = nn_get(ctx, bytes, 1);
    const char **names = nn_get(ctx, count, sizeof *names);
    for (uint32_t k = 0; k < count && texts != NULL && names != NULL; k++) {
        names[k] = memcpy(texts, cells[k].text, cells[k].length);
        texts[cells[k].length] = 0;
        texts += cells[k].length + 1;
    }
    return texts == NULL || names == NULL ? NULL : nn_nearest(name, names, (int)count);
}

// Of a line that is one cell: the sign that may be meant to divide it.
static const char *other_separator(const nn_csv *csv, const nn_cell *cells, uint32_t count, char *out,
                                   size_t room) {
    static const char signs[] = {';', ',', '\t', '|'};
    int64_t most = 0, found[sizeof signs] = {0};
    *out = '\0';
    for (size_t s = 0; count == 1 && s < sizeof signs; s++) {
        for (uint32_t k = 0; k < cells->length; k++) found[s] += cells->text[k] == signs[s];
        if (found[s] <= most || signs[s] == csv->separator) continue;
        most = found[s];
        snprintf(out, room, " (the line has %s %lld times: csv(..., separator = \"%s\") divides it there)",
                 signs[s] == '\t' ? "a tab" : (const char[]){'"', signs[s], '"', 0}, (long long)most,
                 signs[s] == '\t' ? "\\t" : (const char[]){signs[s], 0});
    }
    return out;
}

static nn_status find_name(nn_context *ctx, const nn_csv *csv, const char *name, int32_t *found,
                           const nn_cell *cells, uint32_t count, uint32_t line) {
    size_t length = strlen(name);
    char hint[128], place[32];
    *found = -1;
    for (uint32_t k = 0; k < count; k++) {
        if (cells[k].length != length || memcmp(cells[k].text, name, length) != 0) continue;
        if (*found >= 0)
            return nn_fail(ctx, NN_DATA, "%s%s:%u: two columns are called \"%s\"", csv->path,
                           place_of_head(csv, line, place), cells[k].column, name);
        *found = (int32_t)k;
    }
    if (*found >= 0) return NN_OK;
    const char *near = nearest_name(ctx, name, cells, count);
    if (ctx->status != NN_OK) return ctx->status;
    return nn_fail(ctx, NN_DATA, "%s%s: expected a column called \"%s\"%s%s%s, found %.*s%s%s", csv->path,
                   place_of_head(csv, line, place), name, near == NULL ? "" : " (did you mean \"",
                   near == NULL ? "" : near, near == NULL ? "" : "\"?)", SHOWN, csv->names,
                   strlen(csv->names) > SHOWN ? "..." : "",
                   other_separator(csv, cells, count, hint, sizeof hint));
}

nn_status nn_csv_find(nn_context *ctx, const nn_csv *csv, nn_csv_want *want, const nn_cell *cells,
                      uint32_t count, uint32_t line) {
    int32_t last = want->first + want->count - 1;
    char hint[128], place[32];
    if (want->names == NULL && csv->places == NULL && (uint32_t)last >= count)
        return nn_fail(ctx, NN_DATA, "%s%s: expected column %d (counted from 0), found %u column%s%s",
                       csv->path, place_of_head(csv, line, place), last, count, count == 1 ? "" : "s",
                       other_separator(csv, cells, count, hint, sizeof hint));
    want->columns = nn_get(ctx, (uint64_t)want->count, sizeof *want->columns);
    if (want->columns == NULL) return ctx->status;
    for (int32_t i = 0; i < want->count; i++) {
        int32_t k = want->first + i;
        want->columns[i] = csv->places != NULL && want->names == NULL ? csv->places[k] : k;
        if (want->names != NULL &&
            find_name(ctx, csv, want->names[i], &want->columns[i], cells, count, line) != NN_OK)
            return ctx->status;
    }
    return NN_OK;
}
