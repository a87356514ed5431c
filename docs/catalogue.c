// Prints the page of all that the library defines: catalogue STDLIB..., its files in the order of the page.
// docs/generate builds and runs it. A definition of one line is its own formula; one of several has a comment
// over it, or the page is not written.
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 4096, LINES = 700 };

typedef struct {
    const char *ours, *theirs;
} Row;

static const Row names[] = {
#define NAME(ours, theirs) {ours, theirs},
#define OUT(why, theirs)
#define WORD(theirs, ours)
#include "syntax/words.def"
#undef NAME
#undef OUT
};

static const Row outside[] = {
#define NAME(ours, theirs)
#define OUT(why, theirs) {why, theirs},
#include "syntax/words.def"
};

enum { NAMES = sizeof names / sizeof *names, OUTSIDE = sizeof outside / sizeof *outside };

// The modules of PyTorch and Keras, by the words before the dots.
static const struct {
    const char *word, *module;
    bool keras;
} modules[] = {
    {"nn", "torch.nn", false},
    {"F", "torch.nn.functional", false},
    {"optim", "torch.optim", false},
    {"lr_scheduler", "torch.optim.lr_scheduler", false},
    {"init", "torch.nn.init", false},
    {"layers", "keras.layers", true},
    {"activations", "keras.activations", true},
    {"losses", "keras.losses", true},
    {"metrics", "keras.metrics", true},
    {"optimizers", "keras.optimizers", true},
    {"schedules", "keras.optimizers.schedules", true},
    {"initializers", "keras.initializers", true},
    {"regularizers", "keras.regularizers", true},
    {"constraints", "keras.constraints", true},
    {"callbacks", "keras.callbacks", true},
};

enum { MODULES = sizeof modules / sizeof *modules };

static int failed;

// ---- the files ----

static char *lines[LINES];
static int count;

static void read_lines(const char *path) {
    static char line[LONGEST];
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    for (int i = 0; i < count; i++) free(lines[i]);
    for (count = 0; count < LINES && fgets(line, sizeof line, file); count++) lines[count] = strdup(line);
    fclose(file);
}

static bool begins(const char *text, const char *word) { return !strncmp(text, word, strlen(word)); }

// Where the names of a definition begin; NULL: the line begins none.
static const char *names_of(const char *line) {
    static const char *const kinds[] = {"layer ", "fn ",      "metric ", "optimizer ",
                                        "clip ",  "average ", "watch "};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins(line, kinds[i])) return line + strlen(kinds[i]);
    return NULL;
}

// The line after the last of the definition that begins at `at`.
static int end_of(int at) {
    int i = at + 1;
    while (i < count && (lines[i][0] == ' ' || lines[i][0] == '}')) i++;
    return i;
}

// ---- what others call it ----

// Is `name` what this row of ours is about? A call is, too.
static bool is_about(const char *ours, const char *name, size_t length) {
    return !strncmp(ours, name, length) && (ours[length] == 0 || ours[length] == '(');
}

static bool of_keras(const char *theirs) {
    for (int m = 0; m < MODULES; m++)
        if (begins(theirs, modules[m].word) && theirs[strlen(modules[m].word)] == '.')
            return modules[m].keras;
    return false;
}

// Their names for one of ours, of PyTorch or Keras. Returns how many.
static int print_theirs(const char *name, size_t length, bool keras, int before) {
    for (int i = 0; i < NAMES; i++) {
        if (!is_about(names[i].ours, name, length)) continue;
        const char *at = names[i].theirs;
        while (*at) {
            size_t n = strcspn(at, " ");
            if (of_keras(at) == keras)
                printf("%s`%.*s`", before++ ? ", " : keras ? "Keras: " : "PyTorch: ", (int)n, at);
            at += n + (at[n] == ' ');
        }
    }
    return before;
}

// ---- entries ----

// The definition's names, one after another: the next one from `*at` on. False after the last.
static bool next_name(const char **at, size_t *length) {
    while (**at == ' ' || **at == ',') ++*at;
    *length = strcspn(*at, " ,(\n");
    return *length && **at != '(';
}

static void print_names(const char *list) {
    size_t n;
    fputs("### ", stdout);
    for (const char *at = list; next_name(&at, &n); at += n)
        printf("%s`%.*s`", at == list ? "" : ", ", (int)n, at);
    puts("\n");
}

static void print_comment(int from, int to) {
    for (int i = from; i < to; i++)
        printf("%s%s", lines[i] + 1 + (lines[i][1] == ' '), i + 1 == to ? "\n" : "");
}

static void print_all_theirs(const char *list) {
    bool any = false;
    for (int keras = 0; keras < 2; keras++) {
        int printed = 0;
        size_t n;
        if (keras && any) fputs(". ", stdout), any = false;
        for (const char *at = list; next_name(&at, &n); at += n)
            printed = print_theirs(at, n, keras, printed);
        any |= printed > 0;
    }
    puts(".\n");
}

static bool has_theirs(const char *list) {
    size_t n;
    for (const char *at = list; next_name(&at, &n); at += n)
        for (int i = 0; i < NAMES; i++)
            if (is_about(names[i].ours, at, n)) return true;
    return false;
}

// What lies apart in a file, to stand below other lines, does not here.
static void print_text(const char *line, bool alone) {
    for (; *line; line++)
        if (!alone || line[0] != ' ' || line[1] != ' ') putchar(*line);
}

// One definition and the comment over it.
static void print_entry(int at, int end) {
    const char *list = names_of(lines[at]);
    int from = at;
    while (from && lines[from - 1][0] == '#') from--;
    if (from == at && end > at + 1) {
        fprintf(stderr, "no comment says what this is: %s", lines[at]);
        failed = 1;
    }
    print_names(list);
    print_comment(from, at);
    if (has_theirs(list)) print_all_theirs(list);
    puts("```");
    for (int i = at; i < end; i++) print_text(lines[i], end == at + 1);
    puts("```\n");
}

// ---- the page ----

static int defined; // definitions with a name of their own

static void count_names(const char *path) {
    read_lines(path);
    size_t n;
    for (int i = 0; i < count; i++)
        for (const char *at = names_of(lines[i]); at && at[0] != '_' && next_name(&at, &n); at += n)
            defined++;
}

// The first lines of a file are its comment: what stands there, as the title of a part.
static void print_file(const char *path) {
    read_lines(path);
    const char *name = strrchr(path, '/') + 1;
    printf("## %.*s\n\n", (int)strcspn(name, "."), name);
    int head = 0;
    while (lines[head][0] == '#') head++;
    if (head) {
        const char *colon = strchr(lines[0], ':');
        printf("%c%s", colon[2] - ('a' <= colon[2] && colon[2] <= 'z' ? 32 : 0), colon + 3);
        print_comment(1, head);
        puts("");
    }
    for (int i = 0; i < count; i++) {
        const char *list = names_of(lines[i]);
        if (list && list[0] != '_') print_entry(i, end_of(i));
    }
}

// A definition, or a word of the language; else it is a notation.
static bool is_name(const char *ours) {
    return ours[strspn(ours, "abcdefghijklmnopqrstuvwxyz0123456789_.")] == 0 && ours[1];
}

static int count_of(const Row *rows, int size, int module, int wanted) {
    int found = 0;
    for (int i = 0; i < size; i++)
        for (const char *at = rows[i].theirs; *at; at += strcspn(at, " "), at += *at == ' ') {
            size_t n = strlen(modules[module].word);
            bool of = begins(at, modules[module].word) && at[n] == '.';
            found += of && (wanted < 0 || is_name(rows[i].ours) == wanted);
        }
    return found;
}

static void print_counts(void) {
    int sums[4] = {0};
    puts("| of | names | a definition or word of ours | said by the notation | not here "
         "|\n|---|---|---|---|---|");
    for (int m = 0; m < MODULES; m++) {
        int own = count_of(names, NAMES, m, 1), said = count_of(names, NAMES, m, 0),
            out = count_of(outside, OUTSIDE, m, -1);
        int row[] = {own + said + out, own, said, out};
        for (int i = 0; i < 4; i++) sums[i] += row[i];
        printf("| %s | %d | %d | %d | %d |\n", modules[m].module, row[0], row[1], row[2], row[3]);
    }
    printf("| all | %d | %d | %d | %d |\n\n", sums[0], sums[1], sums[2], sums[3]);
}

static void print_cell(const char *text) {
    for (; *text; text++) printf(*text == '|' ? "\\|" : "%c", *text);
}

static void print_rows(const Row *rows, int size, bool out) {
    for (int i = 0; i < size; i++) {
        if (!out && is_name(rows[i].ours)) continue;
        fputs("| ", stdout);
        for (const char *at = rows[i].theirs; *at;) {
            size_t n = strcspn(at, " ");
            printf("%s`%.*s`", at == rows[i].theirs ? "" : ", ", (int)n, at);
            at += n + (at[n] == ' ');
        }
        fputs(out ? " | " : " | `", stdout);
        print_cell(rows[i].ours);
        puts(out ? " |" : "` |");
    }
    puts("");
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) count_names(argv[i]);
    printf("# The catalogue\n\nAll %d definitions of the library with their texts, which are their formulas, "
           "and what PyTorch and Keras call "
           "them; what of\nPyTorch and Keras the notation says by itself; and what is not here. Before the "
           "dots stand their modules (`F` is "
           "torch.nn.functional,\n`init` torch.nn.init). Every word of theirs is answered by `nnc` with "
           "ours. Written by `docs/generate` from "
           "`stdlib/` and `compiler/syntax/words.def`.\n\nOf PyTorch 2.13 and Keras 3.15, without what is "
           "only machinery of Python:\n\n",
           defined);
    print_counts();
    puts("## Said by the notation\n\n| theirs | here |\n|---|---|");
    print_rows(names, NAMES, false);
    puts("## Not here, and why\n\n| theirs | |\n|---|---|");
    print_rows(outside, OUTSIDE, true);
    for (int i = 1; i < argc; i++) print_file(argv[i]);
    return failed;
}
