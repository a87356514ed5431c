// The files of cells, csv, jsonl and sqlite: which a part reads, and whether a run before this one has kept
// their rows. Guarantees: cells that a prediction carries along stay in memory; of others nothing is left.
#include "data/data.h"

#include "parallel/pool.h"

typedef struct {
    const char *bytes;
    uint64_t size;
} Bytes;

static nn_status read_cells(const nn_loading *l, nn_csv *csv, const void *from) {
    const Bytes *b = from;
    int32_t source = l->m->manifest->data.source;
    if (source == NN_FROM_SQLITE) return nn_sqlite_read(l->ctx, csv);
    return (source == NN_FROM_JSONL ? nn_jsonl_parse : nn_csv_parse)(l->ctx, csv, b->bytes, b->size);
}

static bool any_carried(const nn_loading *l) {
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++)
        if (l->data->carried[k] != NULL) return true;
    return false;
}

// The rows as a run before this one has kept them, or else of the file.
static nn_status read_part(const nn_loading *l, int part, const char *file, nn_csv *csv, const char *query) {
    unsigned char *bytes = NULL;
    uint64_t size = 0;
    char path[NN_PATH_ROOM] = "standard input";
    nn_cached kept = {0};
    bool text = query == NULL, known = l->data->request.standard_input && text;
    if (!known && nn_data_path(l->ctx, l->m, &l->data->request, file, path) != NN_OK) return l->ctx->status;
    if ((csv->path = nn_path_kept(l->ctx, path, "")) == NULL) return l->ctx->status;
    if (!known && text && nn_cache_find(l, part, csv->path, &kept) != NN_OK) return l->ctx->status;
    if (!kept.found) {
        if (text && nn_source_bytes(l, file, path, &bytes, &size) != NN_OK) return l->ctx->status;
        Bytes of = {(const char *)bytes, size};
        if (nn_cells_columns(l, part, csv, &(nn_cells_reader){read_cells, nn_each, &of}) == NN_OK)
            nn_cache_keep(l, part, csv->path, &kept);
    }
    nn_text_end(&kept.key);
    if (any_carried(l)) return l->ctx->status; // its cells are in there
    nn_texts_drop(l->ctx, &csv->texts);
    nn_drop(l->ctx, bytes);
    return l->ctx->status;
}

nn_status nn_cells_part(const nn_loading *l, int part, int64_t *rows) {
    const char *key, *file = nn_part_file(l, part, &key);
    const nn_data *plan = &l->m->manifest->data;
    const char *query = plan->source == NN_FROM_SQLITE ? key : NULL;
    nn_csv csv = {.query = query,
                  .separator = plan->source == NN_FROM_CSV ? plan->separator : 0,
                  .header = plan->header != 0,
                  .threads = l->data->request.threads,
                  .decimal = plan->decimal,
                  .thousands = plan->thousands,
                  .comment = plan->comment,
                  .trained = plan->header != 0 ? l->data->header : NULL};
    read_part(l, part, file, &csv, query);
    *rows = csv.rows;
    return l->ctx->status;
}
