// What words of data blocks and settings ask of their arguments: a row for each type that stands beside a
// parameter in builtins.def. Guarantees: after no error an argument is of its type: a text, a word, or a
// number that is KNOWN and within its limits.
#include "shape/look.h"

#include "abi.h"

#include <ctype.h>
#include <string.h>

typedef struct Argument {
    const char *type;
    bool (*fits)(Place at, const Phrase *p, const struct Argument *row); // false after a message
    const char *what;                                                    // is expected, or it is
    int64_t least, most;
    Dimension unit; // that may stand beside a number
} Argument;

static bool is_word(const Phrase *p, const char *word) {
    return p->node->kind == AST_NAME && string_equal(p->node->name, word);
}

static bool expected(Place at, const Phrase *p, const Argument *row) {
    return fail_false(at.s, WORD_EXPECTED, p->span, row->what);
}

static bool is_text(Place at, const Phrase *p, const Argument *row) {
    return p->kind == PHRASE_TEXT || expected(at, p, row);
}

static bool is_flag(Place at, const Phrase *p, const Argument *row) {
    Shape v = shape_at(at, p);
    return (v.kind == SHAPE_KNOWN && v.type == TYPE_BOOL) || (v.kind != SHAPE_WRONG && expected(at, p, row));
}

// One byte that cannot be part of a cell without quotes.
static bool is_separator(Place at, const Phrase *p, const Argument *row) {
    char c = p->kind == PHRASE_TEXT && strlen(p->text) == 1 ? p->text[0] : '0';
    bool fits = (c >= ' ' || c == '\t') && c != 127 && !isalnum((unsigned char)c) && !strchr("\"+-.", c);
    return fits || expected(at, p, row);
}

static bool is_comment(Place at, const Phrase *p, const Argument *row) {
    bool blank = p->kind == PHRASE_TEXT && *p->text && strchr(" \t", *p->text);
    return blank ? expected(at, p, row) : is_separator(at, p, row);
}

static bool is_one_of(Place at, const Phrase *p, const Argument *row, const char *signs) {
    bool fits = p->kind == PHRASE_TEXT && strlen(p->text) == 1 && strchr(signs, *p->text);
    return fits || expected(at, p, row);
}

static bool is_decimal(Place at, const Phrase *p, const Argument *row) { return is_one_of(at, p, row, ".,"); }

static bool is_thousands(Place at, const Phrase *p, const Argument *row) {
    return is_one_of(at, p, row, ".,'_ ");
}

static bool is_missing(Place at, const Phrase *p, const Argument *row) {
    double value;
    if (p->kind == PHRASE_TEXT) return expected(at, p, row);
    bool word = is_word(p, "mean") || is_word(p, "median") || is_word(p, "error");
    return word || known_at(at, p, row->what, &value);
}

static bool is_own(Place at, const Phrase *p, const Argument *row) {
    return is_word(p, "own") || expected(at, p, row);
}

static bool is_unit(Place at, const Phrase *p, const Argument *row) {
    bool unit = is_word(p, "byte") || is_word(p, "char") || is_word(p, "word");
    return unit || expected(at, p, row);
}

const char *const date_words[] = {"year", "month", "day", "weekday", "seconds", NULL};

static bool is_date(Place at, const Phrase *p, const Argument *row) {
    for (int i = 0; date_words[i]; i++)
        if (is_word(p, date_words[i])) return true;
    return expected(at, p, row);
}

bool lies_in(Place at, Span span, const char *what, int64_t n, int64_t least, int64_t most) {
    if (n >= least && n <= most) return true;
    return fail_false(at.s, SETTING_RANGE, span, what, (long long)least, (long long)most);
}

static bool is_count(Place at, const Phrase *p, const Argument *row) {
    int64_t n;
    if (!count_at(at, p, row->what, row->unit, &n)) return false;
    return lies_in(at, p->span, row->what, n, row->least, row->most);
}

// By its name, if there is a header, or its number: objects have none.
static bool is_column(Place at, const Phrase *p, const Argument *row) {
    const Phrase *header = word_argument(at.s->source, "header");
    if (p->kind != PHRASE_TEXT && phrase_is(at.s->source, "jsonl"))
        return fail_false(at.s, COLUMN_NAMED, p->span, "");
    if (p->kind != PHRASE_TEXT) return is_count(at, p, row);
    bool named = !header || at.s->data->of[header->number].number != 0;
    return named || fail_false(at.s, COLUMN_HEADER, p->span, "");
}

static bool is_columns(Place at, const Phrase *p, const Argument *row) {
    if (p->kind == PHRASE_TEXT) return is_column(at, p, row);
    if (p->kind == PHRASE_RANGE && phrase_is(at.s->source, "jsonl"))
        return fail_false(at.s, COLUMN_NAMED, p->span, "");
    if (p->kind != PHRASE_RANGE)
        return fail_false(at.s, WORD_EXPECTED, p->span,
                          "a range, `columns(0 .. 3)`, or names, `columns(\"a\", \"b\")`");
    if (!is_count(at, p->part[0], row) || !is_count(at, p->part[1], row)) return false;
    double first = at.c->of[p->part[0]->number].number, last = at.c->of[p->part[1]->number].number;
    return first <= last || fail_false(at.s, COLUMN_RANGE, p->span, (long long)first, (long long)last);
}

static bool is_share(Place at, const Phrase *p, const Argument *row) {
    double share;
    if (!known_at(at, p, row->what, &share)) return false;
    if (share > 0 && share < 1) return true;
    Diagnostic *d = fail(at.s, SPLIT_RANGE, p->span, row->what);
    bool percent = share >= 1 && share < 100;
    if (percent)
        diagnostic_meant(at.s->ctx, d, p->span,
                         string_format(at.s->arena, "%s%%", string_of_double(at.s->arena, share)));
    else
        diagnostic_help(at.s->ctx, d, "for example `%s = 20%%`", row->what);
    return false;
}

static bool is_field(Place at, const Phrase *p, const Argument *row) {
    (void)row;
    bool field = p->kind == PHRASE_SLOT && p->slot && p->slot->kind == SLOT_FIELD;
    Shape v = field ? at.c->slot[p->slot->number] : shape_scalar(TYPE_REAL);
    bool fits = shape_is_number(v) && (v.is_class || v.type == TYPE_BOOL);
    return fits || v.kind == SHAPE_WRONG || fail_false(at.s, STRATIFY_CLASS, p->span, "");
}

static bool is_group(Place at, const Phrase *p, const Argument *row) {
    (void)row;
    return group_fits(at, p);
}

static const Argument arguments[] = {
    {"file", is_text, "the name of a file, in quotes", 0, 0, 0},
    {"folder", is_text, "the name of a folder, in quotes", 0, 0, 0},
    {"query", is_text, "a query, in quotes", 0, 0, 0},
    {"first", is_count, "the number of a row's first element", 0, 1, 0},
    {"labels", is_count, "how many labels a picture has", 1, 2, 0},
    {"rate", is_count, "the rate, in samples a second,", 1, 1000000, 0},
    {"height", is_count, "the height", 1, INT32_MAX, 0},
    {"width", is_count, "the width", 1, INT32_MAX, 0},
    {"flag", is_flag, "`true` or `false`", 0, 0, 0},
    {"separator", is_separator,
     "one character in quotes that stands in no number and is no quote and no line's end", 0, 0, 0},
    {"decimal", is_decimal, "`\".\"` or `\",\"`", 0, 0, 0},
    {"thousands", is_thousands, "one of `\",\"`, `\".\"`, `\"'\"`, `\"_\"` and `\" \"`", 0, 0, 0},
    {"comment", is_comment, "one character in quotes that begins no cell, such as `\"#\"`", 0, 0, 0},
    {"missing", is_missing, "a number, `mean`, `median` or `error` for a missing cell", 0, 0, 0},
    {"own", is_own, "`own`, for a class of its own", 0, 0, 0},
    {"column", is_column, "a column's number", 0, INT32_MAX, 0},
    {"columns", is_columns, "a column's number", 0, INT32_MAX, 0},
    {"unit", is_unit, "`byte`, `char` or `word`", 0, 0, 0},
    {"date", is_date, "`year`, `month`, `day`, `weekday` or `seconds`", 0, 0, 0},
    {"vocabulary", is_count, "the vocabulary", 2, INT32_MAX, 0},
    {"offset", is_count, "the row a window begins at, from the sample's own", -INT32_MAX, INT32_MAX, 0},
    {"rows", is_count, "the number of rows", 1, INT32_MAX, 0},
    {"classes", is_count, "the number of classes", 1, INT32_MAX, 0},
    {"limit", is_count, "the limit", 1, INT32_MAX, 0},
    {"folds", is_count, "the number of folds", 2, 1000, 0},
    {"seed", is_count, "the seed", INT64_MIN, INT64_MAX, 0},
    {"test", is_share, "test", 0, 0, 0},
    {"validation", is_share, "validation", 0, 0, 0},
    {"field", is_field, "", 0, 0, 0},
    {"group", is_group, "", 0, 0, 0},
};

// Where the parameter of argument `i` stands; those beyond the last are like the one before "..".
static const char *parameter_of(const char *parameters, int i) {
    const char *at = parameters, *before = parameters, *repeated = "";
    for (; *at; at += strcspn(at, " "), at += *at == ' ') {
        bool dots = strncmp(at, "..", 2) == 0;
        if (dots) repeated = before;
        if (!dots && i-- == 0) return at;
        before = at;
    }
    return repeated;
}

const Phrase *word_argument(const Phrase *p, const char *name) {
    size_t length = strlen(name);
    for (int i = 0; p && p->builtin && i < p->count; i++) {
        const char *parameter = parameter_of(p->builtin->parameters, i);
        if (strncmp(parameter, name, length) == 0 && strchr(": ", parameter[length])) return p->part[i];
    }
    return NULL;
}

int source_kind(const char *name) {
    static const struct {
        const char *name;
        int kind;
    } sources[] = {
#define SOURCE(code, word, kind, what) {word, NN_SOURCE_##kind},
#include "sources.def"
#undef SOURCE
    };
    size_t k = 0;
    while (!string_equal(name, sources[k].name)) k++;
    return sources[k].kind;
}

bool arguments_fit(Place at, const Phrase *p) {
    bool fit = true;
    for (int i = 0; i < p->count; i++) {
        const char *parameter = parameter_of(p->builtin->parameters, i);
        size_t length = strcspn(parameter, " ");
        const char *type = memchr(parameter, ':', length), *end = parameter + length;
        for (size_t k = 0; p->part[i] && type && k < sizeof arguments / sizeof *arguments; k++) {
            const Argument *row = &arguments[k];
            bool own = strlen(row->type) == (size_t)(end - type - 1) &&
                       memcmp(row->type, type + 1, strlen(row->type)) == 0;
            if (own && !row->fits(at, p->part[i], row)) fit = false;
        }
    }
    return fit;
}

// Of a text a window has one number, which stands where the row's expression does otherwise.
bool window_fits(Place at, const Phrase *p) {
    if (!phrase_is(at.s->source, "text")) return true;
    static const Argument first = {"", is_count, "a window's first unit", 0, INT32_MAX, 0};
    if (p->part[1]) return fail_false(at.s, WINDOW_TEXT, p->part[1]->span, "");
    return is_count(at, p->part[0], &first);
}

static const Argument settings[] = {
    {"batch", is_count, "batch", 1, 1 << 24, DIMENSION_NUMBER},
    {"epochs", is_count, "epochs", 0, INT32_MAX, DIMENSION_EPOCHS},
    {"steps", is_count, "steps", 0, INT64_C(1) << 52, DIMENSION_STEPS},
    {"accumulate", is_count, "accumulate", 1, INT32_MAX, DIMENSION_NUMBER},
    {"seed", is_count, "seed", 0, INT64_C(1) << 52, DIMENSION_NUMBER},
    {"stride", is_count, "stride", 1, INT32_MAX, DIMENSION_NUMBER},
};

bool setting_fits(Place at, const char *name, const Phrase *p) {
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (string_equal(settings[i].type, name)) return is_count(at, p, &settings[i]);
    return is_flag(at, p, &(Argument){.what = "`true` or `false`"});
}
