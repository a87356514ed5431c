// Any bytes as a CSV file: rows or a message with a place, never a crash, a leak or a read outside.
// clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iruntime tests/fuzz/csv.c libnn.a's sources
#include "data/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The cells of the text column as whole numbers with names, as names of groups, and as dates, which are
// numbers of some size.
static nn_status other_readings(nn_context *ctx, const nn_csv *csv, nn_csv_want *want, nn_field field) {
    nn_classes classes = {0};
    field.is_named = 1;
    if (nn_class_values(ctx, &classes, &field, "kind", csv, want) == NN_OK) {
        for (int64_t r = 0; r < csv->rows; r++)
            if (!nn_below(want->values[r], field.limit) && !(want->missing_ok && isnan(want->values[r])))
                abort();
    }
    nn_context groups = {0}, dates = {0};
    nn_csv_want again = *want;
    if (nn_group_cells(&groups, csv, &again) == NN_OK) {
        for (int64_t r = 0; r < csv->rows; r++)
            if (again.values[r] < 1 || again.values[r] > (double)csv->rows) abort();
    }
    for (int part = NN_DATE_YEAR; part <= NN_DATE_SECONDS && dates.status == NN_OK; part++) {
        if (nn_date_values(&dates, "kind", part, csv, want) != NN_OK) break;
        for (int64_t r = 0; r < csv->rows; r++)
            if (!isnan(want->values[r]) && fabs(want->values[r]) > 3e11) abort();
    }
    bool named = strncmp(groups.message, "fuzz.csv", 8) == 0 && strncmp(dates.message, "fuzz.csv", 8) == 0;
    if (!named && groups.status != NN_OK && dates.status != NN_OK) abort();
    nn_context_end(&groups);
    nn_context_end(&dates);
    return ctx->status;
}

// The same file in small pieces, on two threads: the same rows, or the same message.
static void check_pieces(const nn_context *whole, nn_csv csv, const nn_csv_want *wants, const char *bytes,
                         size_t size) {
    nn_csv again = csv;
    nn_csv_want own[3];
    nn_context ctx = {0};
    for (int k = 0; k < csv.want_count; k++)
        own[k] = (nn_csv_want){.first = wants[k].first,
                               .count = wants[k].count,
                               .names = wants[k].names,
                               .texts = wants[k].texts,
                               .missing_ok = wants[k].missing_ok};
    again.wants = own;
    again.rows = again.room = again.place_count = 0;
    again.lines = NULL;
    again.names = NULL;
    again.places = NULL;
    again.texts = (nn_texts){0};
    again.threads = 2;
    again.piece = 1 + (int64_t)size / 5;
    if (nn_csv_parse(&ctx, &again, bytes, size) != whole->status) abort();
    if (ctx.status != NN_OK && strcmp(ctx.message, whole->message) != 0) abort();
    if (ctx.status == NN_OK && again.rows != csv.rows) abort();
    for (int64_t r = 0; r < again.rows && ctx.status == NN_OK; r++) {
        if (again.lines[r] != csv.lines[r]) abort();
        for (int k = 0; k < csv.want_count; k++) {
            const nn_csv_want *a = &wants[k], *b = &own[k];
            int64_t at = r * a->count;
            if (!a->texts && memcmp(a->values + at, b->values + at, (size_t)a->count * sizeof(double)) != 0)
                abort();
            if (a->texts && (a->cells[at].column != b->cells[at].column ||
                             nn_cell_compare(&a->cells[at], &b->cells[at]) != 0))
                abort();
        }
    }
    nn_context_end(&ctx);
}

// The first byte says how the file is read.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    nn_context ctx = {0};
    char *bytes = malloc(size);
    if (bytes == NULL) return 0;
    memcpy(bytes, data + 1, size - 1);
    bytes[size - 1] = '\0';
    bool missing_ok = (*data & 8) != 0;
    nn_csv_want wants[3] = {{.first = 0, .count = 2, .missing_ok = missing_ok},
                            {.names = (const char *[]){"y", "a"}, .count = 2, .missing_ok = missing_ok},
                            {.names = (const char *[]){"kind"}, .count = 1, .texts = true}};
    bool header = (*data & 2) != 0;
    nn_csv csv = {.path = "fuzz.csv",
                  .separator = (*data & 4) != 0    ? ';'
                               : (*data & 16) != 0 ? '\t'
                                                   : ',',
                  .decimal = (*data & 64) != 0 ? ',' : '.',
                  .thousands = (*data & 64) != 0 ? '.' : 0,
                  .comment = (*data & 128) != 0 ? '#' : 0,
                  .header = header,
                  .trained = header && (*data & 32) != 0 ? "[\"kind\",\"b\",\"y\",\"a\",\"\\u00e9\"]" : NULL,
                  .wants = wants,
                  .want_count = header ? 3 : 1};
    bool own = (*data & 8) != 0;
    nn_field field = {
        .limit = own ? 4 : 2, .is_class = 1, .own_missing = own ? 2 : -1, .own_other = own ? 3 : -1};
    nn_classes classes = {0};
    nn_status status = nn_csv_parse(&ctx, &csv, bytes, size - 1);
    check_pieces(&ctx, csv, wants, bytes, size - 1);
    if (status == NN_OK && header) {
        wants[2].values = nn_get(&ctx, (uint64_t)csv.rows, sizeof(double));
        status = nn_class_values(&ctx, &classes, &field, "kind", &csv, &wants[2]);
        if (status == NN_OK) status = other_readings(&ctx, &csv, &wants[2], field);
    }
    if (status != NN_OK && strncmp(ctx.message, "fuzz.csv", 8) != 0) abort();
    nn_context_end(&ctx);
    free(bytes);
    return 0;
}
