// The library against PyTorch: every tests/library/NAME.ref holds the losses of fifty steps and the final
// weights that PyTorch gets from the same initial weights and rows, and what else reference.py there says. In
// double precision they agree within 1e-5 of the largest element, in single within 1e-3, and in bf16, where
// PyTorch rounds what products read, within 1e-5. Two programs are built and run at a time. Every definition
// of the library that can be compiled must stand in a case, and every option of it must be given in one.
#include "support/stdlib.h"

#include <dirent.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char name[128];
    int count, rows; // rows: of a matrix whose Gram matrix this is
    double *values;
} Block;
enum { MAX_CASES = 512, FEW_UPDATES = 3 };

static char *slurp(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *text = malloc((size_t)n + 1);
    if (text && fread(text, 1, (size_t)n, f) != (size_t)n) {
        free(text);
        text = NULL;
    }
    fclose(f);
    if (text) {
        text[n] = 0;
        *size = (size_t)n;
    }
    return text;
}

static bool read_block(FILE *f, Block *b) {
    if (fscanf(f, "%d", &b->count) != 1) return false;
    b->rows = strncmp(b->name, "gram.", 5) ? 0 : b->count;
    if (b->rows && fscanf(f, "%d", &b->count) != 1) return false;
    b->values = malloc(sizeof(double) * (size_t)(b->count + 1));
    for (int i = 0; i < b->count; i++)
        if (!b->values || fscanf(f, "%lf", &b->values[i]) != 1) return false;
    return true;
}

// Every block of a file. Their number, or 0: there is none, or something else.
static int read_reference(const char *path, Block **blocks) {
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    Block *all = NULL, next = {0};
    int n = 0;
    while (fscanf(f, "%127s", next.name) == 1) {
        all = realloc(all, sizeof *all * (size_t)(n + 1));
        if (!all || !read_block(f, &next)) {
            n = 0;
            break;
        }
        all[n++] = next;
    }
    fclose(f);
    *blocks = all;
    return n;
}

// The largest difference, relative to the largest element of the reference; infinite where it is a NaN.
static double worst(const double *a, const double *b, int n) {
    double difference = 0, largest = 1e-5; // what is smaller is a zero and its roundings
    for (int i = 0; i < n; i++) {
        double d = fabs(a[i] - b[i]);
        if (!(d <= difference)) difference = isnan(d) ? INFINITY : d;
        if (fabs(b[i]) > largest) largest = fabs(b[i]);
    }
    return difference / largest;
}

// A JSON number, or the numbers of an array.
static int read_values(const char *at, double *values, int room) {
    bool array = *at == '[';
    int n = 0;
    if (array) at++;
    while (n < room) {
        char *end;
        values[n] = strtod(at, &end);
        if (end == at) break;
        n++;
        if (!array || *end != ',') break;
        at = end + 1;
    }
    return n;
}

// The numbers of a key in the log's lines of one event, one after the other.
static bool read_log(const char *log, const char *event, const char *key, double *values, int count) {
    size_t size;
    char *text = slurp(log, &size), start[64], quoted[160];
    int n = 0;
    snprintf(start, sizeof start, "{\"event\": \"%s\"", event);
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    for (char *line = text, *next; line && n < count; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        const char *at = strncmp(line, start, strlen(start)) ? NULL : strstr(line, quoted);
        if (at) n += read_values(at + strlen(quoted), values + n, count - n);
    }
    free(text);
    return n == count;
}

// All elements of a tensor of a weights file; NULL: there is none of this name.
static double *read_tensor(const char *file, size_t size, const char *name, int *count) {
    uint64_t header;
    unsigned long first, last;
    char key[160];
    if (size < 8) return NULL;
    memcpy(&header, file, 8);
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(file + 8, key), *offsets = at ? strstr(at, "\"data_offsets\":") : NULL;
    if (!offsets || sscanf(strchr(offsets, '['), "[%lu,%lu", &first, &last) != 2 || 8 + header + last > size)
        return NULL;
    const char *wide = strstr(at, "F64");
    size_t width = wide && wide < offsets ? 8 : 4;
    *count = (int)((last - first) / width);
    double *values = calloc((size_t)*count + 1, sizeof *values);
    for (int i = 0; values && i < *count; i++) {
        const char *from = file + 8 + header + first + width * (size_t)i;
        float single;
        memcpy(width == 8 ? (void *)&values[i] : (void *)&single, from, width);
        if (width == 4) values[i] = (double)single;
    }
    return values;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Products of the rows or the columns of a matrix, whichever are fewer.
static void gram(const double *m, int rows, int columns, double *out) {
    int n = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    int step = rows < columns ? 1 : columns, next = rows < columns ? columns : 1;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < length; k++) sum += m[i * next + k * step] * m[j * next + k * step];
            out[i * n + j] = sum;
        }
}

typedef struct {
    const char *log, *file;
    size_t size;
} Outcome;

// What a block is about, in this run.
static bool block_values(const Outcome *run, const Block *block, double *own) {
    const char *name = block->name;
    if (!strcmp(name, "losses")) return read_log(run->log, "step", "loss", own, block->count);
    if (!strcmp(name, "lr")) return read_log(run->log, "step", "lr", own, block->count);
    if (!strncmp(name, "log.", 4)) return read_log(run->log, "epoch", name + 4, own, block->count);
    const char *const kinds[] = {"sorted.", "range.", "gram."};
    const char *kind = NULL;
    for (int i = 0; i < 3; i++)
        if (!strncmp(name, kinds[i], strlen(kinds[i]))) kind = kinds[i];
    int n = 0;
    double *values = read_tensor(run->file, run->size, kind ? name + strlen(kind) : name, &n);
    bool good = values && n >= block->count;
    if (good && !kind) {
        good = n == block->count;
        memcpy(own, values, sizeof *own * (size_t)block->count);
    } else if (good && kind == kinds[2]) {
        int side = (int)lround(sqrt(block->count));
        gram(values, block->rows, n / block->rows, own);
        good = side == (block->rows < n / block->rows ? block->rows : n / block->rows);
    } else if (good) {
        qsort(values, (size_t)n, sizeof *values, by_value);
        for (int k = 0; k < block->count; k++)
            own[k] = values[kind == kinds[1] ? k * (n - 1) : (2 * k + 1) * n / (2 * block->count)];
    }
    free(values);
    return good;
}

static int compare(const char *what, const Block *blocks, int n, const char *log, const char *weights,
                   double tolerance) {
    Outcome run = {.log = log};
    char *file = slurp(weights, &run.size);
    run.file = file;
    if (!file) {
        printf("%s: no weights\n", what);
        return 1;
    }
    int bad = 0;
    for (int i = 0; i < n; i++) {
        if (!strcmp(blocks[i].name, "tolerance")) {
            tolerance = blocks[i].values[0];
            continue;
        }
        double *own = calloc((size_t)blocks[i].count + 1, sizeof *own);
        bool found = own && block_values(&run, &blocks[i], own);
        double error = found ? worst(own, blocks[i].values, blocks[i].count) : INFINITY;
        if (!(error <= tolerance)) {
            printf("%s: %s %s %.2g\n", what, blocks[i].name, found ? "differs by" : "is missing:", error);
            bad = 1;
        }
        free(own);
    }
    free(file);
    return bad;
}

// An example's case runs the example itself.
static void program_of(const char *name, char *path, size_t room, char *options, size_t options_room) {
    const char *example = strncmp(name, "example_", 8) ? NULL : name + 8;
    if (example)
        snprintf(path, room, TEST_ROOT "/examples/%s/%s.nn", example, example);
    else
        snprintf(path, room, TEST_ROOT "/tests/library/%s.nn", name);
    snprintf(options, options_room, "%s--data " TEST_ROOT "/%s", example ? "--steps 50 " : "",
             example ? "examples" : "tests/library");
}

static int run_case(const char *name, const char *work) {
    static const struct {
        const char *precision;
        double tolerance;
    } modes[] = {{"double", 1e-5}, {"default", 1e-3}, {"bf16", 1e-5}};
    bool rounds = !strncmp(name, "bf16_", 5); // has a reference whose products are rounded
    Block *blocks = NULL;
    char path[512], options[512], command[2048];
    snprintf(path, sizeof path, TEST_ROOT "/tests/library/%s.ref", name);
    int n = read_reference(path, &blocks), bad = n < 2;
    if (bad) printf("%s: no reference\n", name);
    program_of(name, path, sizeof path, options, sizeof options);
    for (int m = rounds ? 2 : 0; m < (rounds ? 3 : 2) && !bad; m++) {
        snprintf(command, sizeof command,
                 "cd %s && mkdir -p %s.%d && cd %s.%d && " TEST_BUILD "/nnc build %s --precision %s -o t"
                 " && ./t %s --out r --log l.jsonl --quiet --threads 1",
                 work, name, m, name, m, path, modes[m].precision, options);
        if (system(command)) {
            printf("%s: does not build or run in %s\n", name, modes[m].precision);
            return 1;
        }
        char log[600], weights[600], what[256];
        snprintf(log, sizeof log, "%s/%s.%d/l.jsonl", work, name, m);
        snprintf(weights, sizeof weights, "%s/%s.%d/r/weights.safetensors", work, name, m);
        snprintf(what, sizeof what, "%s in %s", name, modes[m].precision);
        // At the edges of a domain what is nearly nothing is divided by, and a last bit counts.
        bool few = m == 0 && blocks[0].count <= FEW_UPDATES && strncmp(name, "edges_", 6) != 0;
        bad = compare(what, blocks, n, log, weights, few ? 1e-6 : modes[m].tolerance);
    }
    return bad;
}

// ---- is every definition, and every option of it, in a case? ----

// What a file keeps to itself may stand behind a word: `_gradient_norm` behind `gradient_norm`.
static bool names_item(const Node *node, const LibraryItem *item) {
    if (!node) return false;
    const char *own = item->node->name;
    bool prefixed =
        node->kind == AST_MEMBER && node->base->kind == AST_NAME && !strcmp(node->base->name, "keras");
    if (prefixed || node->kind == AST_NAME)
        if (prefixed == (*item->prefix != 0) &&
            (!strcmp(node->name, own) || (*own == '_' && !strcmp(node->name, own + 1))))
            return true;
    for (int i = 0; i < 3 && !prefixed; i++)
        if (names_item(node->kid[i], item)) return true;
    for (int i = 0; i < node->count; i++)
        if (names_item(node->items[i], item)) return true;
    return false;
}

static bool gives_option(const Node *node, const LibraryItem *item, const char *option) {
    if (!node) return false;
    if (node->kind == AST_CALL && names_item(node->base, item))
        for (int i = 0; i < node->count; i++)
            if (node->items[i]->kind == AST_NAMED && !strcmp(node->items[i]->name, option)) return true;
    for (int i = 0; i < 3; i++)
        if (gives_option(node->kid[i], item, option)) return true;
    for (int i = 0; i < node->count; i++)
        if (gives_option(node->items[i], item, option)) return true;
    return false;
}

// A definition is covered by a case that names it, or by one that is covered and uses it.
static bool covered(LibraryItems all, const LibraryItem *item, Node *const *cases, int count, int depth) {
    for (int c = 0; c < count; c++)
        if (names_item(cases[c], item)) return true;
    for (int k = 0; k < all.count && depth < 8; k++)
        if (&all.items[k] != item && names_item(all.items[k].node->body, item) &&
            covered(all, &all.items[k], cases, count, depth + 1))
            return true;
    return false;
}

static void check_coverage(char *const *names, int count, int *passed, int *failed) {
    Context *ctx = context_create();
    LibraryItems all = library_items(ctx);
    Node **cases = arena_array(ctx->arena, Node *, count);
    for (int c = 0; c < count; c++) {
        char path[512], options[512];
        size_t size = 0;
        program_of(names[c], path, sizeof path, options, sizeof options);
        char *text = slurp(path, &size);
        cases[c] = parse_source(ctx, source_add(ctx, path, text ? text : "", size));
        free(text);
    }
    for (int k = 0; k < all.count; k++) {
        const LibraryItem *item = &all.items[k];
        bool good = covered(all, item, cases, count, 0);
        if (!good)
            printf("%s%s (%s) is in no case of reference.py\n", item->prefix, item->node->name, item->file);
        for (int i = 0; i < item->node->count; i++) {
            const Node *option = item->node->items[i];
            bool given = !option->value;
            for (int c = 0; c < count && !given; c++) given = gives_option(cases[c], item, option->name);
            if (!given)
                printf("%s%s (%s): no case of reference.py gives `%s`\n", item->prefix, item->node->name,
                       item->file, option->name);
            good &= given;
        }
        if (good)
            ++*passed;
        else
            ++*failed;
    }
    context_destroy(ctx);
}

// Any words: only the cases whose names begin with one of them.
static bool wanted(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (!strncmp(name, argv[i], strlen(argv[i]))) return true;
    return argc == 1;
}

int main(int argc, char **argv) {
    char work[] = "/tmp/nn-library.XXXXXX", *names[MAX_CASES];
    int count = 0, passed = 0, failed = 0, running = 0;
    DIR *dir = opendir(TEST_ROOT "/tests/library");
    if (!mkdtemp(work) || !dir) return 2;
    for (struct dirent *e; (e = readdir(dir)) && count < MAX_CASES;) {
        char *dot = strrchr(e->d_name, '.');
        bool program = dot && !strcmp(dot, ".nn"),
             example = !strncmp(e->d_name, "example_", 8) && dot && !strcmp(dot, ".ref");
        if (!program && !example) continue;
        names[count] = strndup(e->d_name, (size_t)(dot - e->d_name));
        count++;
    }
    closedir(dir);
    if (count == MAX_CASES) printf("more cases than %d\n", MAX_CASES);
    failed += count == MAX_CASES;
    for (int i = 0; i < count || running;) {
        while (i < count && running < 2) {
            const char *name = names[i++];
            if (!wanted(name, argc, argv)) continue;
            fflush(stdout);
            if (fork() == 0) {
                int bad = run_case(name, work);
                fflush(stdout);
                _exit(bad);
            }
            running++;
        }
        int status;
        if (!running || wait(&status) < 0) break;
        running--;
        if (WIFEXITED(status) && !WEXITSTATUS(status))
            passed++;
        else
            failed++;
    }
    check_coverage(names, count, &passed, &failed);
    char clean[128];
    snprintf(clean, sizeof clean, "rm -rf %s", work);
    if (system(clean)) return 2;
    printf("%d passed, %d failed\n", passed, failed);
    for (int i = 0; i < count; i++) free(names[i]);
    return failed || !passed;
}
