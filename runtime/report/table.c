// Tables of texts, as a text or as a part of a page. Guarantees: what stands in a cell, whoever wrote it, is
// one text of one line; what has no room is left out.
#include "report/page.h"

#include <math.h>

void nn_table_begin(nn_context *ctx, nn_table *t, int64_t rows) {
    *t = (nn_table){.ctx = ctx, .rows = (int)rows};
    nn_text_begin(&t->spare, ctx);
}

nn_text *nn_table_cell(nn_table *t, const char *column) {
    int k = 0;
    while (k < t->columns && !nn_same(t->cells[k][0].bytes, column)) k++;
    if (k == t->columns && k < NN_COLUMNS_MOST &&
        (t->cells[k] = nn_get(t->ctx, (uint64_t)t->rows, sizeof *t->cells[k])) != NULL) {
        for (int r = 0; r < t->rows; r++) nn_text_begin(&t->cells[k][r], t->ctx);
        nn_text_add(&t->cells[t->columns++][0], column);
    }
    nn_text *cell = k < t->columns && t->row > 0 ? &t->cells[k][t->row] : &t->spare;
    nn_text_clear(cell);
    return cell;
}

void nn_table_number(nn_table *t, const char *column, const char *format, double value) {
    nn_text_format(nn_table_cell(t, column), isfinite(value) ? format : "-", value); // NOLINT: one of ours
}

static void put_measure(void *t, const char *name, double value) { nn_table_number(t, name, "%.4g", value); }

void nn_table_measures(nn_table *t, nn_json line) { nn_story_measures(line, put_measure, t); }

const char *nn_table_text(const nn_table *t, int row, int column) { return t->cells[column][row].bytes; }

bool nn_table_differs(const nn_table *t, int column) {
    bool differs = false;
    for (int r = 2; r < t->rows && !differs; r++)
        differs = !nn_same(nn_table_text(t, r, column), nn_table_text(t, 1, column));
    return differs;
}

void nn_table_put(nn_table *t, nn_text *out) {
    int widths[NN_COLUMNS_MOST] = {0};
    for (int k = 0; k < t->rows * t->columns; k++) {
        int c = k % t->columns, wide = nn_text_letters(nn_table_text(t, k / t->columns, c));
        widths[c] = wide > widths[c] ? wide : widths[c];
    }
    for (int r = 0; r < t->rows; r++) {
        for (int c = 0; c < t->columns; c++) {
            nn_text_add(out, c == 0 ? "" : "  ");
            nn_text_fit(out, nn_table_text(t, r, c), widths[c], c > 0);
        }
        nn_text_add(out, "\n");
    }
}

void nn_table_html(nn_table *t, nn_text *out, int how) {
    bool turned = (how & NN_TURNED) != 0;
    int rows = turned ? t->columns : t->rows, columns = turned ? t->rows : t->columns;
    nn_text_add(out, "<div class=\"scroll\"><table>");
    for (int r = 0; r < rows; r++) {
        nn_text_add(out, "<tr>");
        for (int c = 0; c < columns; c++) {
            const char *text = nn_table_text(t, turned ? c : r, turned ? r : c);
            double value;
            bool head = r == 0 || c == 0, drawn = !head && (how & NN_DRAWN) != 0,
                 number = !turned && nn_number_parse(text, strlen(text), &value);
            nn_text_add(out, r == 0            ? "<th scope=\"col\">"
                             : c == 0          ? "<th scope=\"row\">"
                             : drawn || number ? "<td>"
                                               : "<td class=\"text\">");
            if (drawn)
                nn_text_add(out, text);
            else
                nn_html_string(out, text);
            nn_text_add(out, head ? "</th>" : "</td>");
        }
        nn_text_add(out, "</tr>\n");
    }
    nn_text_add(out, "</table></div>\n");
}
