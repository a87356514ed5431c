// Texts as numbers: a text is cut into units (bytes, characters, words), and a vocabulary numbers the most
// frequent. Number 0 is every other unit. Guarantees: the numbers depend on the counted units alone, ties are
// in byte order; what is cut as characters or words is UTF-8, or there is a message with the place.
#include "data/data.h"

#include <stdlib.h>
#include <string.h>

// ---- units ----

static uint32_t code_point(const unsigned char *s, size_t n) {
    static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = s[0] & mask[n];
    for (size_t i = 1; i < n; i++) c = c << 6 | (s[i] & 0x3f);
    return c;
}

static bool is_blank(uint32_t c) {
    return c <= ' ' || (c >= 0x7f && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

// Letters, digits and apostrophes.
static bool is_of_word(uint32_t c) {
    static const struct {
        uint32_t first, last;
    } letters[] = {
#define LETTERS(first, last) {first, last},
#include "data/letters.def"
#undef LETTERS
    };
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '\'';
    size_t low = 0, high = sizeof letters / sizeof *letters;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (letters[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    bool letter = low < sizeof letters / sizeof *letters && letters[low].first <= c;
    return letter || c == 0x2019;
}

bool nn_unit_next(int kind, const char *bytes, uint64_t size, uint64_t *at, nn_cell *unit) {
    *unit = (nn_cell){bytes + *at, 0, 0};
    while (*at < size) {
        size_t n = kind == NN_TEXT_BYTE ? 1 : nn_utf8_length(bytes + *at, size - *at);
        if (n == 0) return false;
        uint32_t c = kind == NN_TEXT_WORD ? code_point((const unsigned char *)bytes + *at, n) : 0;
        bool of_word = kind == NN_TEXT_WORD && is_of_word(c), blank = kind == NN_TEXT_WORD && is_blank(c);
        if (unit->length > 0 && !of_word) return true;
        if (unit->length == 0) unit->text = bytes + *at;
        *at += n;
        unit->length += blank ? 0 : (uint32_t)n;
        if (!blank && !of_word) return true;
    }
    return unit->length > 0;
}

// ---- numbers ----

static int32_t *slot_of(const nn_vocabulary *v, const nn_cell *unit) {
    uint64_t at = nn_crc32c(0, unit->text, unit->length) & (v->slot_room - 1);
    while (v->slots[at] != 0 && nn_cell_compare(&v->units[v->slots[at] - 1], unit) != 0)
        at = (at + 1) & (v->slot_room - 1);
    return &v->slots[at];
}

// Room for twice the units that there are, by their hashes.
static nn_status spread(nn_context *ctx, nn_vocabulary *v) {
    nn_drop(ctx, v->slots);
    v->slot_room = 1024;
    while (v->slot_room < (uint64_t)v->count * 4) v->slot_room *= 2;
    v->slots = nn_get(ctx, v->slot_room, sizeof *v->slots);
    for (int64_t k = 0; k < v->count && v->slots != NULL; k++) *slot_of(v, &v->units[k]) = (int32_t)k + 1;
    return ctx->status;
}

// What was read goes, and the texts of units stay.
static nn_status add(nn_context *ctx, nn_vocabulary *v, const nn_cell *unit) {
    enum { CHUNK = 1 << 14 };
    if (unit->length > v->left) {
        v->left = unit->length > CHUNK ? unit->length : CHUNK;
        v->texts = nn_get(ctx, v->left, 1);
        if (v->texts == NULL) return ctx->status;
    }
    if (v->count == v->room) {
        v->room = v->room > 0 ? v->room * 2 : 256;
        v->units = nn_grow(ctx, v->units, (uint64_t)v->room, sizeof *v->units);
        if (v->units == NULL) return ctx->status;
    }
    v->units[v->count++] = (nn_cell){memcpy(v->texts, unit->text, unit->length), unit->length, 0};
    v->texts += unit->length;
    v->left -= unit->length;
    *slot_of(v, unit) = (int32_t)v->count;
    return (uint64_t)v->count * 2 < v->slot_room ? NN_OK : spread(ctx, v);
}

static nn_status malformed(nn_context *ctx, const char *path, const char *bytes, uint64_t at) {
    uint64_t line = 1;
    for (uint64_t k = 0; k < at; k++) line += bytes[k] == '\n';
    return nn_fail(ctx, NN_DATA,
                   "%s:%llu: expected a character in UTF-8, found the byte 0x%02x at offset %llu", path,
                   (unsigned long long)line, (unsigned char)bytes[at], (unsigned long long)at);
}

// How many units there are.
static nn_status count_units(nn_context *ctx, int kind, const char *path, const char *bytes, uint64_t size,
                             uint64_t at, int64_t *count) {
    nn_cell unit;
    for (*count = 0; nn_unit_next(kind, bytes, size, &at, &unit);) ++*count;
    if (at < size) return malformed(ctx, path, bytes, at);
    return *count <= INT32_MAX ? NN_OK : nn_fail(ctx, NN_DATA, "%s: more than %d units", path, INT32_MAX);
}

int32_t nn_unit_number(nn_context *ctx, nn_vocabulary *v, const nn_cell *unit, bool grows) {
    if (v->slots == NULL && spread(ctx, v) != NN_OK) return 0;
    int32_t *slot = slot_of(v, unit);
    if (*slot != 0 || !grows) return *slot;
    return add(ctx, v, unit) == NN_OK ? (int32_t)v->count : 0;
}

nn_status nn_units_read(nn_context *ctx, nn_vocabulary *v, const nn_units_text *of, nn_units *out) {
    uint64_t at =
        of->kind != NN_TEXT_BYTE && of->size >= 3 && memcmp(of->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (count_units(ctx, of->kind, of->path, of->bytes, of->size, at, &out->count) != NN_OK)
        return ctx->status;
    out->numbers = nn_get(ctx, (uint64_t)out->count, sizeof *out->numbers);
    out->unknown = (nn_cell){0};
    nn_cell unit;
    for (int64_t k = 0; k < out->count && ctx->status == NN_OK; k++) {
        nn_unit_next(of->kind, of->bytes, of->size, &at, &unit);
        out->numbers[k] = nn_unit_number(ctx, v, &unit, of->grows);
        if (out->numbers[k] == 0 && out->unknown.text == NULL) out->unknown = unit;
    }
    return ctx->status;
}

// ---- the most frequent ----

typedef struct {
    nn_cell unit;
    int64_t times, before; // before: its number until now
} Counted;

static int compare_counted(const void *a, const void *b) {
    const Counted *x = a, *y = b;
    return x->times != y->times ? (x->times < y->times) - (x->times > y->times)
                                : nn_cell_compare(&x->unit, &y->unit);
}

nn_status nn_vocabulary_choose(nn_context *ctx, nn_vocabulary *v, int64_t limit, const int64_t *times,
                               int32_t *now) {
    Counted *all = nn_get(ctx, (uint64_t)v->count, sizeof *all);
    if (all == NULL) return ctx->status;
    for (int64_t k = 0; k < v->count; k++) all[k] = (Counted){v->units[k], times[k + 1], k + 1};
    qsort(all, (size_t)v->count, sizeof *all, compare_counted);
    int64_t count = 0;
    while (count < v->count && count < limit - 1 && all[count].times > 0) {
        now[all[count].before] = (int32_t)count + 1;
        count++;
    }
    for (int64_t k = 0; k < count; k++) v->units[k] = all[k].unit;
    v->count = count;
    nn_drop(ctx, all);
    return spread(ctx, v);
}

// ---- the list that lies with the weights ----

// A byte that is no ASCII is the character of its number there.
void nn_vocabulary_put(nn_text *out, const nn_vocabulary *v, int kind) {
    for (int64_t k = 0; k < v->count; k++) {
        const nn_cell *unit = &v->units[k];
        unsigned char byte = (unsigned char)unit->text[0];
        char wide[2] = {(char)(0xc0 | byte >> 6), (char)(0x80 | (byte & 0x3f))};
        bool as_wide = kind == NN_TEXT_BYTE && byte >= 0x80;
        nn_text_add(out, k == 0 ? "[" : ",");
        nn_text_json(out, as_wide ? wide : unit->text, as_wide ? 2 : unit->length);
    }
    nn_text_add(out, v->count == 0 ? "[]" : "]");
}

static bool take_unit(nn_context *ctx, nn_json *j, int kind, nn_cell *unit) {
    uint64_t length;
    nn_json again = *j;
    char *text;
    if (!nn_json_peek(j, '"') || !nn_json_string(&again, NULL, 0, &length) || length == 0 ||
        length > UINT32_MAX || (text = nn_get(ctx, length + 1, 1)) == NULL ||
        !nn_json_string(j, text, length + 1, NULL))
        return false;
    bool wide = kind == NN_TEXT_BYTE && length == 2;
    if (wide) *text = (char)code_point((const unsigned char *)text, 2);
    *unit = (nn_cell){text, wide ? 1 : (uint32_t)length, 0};
    return kind != NN_TEXT_BYTE || unit->length == 1;
}

nn_status nn_vocabulary_take(nn_context *ctx, nn_vocabulary *v, const char *list, int kind, int64_t limit) {
    nn_json j = {.at = list, .end = list + strlen(list)};
    bool ok = nn_json_take(&j, '[');
    *v = (nn_vocabulary){0};
    if (spread(ctx, v) != NN_OK) return ctx->status;
    do {
        nn_cell unit;
        ok = ok && v->count < limit - 1 && take_unit(ctx, &j, kind, &unit) && add(ctx, v, &unit) == NN_OK;
    } while (ok && nn_json_take(&j, ','));
    if (ctx->status != NN_OK || (ok && nn_json_take(&j, ']'))) return ctx->status;
    return nn_fail(ctx, NN_DATA,
                   "the vocabulary that lies with the weights is damaged, or has more than %lld units",
                   (long long)limit - 1);
}
