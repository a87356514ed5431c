// Compilations and their source texts: reading, checking the bytes, and finding lines again from spans.
// Guarantees: a Source's text is valid UTF-8 without NUL and without a byte-order mark, of at most 16 MiB.
#define _POSIX_C_SOURCE 200809L
#include "base.h"
#include "utf8.h"
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

static bool check_bytes(Context *ctx, const Source *source, const char *text, size_t length) {
    for (size_t i = 0, n; i < length; i += n) {
        n = nn_utf8_length(text + i, length - i);
        Span span = {source->base + (uint32_t)i, source->base + (uint32_t)(i + (n ? n : 1))};
        if (!n)
            diagnose(ctx, TEXT_NOT_UTF8, span, (unsigned char)text[i]);
        else if (!text[i])
            diagnose(ctx, TEXT_NUL, span);
        else if (nn_utf8_turns(text + i, n))
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
        if (!larger) memory_exhausted(room);
        text = larger;
    }
    if (!text) memory_exhausted(room);
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
