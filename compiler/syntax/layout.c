// Brackets and lines: repairs brackets that do not match, and puts an end-of-line token where a statement
// ends. Guarantees: brackets match afterwards, each `}` follows `{` or an end of line, the last token before
// END is an end of line, and every token knows how many braces stand around it. Without that,
// `parser->stopped` is set.
//
// Brackets are judged for each definition by itself: a definition that begins in the first column ends the
// one before. Only where they do not match does the indentation decide what was forgotten.
#include "syntax/syntax.h"
#include <string.h>

// In a definition of more than LARGE tokens only the first fault is looked for: each costs a walk over all of
// it.
enum { MOST_OPEN = 256, MOST_FAULTS = 60, LARGE = 20000 };

typedef enum { FAULT_NONE, FAULT_INSERT, FAULT_DROP, FAULT_REPLACE, FAULT_DEEP } FaultKind;

typedef struct {
    FaultKind kind;
    int at;          // the token dropped or replaced, or before which one is put in
    TokenKind token; // put in, or in its place
    int opener;      // the bracket it is about, or -1
} Fault;

static bool opens(TokenKind kind) {
    return kind == TOKEN_LEFT_PAREN || kind == TOKEN_LEFT_BOX || kind == TOKEN_LEFT_BRACE;
}

// In the table each opening bracket stands before its closing one.
static bool closes(TokenKind kind) { return kind > 0 && opens(kind - 1); }
static TokenKind closer(TokenKind open) { return open + 1; }
static TokenKind opener(TokenKind close) { return close - 1; }

static TokenKind kind_at(const Parser *p, int i) { return (TokenKind)p->tokens.data[i].kind; }

// The indentation of the statement a token stands in: of its line, or of one before that goes on in it.
static uint32_t indent(const Parser *p, int i) {
    for (; i > 0; i--)
        if (p->tokens.data[i].first && !token_continues(kind_at(p, i)) && !token_goes_on(kind_at(p, i - 1)))
            break;
    return token_column(p, i);
}

static bool begins_definition(const Parser *p, int i) {
    if (!p->tokens.data[i].first || token_column(p, i) != 0 || i + 1 >= p->tokens.count) return false;
    TokenKind kind = kind_at(p, i), next = kind_at(p, i + 1);
    bool named = next == TOKEN_IDENTIFIER || token_class(next) == CLASS_SOFT;
    return kind >= TOKEN_DATA && kind <= TOKEN_ASSERT && named && !p->tokens.data[i + 1].first;
}

// How many brackets of the tokens do not match, by the plainest reading; `skip` and `change` try a repair.
static int mismatches(const Parser *p, int from, int to, const Fault *try) {
    TokenKind stack[MOST_OPEN + 1];
    int depth = 0, count = 0;
    for (int i = from; i < to; i++) {
        TokenKind list[2] = {kind_at(p, i)};
        int n = 1;
        if (try && try->at == i) {
            if (try->kind == FAULT_DROP) n = 0;
            if (try->kind == FAULT_REPLACE) list[0] = try->token;
            if (try->kind == FAULT_INSERT) {
                list[n++] = list[0];
                list[0] = try->token;
            }
        }
        for (int j = 0; j < n; j++) {
            if (opens(list[j]) && depth <= MOST_OPEN) stack[depth++] = closer(list[j]);
            if (!closes(list[j])) continue;
            int match = depth - 1;
            while (match >= 0 && stack[match] != list[j] && stack[match] != TOKEN_RIGHT_BRACE) match--;
            if (list[j] == TOKEN_RIGHT_BRACE)
                while (match >= 0 && stack[match] != TOKEN_RIGHT_BRACE) match--;
            if (match < 0 || stack[match] != list[j]) {
                count++;
                continue;
            }
            count += depth - 1 - match;
            depth = match;
        }
    }
    return count + depth;
}

// The last token of the line that begins with token i and goes on where the rules of lines say so.
static int line_last(const Parser *p, int i, int to) {
    int open = 0;
    for (; i + 1 < to; i++) {
        TokenKind kind = kind_at(p, i);
        if (opens(kind) && kind != TOKEN_LEFT_BRACE) open++;
        if (closes(kind) && kind != TOKEN_RIGHT_BRACE && open) open--;
        bool ends = p->tokens.data[i + 1].first && !open && !token_goes_on(kind) &&
                    !token_continues(kind_at(p, i + 1));
        if (ends) break;
    }
    return i;
}

// A `}` deeper than what is open: the line before it of the same indentation that has deeper ones below lacks
// its `{`.
static Fault missing_brace(const Parser *p, int from, int at, int to) {
    uint32_t depth = token_column(p, at);
    for (int i = at - 1; i >= from; i--) {
        if (!p->tokens.data[i].first || token_column(p, i) > depth) continue;
        if (token_column(p, i) < depth || closes(kind_at(p, i))) break;
        int ends[2] = {line_last(p, i, to), i}; // of the statement's line, of the text's
        while (ends[1] + 1 < to && !p->tokens.data[ends[1] + 1].first) ends[1]++;
        bool cut = token_goes_on(kind_at(p, ends[1])) && mismatches(p, i, ends[1], NULL) == 0;
        for (int k = 0; k < 2; k++) {
            int last = ends[cut ? 1 - k : k];
            bool below =
                last + 1 < at && token_column(p, last + 1) > depth && kind_at(p, last) != TOKEN_LEFT_BRACE;
            if (below) return (Fault){FAULT_INSERT, last + 1, TOKEN_LEFT_BRACE, -1};
        }
        break;
    }
    return (Fault){FAULT_NONE, at, TOKEN_END, -1};
}

// The repair of several that leaves least to be repaired; of equal ones the first.
static Fault least(const Parser *p, int from, int to, const Fault *faults, int count) {
    int best = 0, fewest = mismatches(p, from, to, &faults[0]);
    for (int i = 1; i < count; i++) {
        int left = mismatches(p, from, to, &faults[i]);
        if (left >= fewest) continue;
        fewest = left;
        best = i;
    }
    return faults[best];
}

// Could the innermost bracket be meant to close the one around it? A `}` stands first in its line.
static bool may_close(const Parser *p, const int *stack, int depth) {
    if (depth < 2) return false;
    return kind_at(p, stack[depth - 2]) != TOKEN_LEFT_BRACE || p->tokens.data[stack[depth - 1]].first;
}

// A closing bracket that does not fit what is open (stack[depth - 1], or nothing).
static Fault wrong_closer(const Parser *p, int from, int at, int to, const int *stack, int depth) {
    TokenKind kind = kind_at(p, at);
    int top = depth ? stack[depth - 1] : -1, count = 0;
    if (top < 0 && kind == TOKEN_RIGHT_BRACE && p->tokens.data[at].first) {
        Fault missing = missing_brace(p, from, at, to);
        if (missing.kind != FAULT_NONE) return missing;
    }
    if (top < 0) return (Fault){FAULT_DROP, at, kind, -1};
    TokenKind open = kind_at(p, top);
    Fault faults[7], block = {FAULT_REPLACE, top, opener(kind), at};
    if (open != TOKEN_LEFT_BRACE) faults[count++] = (Fault){FAULT_INSERT, at, closer(open), top};
    if (kind == TOKEN_RIGHT_BRACE && p->tokens.data[at].first) faults[count++] = block;
    faults[count++] = (Fault){FAULT_REPLACE, at, closer(open), top};
    faults[count++] = (Fault){FAULT_DROP, at, kind, -1};
    faults[count++] = block;
    if (may_close(p, stack, depth))
        faults[count++] = (Fault){FAULT_REPLACE, top, closer(kind_at(p, stack[depth - 2])), stack[depth - 2]};
    faults[count++] = (Fault){FAULT_DROP, top, open, -1};
    return least(p, from, to, faults, count);
}

// Brackets left open at the end of a definition.
static Fault left_open(const Parser *p, int from, int to, const int *stack, int depth) {
    int top = stack[depth - 1], count = 0;
    Fault faults[3];
    faults[count++] = (Fault){FAULT_INSERT, to, closer(kind_at(p, top)), top};
    if (may_close(p, stack, depth))
        faults[count++] = (Fault){FAULT_REPLACE, top, closer(kind_at(p, stack[depth - 2])), stack[depth - 2]};
    if (depth > 1) faults[count++] = (Fault){FAULT_DROP, top, kind_at(p, top), -1};
    return least(p, from, to, faults, depth > 1 ? count : 1);
}

// Is this `{` one too many? Directly after another, or before more in its line that has no `}` for it.
static bool brace_too_many(const Parser *p, int from, int at, int to) {
    Fault drop = {FAULT_DROP, at, TOKEN_LEFT_BRACE, -1};
    bool after = at > from && kind_at(p, at - 1) == TOKEN_LEFT_BRACE, first = p->tokens.data[at].first;
    int open = 1, i = at + 1;
    for (; i < to && !p->tokens.data[i].first && open; i++)
        open += (kind_at(p, i) == TOKEN_LEFT_BRACE) - (kind_at(p, i) == TOKEN_RIGHT_BRACE);
    bool within = i > at + 1 && open;
    return (after || first || within) && mismatches(p, from, to, &drop) < mismatches(p, from, to, NULL);
}

// A `}` that fits what is open, but not the indentation: one is missing before it, its `{` is, or it is one
// too many.
static Fault odd_brace(const Parser *p, int from, int at, int to, const int *stack, int depth) {
    int top = stack[depth - 1];
    bool first = p->tokens.data[at].first, deeper = first && token_column(p, at) > indent(p, top);
    bool outer = depth > 1 && kind_at(p, stack[depth - 2]) == TOKEN_LEFT_BRACE;
    if (first && outer && token_column(p, at) < indent(p, top))
        return (Fault){FAULT_INSERT, at, TOKEN_RIGHT_BRACE, top};
    Fault missing = {FAULT_NONE, at, TOKEN_RIGHT_BRACE, -1}, drop = {FAULT_DROP, at, TOKEN_RIGHT_BRACE, -1};
    if (deeper) missing = missing_brace(p, from, at, to);
    if (missing.kind != FAULT_NONE) return missing;
    bool odd = deeper || (!first && p->tokens.data[top].line != p->tokens.data[at].line);
    if (odd && mismatches(p, from, to, &drop) < mismatches(p, from, to, NULL)) return drop;
    return missing;
}

// A bracket of another kind in the same line, before the one that does not fit: the repair that leaves
// nothing, if any.
static Fault earlier_in_line(const Parser *p, int from, int at, int to) {
    int now = mismatches(p, from, to, NULL), tried = 0;
    for (int i = at - 1; i >= from && p->tokens.data[i].line == p->tokens.data[at].line && tried < 16; i--) {
        if (!opens(kind_at(p, i)) && !closes(kind_at(p, i))) continue;
        tried++;
        for (TokenKind k = TOKEN_LEFT_PAREN; k <= TOKEN_RIGHT_BRACE; k++) {
            Fault fault = {FAULT_REPLACE, i, k, at};
            if (k != kind_at(p, i) && now > 1 && mismatches(p, from, to, &fault) == 0) return fault;
        }
    }
    return (Fault){FAULT_NONE, at, TOKEN_END, -1};
}

// Does the line of token i stand so far left that the bracket must have been forgotten before it?
static bool forgotten(const Parser *p, int i, int open) {
    const Token *token = &p->tokens.data[i];
    if (!token->first || closes((TokenKind)token->kind) || token->line == p->tokens.data[open].line)
        return false;
    if (token_column(p, i) > indent(p, open)) return false;
    if (kind_at(p, open) != TOKEN_LEFT_BRACE) return true;
    for (int j = open + 1; j < i; j++)
        if (p->tokens.data[j].first) return token_column(p, j) > indent(p, open);
    return false;
}

// The first fault of one definition's brackets.
static Fault find_fault(const Parser *p, int from, int to) {
    int stack[MOST_OPEN], depth = 0;
    bool wrong = mismatches(p, from, to, NULL) > 0;
    for (int i = from; i < to; i++) {
        TokenKind kind = kind_at(p, i);
        int top = depth ? stack[depth - 1] : -1;
        if (wrong && top >= 0 && forgotten(p, i, top))
            return (Fault){FAULT_INSERT, i, closer(kind_at(p, top)), top};
        if (wrong && kind == TOKEN_LEFT_BRACE && brace_too_many(p, from, i, to))
            return (Fault){FAULT_DROP, i, kind, -1};
        if (wrong && kind == TOKEN_LEFT_BRACE && top >= 0 && kind_at(p, top) != TOKEN_LEFT_BRACE) {
            Fault closes_it = {FAULT_REPLACE, i, closer(kind_at(p, top)), top};
            if (mismatches(p, from, to, &closes_it) + 1 < mismatches(p, from, to, NULL)) return closes_it;
        }
        if (opens(kind)) {
            if (depth == MOST_OPEN) return (Fault){FAULT_DEEP, i, kind, -1};
            stack[depth++] = i;
        }
        if (!closes(kind)) continue;
        if (top < 0 || closer(kind_at(p, top)) != kind) {
            Fault here = wrong_closer(p, from, i, to, stack, depth), earlier = {FAULT_NONE, i, kind, -1};
            if (mismatches(p, from, to, &here)) earlier = earlier_in_line(p, from, i, to);
            return earlier.kind != FAULT_NONE ? earlier : here;
        }
        if (wrong && kind == TOKEN_RIGHT_BRACE) {
            Fault fault = odd_brace(p, from, i, to, stack, depth);
            if (fault.kind != FAULT_NONE) return fault;
        }
        depth--;
    }
    if (!depth) return (Fault){FAULT_NONE, from, TOKEN_END, -1};
    return left_open(p, from, to, stack, depth);
}

// Lines that a dropped bracket had joined: what follows from it is not reported there either.
static void quieten(Parser *p, int at) {
    for (int i = at; i > 0; i--) {
        p->reported[p->tokens.data[i].line] = true;
        if (p->tokens.data[i].first && !token_goes_on(kind_at(p, i - 1))) break;
    }
}

// What was put in stands alone in its line with something else: that line has its message.
static void quieten_line(Parser *p, int at) {
    bool alone = at + 1 < p->tokens.count && p->tokens.data[at + 1].first;
    TokenKind kind = kind_at(p, at);
    if (alone || (kind != TOKEN_IDENTIFIER && token_class(kind) != CLASS_SOFT))
        p->reported[p->tokens.data[at].line] = true;
}

static void report_insert(Parser *p, const Fault *fault) {
    Token before = p->tokens.data[fault->at - 1],
          open = p->tokens.data[fault->opener < 0 ? fault->at - 1 : fault->opener];
    bool brace = fault->token == TOKEN_LEFT_BRACE, end = fault->token == TOKEN_RIGHT_BRACE;
    // no block begins after an operator: what is wrong is the `{` itself, and the grammar says so
    if (end && fault->opener > 0 && token_goes_on(kind_at(p, fault->opener - 1))) return;
    Token place = brace || end ? before : open;
    if (!parser_report(p, place.start)) return;
    Span span = brace || end ? parser_span(p, before.end, before.end) : parser_span(p, open.start, open.end);
    if (brace)
        diagnose(p->ctx, BRACE_MISSING, span);
    else if (!end)
        diagnose(p->ctx, BRACKET_OPEN, span, token_spelling((TokenKind)open.kind));
    else {
        Diagnostic *d = diagnose(p->ctx, BRACE_OPEN, span);
        diagnostic_note(p->ctx, d, parser_span(p, open.start, open.end), "it would close this `{`");
        quieten_line(p, fault->at);
    }
}

static void report(Parser *p, const Fault *fault) {
    Token token = p->tokens.data[fault->at];
    bool closing = closes((TokenKind)token.kind), follows = token.line > 0 && p->reported[token.line - 1];
    if (follows && closing && fault->kind != FAULT_INSERT)
        p->reported[token.line] = true; // the other half of the one above
    if (fault->kind == FAULT_INSERT) {
        report_insert(p, fault);
        return;
    }
    if (!parser_report(p, token.start)) return;
    Span span = parser_span(p, token.start, token.end);
    const char *spelling = token_spelling((TokenKind)token.kind);
    if (fault->kind == FAULT_DEEP)
        diagnose(p->ctx, NESTING, span);
    else if (fault->kind == FAULT_DROP) {
        diagnose(p->ctx, opens((TokenKind)token.kind) ? BRACKET_OPEN : BRACKET_STRAY, span, spelling);
        quieten(p, fault->at);
    } else if (fault->kind == FAULT_REPLACE) {
        Token other = p->tokens.data[fault->opener];
        Diagnostic *d = diagnose(p->ctx, BRACKET_OTHER, span, token_spelling(fault->token), spelling);
        diagnostic_note(p->ctx, d, parser_span(p, other.start, other.end), "it belongs to this `%s`",
                        token_spelling((TokenKind)other.kind));
    }
}

static void repair(Parser *p, const Fault *fault) {
    int at = fault->at;
    if (fault->kind == FAULT_REPLACE) p->tokens.data[at].kind = (uint8_t)fault->token;
    if (fault->kind == FAULT_DROP) {
        if (p->tokens.data[at].first) p->tokens.data[at + 1].first = true;
        p->tokens.count--;
        memmove(&p->tokens.data[at], &p->tokens.data[at + 1], (size_t)(p->tokens.count - at) * sizeof(Token));
    }
    if (fault->kind == FAULT_INSERT) {
        const Token *before = &p->tokens.data[at - 1];
        Token token = {.kind = (uint8_t)fault->token,
                       .forged = true,
                       .start = before->end,
                       .end = before->end,
                       .line = before->line};
        vec_push(p->scratch, &p->tokens, token);
        memmove(&p->tokens.data[at + 1], &p->tokens.data[at],
                (size_t)(p->tokens.count - 1 - at) * sizeof(Token));
        p->tokens.data[at] = token;
    }
}

static void repair_all(Parser *p) {
    int faults = 0;
    for (int from = 0, to; from < p->tokens.count - 1; from = to) {
        for (to = from + 1; to < p->tokens.count - 1 && !begins_definition(p, to);) to++;
        for (Fault fault; (fault = find_fault(p, from, to)).kind != FAULT_NONE;) {
            report(p, &fault);
            if (fault.kind == FAULT_DEEP || ++faults > MOST_FAULTS || to - from > LARGE) {
                p->stopped = true;
                return;
            }
            repair(p, &fault);
            to += fault.kind == FAULT_INSERT ? 1 : fault.kind == FAULT_DROP ? -1 : 0;
        }
    }
}

// A line that begins with this token: does it go on from the one before? Reports what could be meant both
// ways.
static bool goes_on(Parser *p, int i, TokenKind before) {
    const Token *token = &p->tokens.data[i];
    TokenKind kind = (TokenKind)token->kind;
    if (begins_definition(p, i) || kind == TOKEN_END) return false;
    if (token_goes_on(before)) return true;
    char next = p->source->text[token->end];
    if (kind == TOKEN_SUB && next != ' ' && next != '\t' && parser_report(p, token->start))
        diagnose(p->ctx, LINE_MINUS, parser_span(p, token->start, token->end));
    if (kind == TOKEN_LEFT_BRACE && parser_report(p, token->start))
        diagnose(p->ctx, LINE_BRACE, parser_span(p, token->start, token->end));
    if (kind == TOKEN_LEFT_BRACE && i) p->reported[p->tokens.data[i - 1].line] = true;
    return token_continues(kind) || kind == TOKEN_LEFT_BRACE;
}

static void end_lines(Parser *p) {
    VEC(Token) out = {0};
    bool braces[MOST_OPEN + 1] = {0};
    int open = 0, depth = 0;
    for (int i = 0; i < p->tokens.count; i++) {
        Token token = p->tokens.data[i];
        TokenKind kind = (TokenKind)token.kind;
        Token before = out.count ? out.data[out.count - 1] : (Token){.kind = TOKEN_NEWLINE};
        bool begun = before.kind != TOKEN_NEWLINE && before.kind != TOKEN_LEFT_BRACE;
        bool inside = open > 0 && !braces[open - 1];
        bool breaks = kind == TOKEN_RIGHT_BRACE || kind == TOKEN_END ||
                      (begun && token.first && !inside && !goes_on(p, i, (TokenKind)before.kind));
        if (begun && breaks) {
            Token end = {.kind = TOKEN_NEWLINE,
                         .start = before.end,
                         .end = before.end,
                         .line = before.line,
                         .depth = depth};
            vec_push(p->scratch, &out, end);
        }
        if (opens(kind)) braces[open++] = kind == TOKEN_LEFT_BRACE;
        if (closes(kind)) open--;
        if (kind == TOKEN_RIGHT_BRACE) depth--;
        token.depth = depth;
        if (kind == TOKEN_LEFT_BRACE) depth++;
        vec_push(p->scratch, &out, token);
    }
    p->tokens.data = out.data;
    p->tokens.count = out.count;
    p->tokens.room = out.room;
}

void layout_run(Parser *parser) {
    repair_all(parser);
    if (!parser->stopped) end_lines(parser);
}
