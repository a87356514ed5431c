// Statements, definitions and files to lines: the canonical layout, with the source's comments and single
// blank lines. Guarantees: formatting what was formatted changes nothing; the tree stays the same.
//
// Runs of neighbouring lines of one kind align their `=`, and trailing comments, as far as widths differ by
// at most SPREAD and the line has room.
#include "syntax/print.h"
#include "syntax/syntax.h"
#include <string.h>

enum { SPREAD = 24, ONE_LINE_BLOCK = 72 };

typedef struct {
    const char *text;    // without its indentation; further lines with theirs
    const char *comment; // trailing, or NULL
    int indent;
    int left, sign; // bytes before the sign that is aligned, and the sign's; group 0: none
    int group;
    bool blank; // a blank line before it
} Line;

typedef struct {
    Arena *arena;
    const Source *source; // NULL: a tree without a text
    const Comment *comments;
    bool *used;
    int comment_count;
    int first; // comments before it are used
    VEC(Line) lines;
    int indent;
    bool fresh; // the next line is the first of its block
} Format;

static void print_statement(Format *f, const Node *node);
static void render(Format *f, Text *out);

// ---- lines and comments ----

static void put_line(Format *f, Line line) {
    line.indent = f->indent;
    line.blank = line.blank && !f->fresh && f->lines.count;
    if (strchr(line.text, '\n')) line.group = 0;
    vec_push(f->arena, &f->lines, line);
    f->fresh = false;
}

static bool blank_before(const Format *f, uint32_t at) {
    if (!f->source) return false;
    const char *text = f->source->text, *s = text + (at - f->source->base);
    int ends = 0;
    while (s > text && strchr(" \t\r\n", s[-1])) ends += *--s == '\n';
    return ends > 1;
}

// The first comment at or after a place.
static int comment_at(const Format *f, uint32_t at) {
    int low = 0, high = f->comment_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (f->comments[middle].start < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool in_block(const Node *node, uint32_t at) {
    if (!node) return false;
    if (node->kind == AST_REPEAT && at > node->block->span.start && at < node->block->span.end) return true;
    for (int i = 0; i < 3; i++)
        if (node->kid[i] && in_block(node->kid[i], at)) return true;
    for (int i = 0; i < node->count; i++)
        if (in_block(node->items[i], at)) return true;
    return false;
}

// Comments that stand alone before a statement, or at the end of a block.
static void put_comments(Format *f, uint32_t from, uint32_t to) {
    while (f->first < f->comment_count && f->used[f->first]) f->first++;
    int begin = comment_at(f, from);
    for (int i = begin > f->first ? begin : f->first; i < f->comment_count && f->comments[i].start < to;
         i++) {
        if (f->used[i]) continue;
        f->used[i] = true;
        put_line(f, (Line){.text = f->comments[i].text, .blank = blank_before(f, f->comments[i].start)});
    }
}

// Comments inside a statement go before it; those in blocks of `repeat` stay there. Returns whether the
// statement itself still has the blank line before it.
static bool put_inner_comments(Format *f, const Node *node, uint32_t to) {
    bool blank = blank_before(f, node->span.start);
    for (int i = comment_at(f, node->span.start); i < f->comment_count && f->comments[i].start < to; i++) {
        if (f->used[i] || in_block(node, f->comments[i].start)) continue;
        f->used[i] = true;
        put_line(f, (Line){.text = f->comments[i].text, .blank = blank});
        blank = false;
    }
    return blank;
}

// The comment that follows a place in its line, or NULL.
static const char *trailing(Format *f, uint32_t at) {
    int i = comment_at(f, at);
    if (i == f->comment_count || f->used[i] || f->comments[i].own_line) return NULL;
    const char *from = f->source->text + (at - f->source->base);
    if (memchr(from, '\n', f->comments[i].start - at)) return NULL;
    f->used[i] = true;
    return f->comments[i].text;
}

static void put_trailing(Format *f, uint32_t at) {
    if (f->source) f->lines.data[f->lines.count - 1].comment = trailing(f, at);
}

// ---- expressions ----

static void print_repeat_block(Flat *flat, const Node *block) {
    Format *outer = flat->owner, f = *outer;
    memset(&f.lines, 0, sizeof f.lines);
    f.indent = outer->indent + 1;
    f.fresh = true;
    const char *note = f.source ? trailing(&f, block->span.start + 1) : NULL;
    for (int i = 0; i < block->count; i++) print_statement(&f, block->items[i]);
    put_comments(&f, block->span.start, block->span.end);
    Line first = f.lines.count ? f.lines.data[0] : (Line){.text = ""};
    bool single =
        f.lines.count == 1 && block->count == 1 && !note && !first.comment && !strchr(first.text, '\n');
    if (single && flat_width(first.text) <= ONE_LINE_BLOCK) {
        text_add(&flat->out, "{ %s }", first.text);
        return;
    }
    text_add(&flat->out, "{%s%s\n", note ? "  " : "", note ? note : "");
    render(&f, &flat->out);
    text_add(&flat->out, "%*s}", INDENT * outer->indent, "");
}

static Flat flat_begin(Format *f) {
    return (Flat){.out = {.arena = f->arena}, .owner = f, .block = print_repeat_block};
}

// `left sign value` as a line that aligns with its neighbours of the same group.
// `over`: what stands after the value, or NULL.
static void put_setting(Format *f, const char *left, const char *sign, const Node *value, const Node *over,
                        int group, bool blank) {
    Text out = {.arena = f->arena};
    Flat flat = flat_begin(f);
    flat_expression(&flat, value, 0);
    if (over) {
        text_put(&flat.out, " over ");
        flat_operand(&flat, over, 0);
    }
    text_add(&out, "%s %s ", left, sign);
    const char *right = text_string(&flat.out);
    int margin = INDENT * f->indent + CONTINUED, column = INDENT * f->indent + flat_width(text_string(&out));
    if (strcmp(sign, "with") != 0 && flat_better_below(right, column, margin)) {
        out.chars.count--;
        text_add(&out, "\n%*s", margin, "");
        column = margin;
    }
    flat_fill(&out, right, column, margin);
    put_line(f, (Line){.text = text_string(&out),
                       .left = (int)strlen(left),
                       .sign = (int)strlen(sign),
                       .group = group,
                       .blank = blank});
}

static void put_flat(Format *f, Flat *flat, bool blank) {
    Text out = {.arena = f->arena};
    flat_fill(&out, text_string(&flat->out), INDENT * f->indent, INDENT * f->indent + CONTINUED);
    put_line(f, (Line){.text = text_string(&out), .blank = blank});
}

// ---- statements ----

static const char *left_text(Format *f, const Node *node) {
    Flat flat = flat_begin(f);
    if (node->kind == AST_PARAM || node->kind == AST_STATE) {
        text_add(&flat.out, "%s ", node_kind_word(node->kind));
        flat_tensor(&flat, node, 0);
    } else if (node->kind == AST_ASSIGN)
        flat_expression(&flat, node->target, 0);
    else
        text_put(&flat.out, node->name);
    return flat_plain(f->arena, text_string(&flat.out));
}

static void print_block(Format *f, const Node *block) {
    put_trailing(f, block->span.start + 1);
    f->indent++;
    f->fresh = true;
    for (int i = 0; i < block->count; i++) print_statement(f, block->items[i]);
    if (f->source) put_comments(f, block->span.start, block->span.end);
    f->indent--;
    f->fresh = false;
    put_line(f, (Line){.text = "}"});
}

static void print_recur(Format *f, const Node *node, bool blank) {
    Flat flat = flat_begin(f);
    text_put(&flat.out, "recur ");
    flat_operand(&flat, node->range, 1);
    text_add(&flat.out, "%s from ", node->reversed ? " reversed" : "");
    flat_list(&flat, node->items, node->count, 0);
    text_put(&flat.out, " {");
    put_flat(f, &flat, blank);
    print_block(f, node->block);
}

static void print_clause(Format *f, const Node *clause) {
    Flat flat = flat_begin(f);
    if (clause->over) {
        text_put(&flat.out, "over ");
        flat_operand(&flat, clause->over, 0);
    }
    const char *over = flat_plain(f->arena, text_string(&flat.out));
    if (clause->over) {
        put_setting(f, over, "with", clause->value, NULL, AST_CLAUSE, false);
        return;
    }
    text_put(&flat.out, "with ");
    flat_expression(&flat, clause->value, 0);
    put_flat(f, &flat, false);
}

static void print_minimize(Format *f, const Node *node, bool blank) {
    Flat flat = flat_begin(f);
    text_put(&flat.out, "minimize ");
    flat_simple(&flat, node->value, 2);
    if (node->count == 1) {
        const Node *clause = node->items[0];
        Flat one = flat_begin(f);
        text_put(&one.out, text_string(&flat.out));
        if (clause->over) {
            text_put(&one.out, " over ");
            flat_operand(&one, clause->over, 2);
        }
        text_put(&one.out, " with ");
        flat_expression(&one, clause->value, 2);
        const char *line = flat_plain(f->arena, text_string(&one.out));
        if (INDENT * f->indent + flat_width(line) <= LINE_WIDTH && !strchr(line, '\n')) {
            put_line(f, (Line){.text = line, .blank = blank});
            return;
        }
    }
    put_flat(f, &flat, blank);
    f->indent++;
    for (int i = 0; i < node->count; i++) {
        if (f->source) put_comments(f, node->span.start, node->items[i]->span.start);
        print_clause(f, node->items[i]);
        if (i + 1 < node->count) put_trailing(f, node->items[i]->span.end);
    }
    f->indent--;
}

static void print_define(Format *f, const Node *node, bool blank) {
    Flat flat = flat_begin(f), value = flat_begin(f);
    text_add(&flat.out, "%s %s", definition_row(node->definition)->word, node->name);
    for (int i = 1; node->names && i < node->names->count; i++)
        text_add(&flat.out, ", %s", node->names->items[i]->name);
    text_put(&flat.out, "(");
    flat_list(&flat, node->items, node->count, 2);
    text_put(&flat.out, ")");
    if (node->results) {
        bool several = node->results->count > 1 || node->results->parens;
        text_add(&flat.out, "%c%c-> %s", BREAK, OUTERMOST, several ? "(" : "");
        flat_list(&flat, node->results->items, node->results->count, 2);
        text_put(&flat.out, several ? ")" : "");
    }
    if (node->body->kind == AST_BLOCK) {
        text_put(&flat.out, " {");
        put_flat(f, &flat, blank);
        print_block(f, node->body);
        return;
    }
    const char *head = flat_plain(f->arena, text_string(&flat.out));
    flat_expression(&value, node->body, 0);
    const char *body = text_string(&value.out);
    if (flat_width(head) + 3 + flat_width(body) <= LINE_WIDTH) {
        put_setting(f, head, "=", node->body, NULL, AST_COUNT + (int)node->definition, blank);
        return;
    }
    Text out = {.arena = f->arena};
    flat_fill(&out, text_string(&flat.out), 0, CONTINUED);
    text_add(&out, " =\n%*s", INDENT, "");
    flat_fill(&out, body, INDENT, CONTINUED);
    put_line(f, (Line){.text = text_string(&out), .blank = blank});
}

static void print_headed(Format *f, const Node *node, bool blank) {
    Flat flat = flat_begin(f);
    if (node->kind == AST_DATA) {
        text_add(&flat.out, "data %s = ", node->name);
        flat_operand(&flat, node->source, 0);
    } else if (node->kind == AST_TRAIN) {
        text_put(&flat.out, "train ");
        flat_list(&flat, node->items, node->count, 0);
        text_add(&flat.out, " on %s", node->name);
    } else {
        text_put(&flat.out, node->name);
    }
    text_put(&flat.out, " {");
    put_flat(f, &flat, blank);
    print_block(f, node->block);
}

static const Node *block_of(const Node *node) {
    switch ((int)node->kind) {
    case AST_DATA:
    case AST_TRAIN:
    case AST_PART:
    case AST_RECUR: return node->block;
    case AST_DEFINE: return node->body->kind == AST_BLOCK ? node->body : NULL;
    default: return NULL;
    }
}

static void print_alone(Format *f, const Node *node, bool blank) {
    Flat flat = flat_begin(f);
    if (node->kind == AST_ASSERT) {
        text_put(&flat.out, "assert ");
        flat_operand(&flat, node->value, 0);
    } else if (node->kind == AST_RESULT && !f->fresh)
        flat_statement(&flat, node->value, 0);
    else if (node->kind == AST_RESULT)
        flat_expression(&flat, node->value, 0);
    else
        flat_expression(&flat, node, 0);
    put_flat(f, &flat, blank);
}

static void print_statement(Format *f, const Node *node) {
    const Node *block = block_of(node);
    bool blank = false;
    if (f->source) {
        uint32_t clauses =
            node->kind == AST_MINIMIZE && node->count > 1 ? node->items[0]->span.start : node->span.end;
        put_comments(f, f->source->base, node->span.start);
        blank = put_inner_comments(f, node, block ? block->span.start : clauses);
    }
    switch ((int)node->kind) {
    case AST_PARAM:
    case AST_STATE:
    case AST_ASSIGN:
    case AST_CONSTANT: {
        const char *sign = node->kind == AST_ASSIGN ? operator_text(node->op) : "=";
        const Node *over = node->kind == AST_ASSIGN ? node->chosen : NULL;
        put_setting(f, left_text(f, node), sign, node->value, over, (int)node->kind, blank);
        break;
    }
    case AST_RECUR: print_recur(f, node, blank); break;
    case AST_MINIMIZE: print_minimize(f, node, blank); break;
    case AST_DEFINE: print_define(f, node, blank); break;
    case AST_DATA:
    case AST_TRAIN:
    case AST_PART: print_headed(f, node, blank); break;
    default: print_alone(f, node, blank); break;
    }
    put_trailing(f, node->span.end);
}

static void print_file(Format *f, const Node *file) {
    for (int i = 0; i < file->count; i++) {
        int line = f->lines.count;
        const Node *item = node_written(file->items[i]),
                   *before = i ? node_written(file->items[i - 1]) : NULL;
        if (item == before) continue;
        print_statement(f, item);
        bool apart = before && (block_of(item) || block_of(before));
        if (!f->source && apart) f->lines.data[line].blank = true;
    }
    if (f->source) put_comments(f, file->span.start, file->span.end + 1);
}

// ---- alignment ----

static int sign_end(const Line *line) {
    int columns = 0;
    for (int i = 0; i < line->left; i++) columns += ((unsigned char)line->text[i] & 0xc0) != 0x80;
    return columns + 1 + line->sign;
}

// The widest of `count` widths that is at most SPREAD above the least.
static int common_width(const int *widths, int count) {
    int least = widths[0], common = 0;
    for (int i = 1; i < count; i++)
        if (widths[i] < least) least = widths[i];
    for (int i = 0; i < count; i++)
        if (widths[i] <= least + SPREAD && widths[i] > common) common = widths[i];
    return common;
}

static void align_signs(Format *f) {
    int *widths = arena_array(f->arena, int, f->lines.count + 1);
    for (int i = 0, end; i < f->lines.count; i = end) {
        const Line *first = &f->lines.data[i];
        for (end = i + 1; end < f->lines.count; end++) {
            const Line *next = &f->lines.data[end];
            if (next->group != first->group || next->indent != first->indent || next->blank) break;
        }
        if (!first->group) continue;
        for (int j = i; j < end; j++) widths[j] = sign_end(&f->lines.data[j]);
        int common = common_width(widths + i, end - i);
        for (int j = i; j < end; j++) {
            Line *line = &f->lines.data[j];
            int pad = common > widths[j] ? common - widths[j] : 0;
            if (INDENT * line->indent + flat_width(line->text) + pad > LINE_WIDTH) pad = 0;
            line->text = string_format(f->arena, "%.*s%*s%s", line->left, line->text, pad, "",
                                       line->text + line->left);
        }
    }
}

// Columns of the last of a line's lines.
static int line_end(const Line *line) {
    const char *last = strrchr(line->text, '\n');
    return last ? flat_width(last + 1) : INDENT * line->indent + flat_width(line->text);
}

static void render(Format *f, Text *out) {
    align_signs(f);
    int *widths = arena_array(f->arena, int, f->lines.count + 1), common = 0, end = 0;
    for (int i = 0; i < f->lines.count; i++) {
        const Line *line = &f->lines.data[i];
        if (i >= end) {
            for (end = i; end < f->lines.count && f->lines.data[end].comment; end++) {
                if (end > i && f->lines.data[end].blank) break;
                widths[end] = line_end(&f->lines.data[end]);
            }
            common = end > i ? common_width(widths + i, end - i) : 0;
        }
        text_add(out, "%s%*s%s", line->blank ? "\n" : "", INDENT * line->indent, "", line->text);
        if (line->comment)
            text_add(out, "%*s  %s", common > widths[i] ? common - widths[i] : 0, "", line->comment);
        text_put(out, "\n");
    }
}

void source_print(Text *out, Context *ctx, const Source *source, const Node *file) {
    Comment *comments;
    Format f = {.arena = ctx->arena, .source = source};
    f.comment_count = source_comments(ctx, source, &comments);
    f.comments = comments;
    f.used = arena_array(ctx->arena, bool, f.comment_count + 1);
    print_file(&f, file);
    render(&f, out);
}

static bool stands_alone(const Node *node) {
    switch ((int)node->kind) {
    case AST_DATA:
    case AST_DEFINE:
    case AST_TRAIN:
    case AST_ASSERT:
    case AST_CONSTANT:
    case AST_PARAM:
    case AST_STATE:
    case AST_ASSIGN:
    case AST_PART:
    case AST_RECUR:
    case AST_MINIMIZE: return true;
    default: return false;
    }
}

void node_print(Text *out, const Node *node) {
    Format f = {.arena = out->arena};
    if (node->kind == AST_FILE)
        print_file(&f, node);
    else if (node->kind == AST_BLOCK)
        for (int i = 0; i < node->count; i++) print_statement(&f, node->items[i]);
    else if (stands_alone(node))
        print_statement(&f, node);
    else {
        Flat flat = flat_begin(&f);
        flat_expression(&flat, node->kind == AST_RESULT ? node->value : node, 0);
        text_put(out, flat_plain(out->arena, text_string(&flat.out)));
        return;
    }
    render(&f, out);
}

const char *node_text(Arena *arena, const Node *node) {
    Text text = {.arena = arena};
    node_print(&text, node);
    return text_string(&text);
}
