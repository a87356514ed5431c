// JSON, an object a line, as cells in columns: a column's name is the way to its value, "user.age"; what is
// null or not there is missing, `true` is 1 or a text, an array gives a column several numbers.
// Needs the file in memory, ended by a NUL, and changes it: strings are unescaped in place. Guarantees:
// linear time, and a message with line and column for whatever is wrong.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

enum { LINE_LIMIT = 64 << 20, SHOWN = 20, NO_NODE = -1 };

// A part of the names that are wanted, between two dots; and what is wanted of its value.
typedef struct {
    const char *text;
    uint32_t length;
    int32_t child, next, target; // the first below it, the next beside it, the first target; -1: none
} Node;
typedef struct {
    nn_csv_want *want;
    int32_t first, count, next;
    int64_t rows; // that have been read when it was last there
} Target;

typedef struct {
    nn_context *ctx;
    nn_csv *csv;
    nn_json j;
    const char *line_start;
    uint32_t line;
    Node *nodes;
    Target *targets;
    int32_t node_count, target_count;
    nn_cell *cells, *names; // of the value at hand; of what the first line has
    uint32_t cell_count, cell_room, name_count, name_room;
    char *way; // to the value at hand, of the first line
    size_t way_room;
} Reader;

static const char true_text[] = "true", false_text[] = "false";

static nn_status fail_here(Reader *r, const char *expected) {
    const char *at = r->j.at;
    uint64_t left = (uint64_t)(r->j.end - at), shown = left < SHOWN ? left : SHOWN;
    while (shown > 0 && shown < left && ((unsigned char)at[shown] & 0xc0) == 0x80) shown--;
    return nn_fail(r->ctx, NN_DATA, "%s:%u:%lld: expected %s, found %s%.*s%s", r->csv->path, r->line,
                   (long long)(at - r->line_start + 1), expected, left == 0 ? "the end of the line" : "\"",
                   (int)shown, at, left == 0 ? "" : "\"");
}

static nn_status no_json(Reader *r) { return fail_here(r, "JSON"); }

static nn_cell *add_cell(Reader *r, nn_cell **list, uint32_t *count, uint32_t *room) {
    if (*count == *room) {
        *room = *room == 0 ? 64 : *room * 2;
        *list = nn_grow(r->ctx, *list, *room, sizeof **list);
    }
    return *list == NULL ? NULL : &(*list)[(*count)++];
}

// ---- the names that are wanted ----

static int32_t find_node(const Reader *r, int32_t parent, const char *text, uint64_t length) {
    int32_t k = r->nodes[parent].child;
    while (k >= 0 && (r->nodes[k].length != length || memcmp(r->nodes[k].text, text, (size_t)length) != 0))
        k = r->nodes[k].next;
    return k;
}

// What a key leads to: of one that has dots itself, part by part.
static int32_t descend(Reader *r, int32_t node, const char *key, uint64_t length, bool adds) {
    for (uint64_t at = 0; node >= 0; at++) {
        const char *dot = memchr(key + at, '.', (size_t)(length - at));
        uint64_t n = dot == NULL ? length - at : (uint64_t)(dot - key) - at;
        int32_t found = find_node(r, node, key + at, n);
        if (found < 0 && adds) {
            found = r->node_count++;
            r->nodes[found] = (Node){key + at, (uint32_t)n, NO_NODE, r->nodes[node].child, NO_NODE};
            r->nodes[node].child = found;
        }
        node = found;
        at += n;
        if (at == length) break;
    }
    return node;
}

static nn_status take_names(Reader *r) {
    uint64_t nodes = 1, targets = 0;
    for (int32_t k = 0; k < r->csv->want_count; k++) {
        const nn_csv_want *w = &r->csv->wants[k];
        for (int32_t i = 0; i < (w->array ? 1 : w->count); i++, targets++)
            for (const char *c = w->names[i]; c != NULL; c = strchr(c + 1, '.')) nodes++;
    }
    r->nodes = nn_get(r->ctx, nodes, sizeof *r->nodes);
    r->targets = nn_get(r->ctx, targets, sizeof *r->targets);
    if (r->nodes == NULL || r->targets == NULL) return r->ctx->status;
    r->nodes[r->node_count++] = (Node){"", 0, NO_NODE, NO_NODE, NO_NODE};
    for (int32_t k = 0; k < r->csv->want_count; k++) {
        nn_csv_want *w = &r->csv->wants[k];
        for (int32_t i = 0; i < (w->array ? 1 : w->count); i++) {
            int32_t node = descend(r, 0, w->names[i], strlen(w->names[i]), true);
            r->targets[r->target_count] = (Target){w, i, w->array ? w->count : 1, r->nodes[node].target, 0};
            r->nodes[node].target = r->target_count++;
        }
    }
    return NN_OK;
}

// ---- values ----

static nn_status take_string(Reader *r, nn_cell *cell) {
    const char *start = r->j.at + 1, *at = start;
    while (at < r->j.end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20) at++;
    uint64_t length = (uint64_t)(at - start);
    bool plain = at < r->j.end && *at == '"';
    nn_json escaped = r->j;
    cell->text = start;
    if (plain) {
        r->j.at = at + 1;
    } else {
        if (!nn_json_string(&r->j, NULL, 0, &length)) return no_json(r);
        char *text = nn_texts_room(r->ctx, &r->csv->texts, length + 1);
        if (text == NULL) return r->ctx->status;
        nn_json_string(&escaped, text, length + 1, &length);
        cell->text = text;
    }
    if (memchr(cell->text, 0, (size_t)length) != NULL) return fail_here(r, "a text without zero bytes");
    cell->length = (uint32_t)length;
    return NN_OK;
}

// A scalar as a cell. Python writes NaN, which is no JSON, for what is missing.
static nn_status take_scalar(Reader *r, nn_cell *cell) {
    const char *start = r->j.at;
    *cell = (nn_cell){start, 0, (uint32_t)(start - r->line_start + 1)};
    if (*start == '"') return take_string(r, cell);
    if (r->j.end - start >= 3 && memcmp(start, "NaN", 3) == 0) {
        r->j.at += 3;
        return NN_OK;
    }
    if (!nn_json_skip(&r->j, 0)) return no_json(r);
    cell->length = *start == 'n' ? 0 : (uint32_t)(r->j.at - start);
    if (*start == 't') cell->text = true_text;
    if (*start == 'f') cell->text = false_text;
    return NN_OK;
}

// Scalars, and those of arrays one after another.
static nn_status take_cells(Reader *r, int depth) {
    if (depth > NN_JSON_DEPTH) return no_json(r);
    if (nn_json_peek(&r->j, '{')) return fail_here(r, "a value or an array of values");
    if (!nn_json_take(&r->j, '[')) {
        if (r->j.at == r->j.end) return no_json(r);
        nn_cell *cell = add_cell(r, &r->cells, &r->cell_count, &r->cell_room);
        return cell == NULL ? r->ctx->status : take_scalar(r, cell);
    }
    if (nn_json_take(&r->j, ']')) return NN_OK;
    do {
        if (take_cells(r, depth + 1) != NN_OK) return r->ctx->status;
    } while (nn_json_take(&r->j, ','));
    return nn_json_take(&r->j, ']') ? NN_OK : no_json(r);
}

static nn_status give(Reader *r, Target *t, uint32_t column) {
    t->rows = r->csv->rows + 1;
    char name[80];
    nn_want_name(t->want, t->first, name);
    if (r->cell_count != (uint32_t)t->count)
        return nn_fail(r->ctx, NN_DATA, "%s:%u:%u: expected %d value%s in column %s, found %u", r->csv->path,
                       r->line, column, t->count, t->count == 1 ? "" : "s", name, r->cell_count);
    for (int32_t i = 0; i < t->count; i++) {
        nn_cell cell = r->cells[i];
        bool truth = cell.text == true_text || cell.text == false_text;
        if (truth && !t->want->texts) cell = (nn_cell){cell.text == true_text ? "1" : "0", 1, cell.column};
        if (nn_want_cell(r->ctx, r->csv, t->want, t->first + i, &cell) != NN_OK) return r->ctx->status;
    }
    return NN_OK;
}

static nn_status take_value(Reader *r, int32_t node, int depth);

static nn_status take_object(Reader *r, int32_t node, int depth) {
    if (depth > NN_JSON_DEPTH || !nn_json_take(&r->j, '{')) return no_json(r);
    if (nn_json_take(&r->j, '}')) return NN_OK;
    do {
        nn_cell key = {0};
        if (!nn_json_peek(&r->j, '"')) return no_json(r);
        if (take_string(r, &key) != NN_OK) return r->ctx->status;
        int32_t below = descend(r, node, key.text, key.length, false);
        if (!nn_json_take(&r->j, ':')) return no_json(r);
        if (take_value(r, below, depth + 1) != NN_OK) return r->ctx->status;
    } while (nn_json_take(&r->j, ','));
    return nn_json_take(&r->j, '}') ? NN_OK : no_json(r);
}

static nn_status take_value(Reader *r, int32_t node, int depth) {
    const Node *n = node < 0 ? NULL : &r->nodes[node];
    if (n != NULL && n->target < 0 && nn_json_peek(&r->j, '{')) return take_object(r, node, depth);
    if (n == NULL || n->target < 0) return nn_json_skip(&r->j, depth) ? NN_OK : no_json(r);
    nn_json_peek(&r->j, '{'); // behind blanks
    uint32_t column = (uint32_t)(r->j.at - r->line_start + 1);
    r->cell_count = 0;
    if (take_cells(r, depth) != NN_OK) return r->ctx->status;
    for (int32_t t = n->target; t >= 0; t = r->targets[t].next)
        if (give(r, &r->targets[t], column) != NN_OK) return r->ctx->status;
    return NN_OK;
}

// ---- what is not there ----

// The ways to all values of an object, for messages.
static bool list_names(Reader *r, nn_json *j, size_t length) {
    if (!nn_json_peek(j, '{')) {
        nn_cell *cell = add_cell(r, &r->names, &r->name_count, &r->name_room);
        char *text = nn_get(r->ctx, length + 1, 1);
        if (cell == NULL || text == NULL) return false;
        *cell = (nn_cell){memcpy(text, r->way, length), (uint32_t)length, 1};
        return nn_json_skip(j, 0);
    }
    nn_json_take(j, '{');
    do {
        size_t at = length + (length > 0);
        uint64_t n;
        if (length > 0) r->way[length] = '.';
        if (at + 2 >= r->way_room || !nn_json_string(j, r->way + at, r->way_room - at, &n) ||
            !nn_json_take(j, ':') || !list_names(r, j, at + (size_t)n))
            return false;
    } while (nn_json_take(j, ','));
    return nn_json_take(j, '}');
}

// What the first line has. Of a line that is no object nothing is listed.
static nn_status first_names(Reader *r) {
    nn_json j = r->j;
    r->way_room = (size_t)(r->j.end - r->j.at) + 2;
    r->way = nn_get(r->ctx, r->way_room, 1);
    if (r->way == NULL) return r->ctx->status;
    if (!list_names(r, &j, 0)) r->name_count = 0;
    nn_drop(r->ctx, r->way);
    return r->ctx->status;
}

// A column that no line has had.
static nn_status no_column(Reader *r, const Target *t) {
    nn_csv_want one = {.names = &t->want->names[t->first], .count = 1};
    if (nn_csv_header(r->ctx, r->csv, r->names, r->name_count, r->line) != NN_OK) return r->ctx->status;
    return nn_csv_find(r->ctx, r->csv, &one, r->names, r->name_count, r->line);
}

static nn_status fill_missing(Reader *r) {
    int64_t row = r->csv->rows;
    nn_cell none = {"", 0, (uint32_t)(r->j.at - r->line_start)};
    for (int32_t k = 0; k < r->target_count; k++) {
        Target *t = &r->targets[k];
        if (t->rows == row + 1) continue;
        if (row == 0 && !t->want->missing_ok && !t->want->texts) return no_column(r, t);
        for (int32_t i = 0; i < t->count; i++)
            if (nn_want_cell(r->ctx, r->csv, t->want, t->first + i, &none) != NN_OK) return r->ctx->status;
    }
    return NN_OK;
}

// ---- lines ----

static nn_status take_line(Reader *r) {
    r->csv->lines[r->csv->rows] = r->line;
    if (!nn_json_peek(&r->j, '{')) return fail_here(r, "an object, {...}, on a line of its own");
    if (r->csv->rows == 0 && first_names(r) != NN_OK) return r->ctx->status;
    if (take_object(r, 0, 0) != NN_OK || fill_missing(r) != NN_OK) return r->ctx->status;
    nn_json_peek(&r->j, '{');
    if (r->j.at < r->j.end) return fail_here(r, "the end of the line");
    r->csv->rows++;
    return NN_OK;
}

static bool is_blank(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) at++;
    return at == end;
}

nn_status nn_jsonl_parse(nn_context *ctx, nn_csv *csv, const char *bytes, uint64_t size) {
    Reader r = {.ctx = ctx, .csv = csv};
    const char *end = bytes + size, *at = bytes;
    uint64_t rows = 1;
    for (const char *p = bytes; p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) rows++;
    if (take_names(&r) != NN_OK || nn_wants_room(ctx, csv, rows) != NN_OK) return ctx->status;
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) at += 3;
    for (uint32_t line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        r.j = (nn_json){.at = at, .end = stop};
        r.line_start = at;
        r.line = line;
        if (stop - at > LINE_LIMIT) return fail_here(&r, "a line of at most 64 MB");
        if (!is_blank(at, stop) && take_line(&r) != NN_OK) return ctx->status;
        at = stop + (stop < end);
    }
    if (csv->rows == 0)
        return nn_fail(ctx, NN_DATA, "%s: expected an object a line, found no lines", csv->path);
    for (int32_t k = 0; k < r.target_count; k++)
        if (r.targets[k].rows == 0) return no_column(&r, &r.targets[k]);
    nn_drop(ctx, r.nodes);
    nn_drop(ctx, r.targets);
    nn_drop(ctx, r.cells);
    for (uint32_t k = 0; k < r.name_count; k++) nn_drop(ctx, (void *)(uintptr_t)r.names[k].text);
    nn_drop(ctx, r.names);
    return NN_OK;
}
