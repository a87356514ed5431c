// Compilations and their source texts: reading, checking the bytes, and finding lines again from spans.
// Guarantees: a Source's text is valid UTF-8 without NUL and without a byte-order mark, of at most 16 MiB.
#define _POSIX_C_SOURCE 200809L
#include "base.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST = 16 << 20 };

Context *context_create(void) {
    Arena *arena = arena_create();
    Context *ctx = arena_new(arena, Context);
    ctx->arena = arena;
    ctx->names = map_create(arena);
    return ctx;
}

void context_destroy(Context *ctx) {
    if (ctx) arena_destroy(ctx->arena);
}

const char *context_intern(Context *ctx, const char *text, size_t length) {
    char *name = string_copy(ctx->arena, text, length);
    const char *known = map_get(ctx->names, name);
    if (known) return known;
    map_set(ctx->names, name, name);
    return name;
}

// The length of the UTF-8 sequence at `s`, or 0 where it is not one.
static size_t sequence(const unsigned char *s, size_t rest) {
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > rest) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; // longer than needed
    if (s[0] == 0xed && s[1] > 0x9f) return 0; // half of a surrogate pair
    if (s[0] == 0xf0 && s[1] < 0x90) return 0;
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; // beyond U+10FFFF
    return n;
}

// Characters that change the direction of what follows: text that reads otherwise than it compiles.
static bool turns(const unsigned char *s, size_t n) {
    if (n == 2) return s[0] == 0xd8 && s[1] == 0x9c; // U+061C
    if (n != 3 || s[0] != 0xe2) return false;
    bool marks = s[1] == 0x80 && ((s[2] >= 0xaa && s[2] <= 0xae) || s[2] == 0x8e || s[2] == 0x8f);
    return marks || (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9); // U+2066 to U+2069
}

static bool check_bytes(Context *ctx, const Source *source, const char *text, size_t length) {
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0, n; i < length; i += n) {
        n = sequence(bytes + i, length - i);
        Span span = {source->base + (uint32_t)i, source->base + (uint32_t)(i + (n ? n : 1))};
        if (!n)
            diagnose(ctx, TEXT_NOT_UTF8, span, bytes[i]);
        else if (!bytes[i])
            diagnose(ctx, TEXT_NUL, span);
        else if (turns(bytes + i, n))
            diagnose(ctx, TEXT_DIRECTION, span);
        else
            continue;
        return false;
    }
    return true;
}

Source *source_add(Context *ctx, const char *name, const char *text, size_t length) {
    uint32_t base = 1;
    if (ctx->sources.count) {
        const Source *last = ctx->sources.data[ctx->sources.count - 1];
        base = last->base + last->length + 1;
    }
    if (length > LARGEST || base > UINT32_MAX - LARGEST - 2) {
        diagnose(ctx, FILE_TOO_LARGE, NO_SPAN, name);
        return NULL;
    }
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        length -= 3;
    }
    Source *source = arena_new(ctx->arena, Source);
    source->name = string_copy(ctx->arena, name, strlen(name));
    source->text = string_copy(ctx->arena, text, length);
    source->base = base;
    source->length = (uint32_t)length;
    vec_push(ctx->arena, &ctx->sources, source);
    return check_bytes(ctx, source, text, length) ? source : NULL;
}

static char *read_all(FILE *file, size_t *length) {
    size_t room = 1 << 16;
    char *text = malloc(room);
    *length = 0;
    while (text) {
        size_t got = fread(text + *length, 1, room - *length, file);
        *length += got;
        if (*length < room || *length > LARGEST) break;
        room *= 2;
        char *larger = realloc(text, room);
        if (!larger) free(text);
        text = larger;
    }
    return text;
}

Source *source_load(Context *ctx, const char *path) {
    struct stat about;
    errno = 0;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &about) != 0 || S_ISDIR(about.st_mode)) {
        diagnose(ctx, FILE_UNREADABLE, NO_SPAN, path,
                 file && errno == 0 ? "it is a directory" : strerror(errno));
        if (file) fclose(file);
        return NULL;
    }
    size_t length;
    char *text = read_all(file, &length);
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    if (!text || failed) {
        diagnose(ctx, FILE_UNREADABLE, NO_SPAN, path, strerror(text ? failed : ENOMEM));
        free(text);
        return NULL;
    }
    Source *source = source_add(ctx, path, text, length);
    free(text);
    return source;
}

const Source *source_of(const Context *ctx, Span span) {
    if (!span.start) return NULL;
    int low = 0, high = ctx->sources.count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (ctx->sources.data[middle]->base <= span.start)
            low = middle;
        else
            high = middle - 1;
    }
    return high < 0 ? NULL : ctx->sources.data[low];
}

void source_position(const Context *ctx, Span span, int *line, int *column) {
    const Source *source = source_of(ctx, span);
    *line = *column = 0;
    if (!source) return;
    uint32_t at = span.start - source->base, from = 0;
    if (at > source->length) at = source->length;
    *line = 1;
    for (const char *end; (end = memchr(source->text + from, '\n', at - from)); (*line)++)
        from = (uint32_t)(end - source->text) + 1;
    *column = (int)(at - from) + 1;
}
