// IDX and NPY: arrays in files. Only the head is read here; the elements stay as they are in the file.
// Guarantees: shapes are checked without overflow against the bytes that are there; none may be missing or
// left over.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

static nn_status lay_out(nn_context *ctx, const char *path, nn_array *a, uint64_t head) {
    int64_t length = a->size;
    for (int d = 0; d < a->rank; d++) {
        if (__builtin_mul_overflow(length, a->dims[d], &length))
            return nn_fail(ctx, NN_DATA, "%s: the shape in the file's head is too large", path);
    }
    a->head = head;
    a->length = (uint64_t)length;
    return NN_OK;
}

nn_status nn_array_take(nn_context *ctx, const char *path, nn_array *a, const unsigned char *b,
                        uint64_t size) {
    a->bytes = b + a->head;
    if (size == a->head + a->length) return NN_OK;
    char found[32] = "more";
    if (size < a->head + a->length) snprintf(found, sizeof found, "%lld", (long long)(size - a->head));
    return nn_fail(ctx, NN_DATA, "%s: expected %lld bytes of elements, found %s", path, (long long)a->length,
                   found);
}

nn_status nn_idx_parse(nn_context *ctx, const char *path, const unsigned char *b, uint64_t size,
                       nn_array *out) {
    static const struct {
        unsigned char code;
        char type;
        int size;
    } types[] = {{0x08, 'u', 1}, {0x09, 'i', 1}, {0x0b, 'i', 2},
                 {0x0c, 'i', 4}, {0x0d, 'f', 4}, {0x0e, 'f', 8}};
    *out = (nn_array){.big_endian = true};
    if (size < 4 || b[0] != 0 || b[1] != 0)
        return nn_fail(ctx, NN_DATA, "%s: expected an IDX file, which begins with two zero bytes", path);
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        if (types[k].code == b[2]) {
            out->type = types[k].type;
            out->size = types[k].size;
        }
    }
    if (out->size == 0)
        return nn_fail(ctx, NN_DATA, "%s: expected an IDX type 0x08, 0x09 or 0x0b .. 0x0e, found 0x%02x",
                       path, b[2]);
    out->rank = b[3];
    if (out->rank < 1 || out->rank > 8)
        return nn_fail(ctx, NN_DATA, "%s: expected 1 to 8 dimensions, found %d", path, out->rank);
    uint64_t head = 4 + 4 * (uint64_t)out->rank;
    if (size < head)
        return nn_fail(ctx, NN_DATA, "%s: expected %llu bytes of head, found %llu", path,
                       (unsigned long long)head, (unsigned long long)size);
    for (int d = 0; d < out->rank; d++) {
        const unsigned char *p = b + 4 + 4 * d;
        out->dims[d] = (int64_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
    }
    return lay_out(ctx, path, out, head);
}

// The head of an .npy file is a dictionary in Python's notation: {'descr': '<f4', 'fortran_order': False,
// 'shape': (3, 4), }.
typedef struct {
    const char *at, *end;
} Text;

static void skip_blanks(Text *t) {
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n')) t->at++;
}

static bool take(Text *t, const char *word) {
    skip_blanks(t);
    size_t n = strlen(word);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0) return false;
    t->at += n;
    return true;
}

static bool quoted(Text *t, char *out, size_t room) {
    skip_blanks(t);
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"')) return false;
    char quote = *t->at++;
    size_t n = 0;
    while (t->at < t->end && *t->at != quote) {
        if (n + 1 >= room) return false;
        out[n++] = *t->at++;
    }
    out[n] = '\0';
    return t->at++ < t->end;
}

static bool shape(Text *t, nn_array *a) {
    if (!take(t, "(")) return false;
    while (!take(t, ")")) {
        skip_blanks(t);
        const char *start = t->at;
        while (t->at < t->end && *t->at >= '0' && *t->at <= '9') t->at++;
        int64_t n;
        if (a->rank == 8 || !nn_integer_parse(start, (uint64_t)(t->at - start), &n) || n < 0) return false;
        if (*start == '0' && t->at - start > 1) return false;
        a->dims[a->rank++] = n;
        if (take(t, ",")) continue;
        skip_blanks(t);
        if (t->at == t->end || *t->at != ')' || a->rank == 1) return false; // (3) is a number, (3,) a shape
    }
    return true;
}

static bool type_of(const char *descr, nn_array *a) {
    static const char known[][3] = {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "b1"};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (!nn_same(descr + 1, known[k])) continue;
        a->type = known[k][0];
        a->size = known[k][1] - '0';
        a->big_endian = descr[0] == '>';
        return descr[0] == '<' || descr[0] == '>' || (a->size == 1 && descr[0] == '|');
    }
    return false;
}

static nn_status head_of(nn_context *ctx, const char *path, Text t, nn_array *a) {
    char key[32], descr[32] = "";
    bool order = false, fortran = false, shaped = false;
    bool ok = take(&t, "{");
    while (ok && !take(&t, "}")) {
        ok = quoted(&t, key, sizeof key) && take(&t, ":");
        if (ok && nn_same(key, "descr"))
            ok = descr[0] == '\0' && quoted(&t, descr, sizeof descr);
        else if (ok && nn_same(key, "fortran_order"))
            ok = !order && (order = true) && ((fortran = take(&t, "True")) || take(&t, "False"));
        else if (ok && nn_same(key, "shape"))
            ok = !shaped && (shaped = shape(&t, a));
        else
            ok = false;
        ok = ok && (take(&t, ",") || (t.at < t.end && *t.at == '}'));
    }
    skip_blanks(&t);
    if (!ok || t.at != t.end || !order || !shaped || descr[0] == '\0')
        return nn_fail(ctx, NN_DATA, "%s: the head of the .npy file is damaged", path);
    if (fortran && a->rank > 1)
        return nn_fail(ctx, NN_DATA, "%s: expected an array in C order, found Fortran order", path);
    if (!type_of(descr, a))
        return nn_fail(ctx, NN_DATA, "%s: expected elements f4 f8 i1 i2 i4 i8 u1 u2 u4 or bool, found '%s'",
                       path, descr);
    return NN_OK;
}

nn_status nn_npy_parse(nn_context *ctx, const char *path, const unsigned char *b, uint64_t size,
                       nn_array *out) {
    *out = (nn_array){0};
    if (size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return nn_fail(ctx, NN_DATA, "%s: expected an .npy file, which begins with \\x93NUMPY", path);
    if (b[6] < 1 || b[6] > 3)
        return nn_fail(ctx, NN_DATA, "%s: expected version 1 to 3 of the .npy format, found %d", path, b[6]);
    uint64_t start = b[6] == 1 ? 10 : 12;
    if (size < start) return nn_fail(ctx, NN_DATA, "%s: the head of the .npy file is cut off", path);
    uint64_t length =
        b[6] == 1 ? (uint64_t)b[8] | (uint64_t)b[9] << 8
                  : (uint64_t)b[8] | (uint64_t)b[9] << 8 | (uint64_t)b[10] << 16 | (uint64_t)b[11] << 24;
    if (start + length > NN_HEAD_ROOM)
        return nn_fail(ctx, NN_DATA, "%s: the head of the .npy file is longer than 64 KB", path);
    if (length > size - start) return nn_fail(ctx, NN_DATA, "%s: the head of the .npy file is cut off", path);
    Text head = {(const char *)b + start, (const char *)b + start + length};
    if (head_of(ctx, path, head, out) != NN_OK) return ctx->status;
    return lay_out(ctx, path, out, start + length);
}
