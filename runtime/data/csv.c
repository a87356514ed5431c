// CSV as RFC 4180 has it, LF or CRLF; a byte-order mark, blank lines, blanks around a cell and comments are
// skipped. A file is divided into pieces that begin at lines, which threads read side by side.
// Needs the file in memory, ended by a NUL. Guarantees: linear time, bounded memory, and a message with line
// and column for whatever is wrong, the first one; what is read does not depend on the number of threads.
#include "data/csv.h"

#include "parallel/pool.h"

#include <stdio.h>
#include <string.h>

enum { PIECE = 4 << 20 };

// What lies between two places of the file; `ends`: last bytes of lines that are not empty.
typedef struct {
    uint64_t newlines, ends, quotes;
    bool zero;
} Counts;

// A part of the file: where its records begin, and of which row and line the first is. `stop`: where the
// first record behind it begins, as its own records end.
typedef struct {
    const char *from, *to, *stop;
    int64_t row, room, rows; // room: of the piece behind it, the row
    uint32_t line;
    Counts counts;
    nn_context ctx;
    nn_texts texts;
} Piece;

typedef struct {
    const nn_csv *csv;
    const char *end;
    uint32_t columns;
    const nn_csv_take *takes; // of each column
    Piece *pieces;
    int64_t count;
} Work;

// ---- what lies in a piece ----

static uint64_t sum_of(const unsigned char *v, int lanes) {
    uint64_t sum = 0;
    for (int k = 0; k < lanes; k++) sum += v[k];
    return sum;
}

// Bytes are compared many at a time, and counted in bytes for as long as these hold.
static Counts count_bytes(const char *from, const char *to) {
    typedef unsigned char Lanes __attribute__((vector_size(16)));
    enum { LANES = sizeof(Lanes), ROUNDS = 255 };
    Counts c = {0};
    while (to - from >= LANES) {
        Lanes lines = {0}, ends = {0}, quotes = {0}, zeros = {0}, v, next;
        for (int k = 0; k < ROUNDS && to - from >= LANES; k++, from += LANES) {
            memcpy(&v, from, sizeof v);
            memcpy(&next, from + 1, sizeof next); // a zero follows the file
            lines -= (Lanes)(v == '\n');
            ends -= (Lanes)((v != '\n') & (next == '\n'));
            quotes -= (Lanes)(v == '"');
            zeros |= (Lanes)(v == 0);
        }
        c.newlines += sum_of((const unsigned char *)&lines, LANES);
        c.ends += sum_of((const unsigned char *)&ends, LANES);
        c.quotes += sum_of((const unsigned char *)&quotes, LANES);
        c.zero = c.zero || sum_of((const unsigned char *)&zeros, LANES) > 0;
    }
    for (; from < to; from++) {
        c.newlines += *from == '\n';
        c.ends += *from != '\n' && from[1] == '\n';
        c.quotes += *from == '"';
        c.zero = c.zero || *from == 0;
    }
    return c;
}

// The records that begin in a piece. One that goes beyond it, into what was taken for another's beginning, is
// left to what comes after.
static void read_piece(const Work *w, Piece *p) {
    nn_csv own = *w->csv;
    nn_csv_reader r = {.ctx = &p->ctx, .csv = &own, .texts = &p->texts, .end = w->end, .takes = w->takes};
    r.at = r.line_start = p->from;
    r.line = p->line;
    r.columns = w->columns;
    own.rows = p->row;
    r.room = p->room;
    p->stop = p->from;
    while (true) {
        nn_csv_comments(&r);
        p->stop = r.at < p->to ? r.at : p->to; // comments go on in the next
        if (r.at >= p->to || nn_csv_record(&r) != NN_OK || r.at > p->to) break;
        if (!r.blank && nn_csv_row(&r) != NN_OK) break;
    }
    p->rows = own.rows - p->row;
    nn_drop(&p->ctx, r.cells);
}

static void count_one(void *of, int64_t k) {
    Piece *p = &((Work *)of)->pieces[k];
    p->counts = count_bytes(p->from, p->to);
}

static void read_one(void *of, int64_t k) { read_piece(of, &((Work *)of)->pieces[k]); }

// ---- pieces ----

static nn_status cut(nn_context *ctx, Work *w, const char *from) {
    int64_t size = w->end - from, piece = w->csv->piece > 0 ? w->csv->piece : PIECE;
    w->count = (size + piece - 1) / piece;
    w->pieces = nn_get(ctx, (uint64_t)w->count, sizeof *w->pieces);
    for (int64_t k = 0; k < w->count && w->pieces != NULL; k++) {
        w->pieces[k].from = from + k * piece;
        w->pieces[k].to = k + 1 < w->count ? from + (k + 1) * piece : w->end;
    }
    return ctx->status;
}

// Each piece begins behind the first newline that stands in no quotes, where quotes are what they mostly are;
// what was taken wrong is seen when the piece before is read. One without such a newline belongs to that
// before.
static void place_pieces(Work *w) {
    bool quoted = w->count > 0 && (w->pieces->counts.quotes & 1) != 0;
    Piece *open = w->pieces; // whose bytes those at hand are
    for (int64_t k = 1; k < w->count; k++) {
        Piece *p = &w->pieces[k];
        const char *at = p->from;
        bool inside = quoted;
        quoted ^= p->counts.quotes & 1;
        for (; at < p->to && (*at != '\n' || inside); at++) inside ^= *at == '"';
        bool found = at < p->to;
        Counts moved = found ? count_bytes(p->from, at + 1) : p->counts;
        p->counts.newlines -= moved.newlines;
        p->counts.ends -= moved.ends;
        open->counts.newlines += moved.newlines;
        open->counts.ends += moved.ends;
        p->from = found ? at + 1 : NULL;
        open->to = found ? at + 1 : p->to;
        open = found ? p : open;
    }
    const char *next = w->end;
    for (int64_t k = w->count - 1; k >= 0; k--) {
        Piece *p = &w->pieces[k];
        if (p->from == NULL) p->from = p->to = next;
        next = p->from;
    }
}

// Of which row and line each piece's first is; returns how many rows there are at most. A row has an end or a
// separator for each of its cells.
static uint64_t number_pieces(Work *w, uint32_t line) {
    uint64_t rows = 0;
    for (int64_t k = 0; k < w->count; k++) {
        Piece *p = &w->pieces[k];
        uint64_t most = (uint64_t)(p->to - p->from) / w->columns + 1;
        p->row = (int64_t)rows;
        p->line = line;
        rows += p->counts.ends < most ? p->counts.ends : most;
        p->room = (int64_t)rows + (k + 1 == w->count); // a last line may have no end
        line += (uint32_t)p->counts.newlines;
    }
    return rows + 1;
}

// Texts hold no zero byte: binary files do, and UTF-16.
static nn_status no_text(nn_csv_reader *r) {
    const char *zero = memchr(r->at, 0, (size_t)(r->end - r->at));
    for (const char *p = r->at; p < zero && (p = memchr(p, '\n', (size_t)(zero - p))) != NULL;
         r->line_start = ++p)
        r->line++;
    return nn_csv_fail_at(r, zero, "expected text (in UTF-8), found a zero byte");
}

// Moves the rows of a piece to where those before it end.
static void close_gap(nn_csv *csv, const Piece *p) {
    size_t rows = (size_t)p->rows;
    if (p->row == csv->rows || rows == 0) return;
    memmove(csv->lines + csv->rows, csv->lines + p->row, rows * sizeof *csv->lines);
    for (int32_t k = 0; k < csv->want_count; k++) {
        const nn_csv_want *w = &csv->wants[k];
        size_t n = (size_t)w->count;
        if (w->texts)
            memmove(w->cells + csv->rows * w->count, w->cells + p->row * w->count,
                    rows * n * sizeof *w->cells);
        else
            memmove(w->values + csv->rows * w->count, w->values + p->row * w->count,
                    rows * n * sizeof *w->values);
    }
}

// In the order of the file: a piece that does not begin where the one before it ended is read again from
// there.
static nn_status join_pieces(nn_context *ctx, Work *w, nn_csv *csv) {
    for (int64_t k = 0; k < w->count; k++) {
        Piece *p = &w->pieces[k];
        const char *before = k > 0 ? w->pieces[k - 1].stop : p->from;
        if (ctx->status == NN_OK && p->from != before) {
            nn_context_end(&p->ctx);
            p->ctx = (nn_context){0};
            p->texts = (nn_texts){0};
            p->line -= (uint32_t)count_bytes(before, p->from).newlines;
            p->from = before;
            p->row = csv->rows;
            read_piece(w, p);
        }
        if (p->ctx.status != NN_OK) nn_fail(ctx, p->ctx.status, "%s", p->ctx.message);
        if (ctx->status == NN_OK) close_gap(csv, p);
        csv->rows += p->rows;
        nn_context_join(ctx, &p->ctx);
        nn_texts_join(&csv->texts, &p->texts);
    }
    return ctx->status;
}

// ---- the whole ----

static nn_status read_rows(nn_csv_reader *head, nn_csv *csv, const char *from, uint32_t line) {
    nn_context *ctx = head->ctx;
    Work w = {.csv = csv, .end = head->end, .columns = head->columns, .takes = head->takes};
    if (cut(ctx, &w, from) != NN_OK) return ctx->status;
    nn_each(csv->threads, w.count, count_one, &w);
    for (int64_t k = 0; k < w.count; k++)
        if (w.pieces[k].counts.zero) return no_text(head);
    place_pieces(&w);
    if (nn_wants_room(ctx, csv, number_pieces(&w, line)) != NN_OK) return ctx->status;
    nn_each(csv->threads, w.count, read_one, &w);
    join_pieces(ctx, &w, csv);
    nn_drop(ctx, w.pieces);
    return ctx->status;
}

// Up to the first record, whose place is noted; it is blank where there is none.
static nn_status first_record(nn_csv_reader *r, const char **from, uint32_t *line) {
    for (r->blank = true; r->blank;) {
        nn_csv_comments(r);
        *from = r->at;
        *line = r->line;
        if (r->at == r->end || nn_csv_record(r) != NN_OK) break;
    }
    return r->ctx->status;
}

nn_status nn_csv_parse(nn_context *ctx, nn_csv *csv, const char *bytes, uint64_t size) {
    const char *start = bytes + (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0), *from = start;
    nn_csv_reader all = {.ctx = ctx,
                         .csv = csv,
                         .texts = &csv->texts,
                         .at = start,
                         .line_start = bytes,
                         .end = bytes + size,
                         .line = 1};
    nn_csv_reader r = all;
    uint32_t line = 1;
    nn_status status = first_record(&r, &from, &line);
    const char *known = status == NN_OK ? r.at : r.end;
    if (known > start && memchr(start, 0, (size_t)(known - start)) != NULL) {
        nn_forget(ctx);
        return no_text(&all);
    }
    if (status == NN_OK && r.blank)
        return nn_fail(ctx, NN_DATA, "%s: expected %s, found an empty file", csv->path,
                       csv->header ? "a header line" : "rows");
    if (status != NN_OK || nn_csv_head(&r) != NN_OK) return ctx->status;
    all.columns = r.columns;
    all.takes = r.takes;
    read_rows(&all, csv, csv->header ? r.at : from, csv->header ? r.line : line);
    nn_drop(ctx, r.cells);
    nn_drop(ctx, (void *)(uintptr_t)r.takes);
    return ctx->status;
}
