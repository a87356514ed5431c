// Flat texts to lines: breaks at the loosest places first, as few as the width asks for.
#include "syntax/print.h"
#include <string.h>

static bool starts_character(char c) { return ((unsigned char)c & 0xc0) != 0x80; }

// The columns of text[0 .. length), up to its first end of line.
static int width(const char *text, size_t length) {
    int columns = 0;
    for (size_t i = 0; i < length && text[i] && text[i] != '\n'; i++) {
        columns += starts_character(text[i]);
        if (text[i] == BREAK) i++;
    }
    return columns;
}

int flat_width(const char *flat) { return width(flat, strlen(flat)); }

static const char *last_line(const char *text, size_t length) {
    const char *line = NULL;
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\n') line = text + i + 1;
    return line;
}

// The loosest level at which text[0 .. length) may break, or 0.
static int loosest(const char *text, size_t length) {
    int level = 0;
    for (size_t i = 0; i + 1 < length; i++) {
        if (text[i] != BREAK) continue;
        i++;
        if (!level || text[i] < level) level = text[i];
    }
    return level;
}

static void put_plain(Text *out, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        text_add(out, "%c", text[i] == BREAK ? ' ' : text[i]);
        if (text[i] == BREAK) i++;
    }
}

const char *flat_plain(Arena *arena, const char *flat) {
    Text out = {.arena = arena};
    put_plain(&out, flat, strlen(flat));
    return text_string(&out);
}

// Where the part that begins at `from` ends: at the next break of this level.
static size_t part_end(const char *text, size_t from, size_t length, int level) {
    while (from < length && !(text[from] == BREAK && text[from + 1] == level))
        from += text[from] == BREAK ? 2 : 1;
    return from;
}

// Lays out text[0 .. length) from `column` on and returns the column after it; `after`: columns that must
// follow it. A part that was broken stands alone: what follows it begins a line, and what is inside it is
// indented more.
static int fill(Text *out, const char *text, size_t length, int column, int indent, int after, bool *broken) {
    int level = loosest(text, length), columns = width(text, length);
    const char *line = last_line(text, length);
    if (!level || column + columns + (line ? 0 : after) <= LINE_WIDTH) {
        put_plain(out, text, length);
        return line ? width(line, length - (size_t)(line - text)) : column + columns;
    }
    bool inner = false;
    for (size_t from = 0; from < length;) {
        size_t to = part_end(text, from, length, level);
        bool last = to >= length;
        int need = width(text + from, to - from) + (last ? after : 0);
        if (from && (inner || column + 1 + need > LINE_WIDTH)) {
            text_add(out, "\n%*s", indent, "");
            column = indent;
            *broken = true;
        } else if (from) {
            text_put(out, " ");
            column++;
        }
        inner = false;
        column = fill(out, text + from, to - from, column, indent + INDENT, last ? after : 0, &inner);
        *broken |= inner;
        from = to + 2;
    }
    return column;
}

void flat_fill(Text *out, const char *flat, int column, int indent) {
    bool broken = false;
    fill(out, flat, strlen(flat), column, indent, 0, &broken);
}

bool flat_better_below(const char *flat, int column, int indent) {
    size_t length = strlen(flat);
    int level = loosest(flat, length);
    if (column + width(flat, length) <= LINE_WIDTH) return false;
    if (!level || level > OUTERMOST + 1) return indent + width(flat, length) <= LINE_WIDTH;
    int need = width(flat, part_end(flat, 0, length, level));
    return column + need > LINE_WIDTH && indent + need <= LINE_WIDTH;
}
