// The library against PyTorch: every tests/library/NAME.ref holds the losses of fifty steps and the final weights that PyTorch
// gets from the same initial weights and rows (reference.py there). In double precision they agree within 1e-5 of the largest
// element, in single within 1e-3. Two programs are built and run at a time.
#include <dirent.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct { char name[128]; int count; double *values; } Block;
enum { MAX_BLOCKS = 64, MAX_CASES = 512 };

static char *slurp(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *text = malloc((size_t)n + 1);
    if (text && fread(text, 1, (size_t)n, f) != (size_t)n) { free(text); text = NULL; }
    fclose(f);
    if (text) { text[n] = 0; *size = (size_t)n; }
    return text;
}

static int read_reference(const char *path, Block *blocks) {
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    int n = 0;
    while (n < MAX_BLOCKS && fscanf(f, "%127s %d", blocks[n].name, &blocks[n].count) == 2) {
        blocks[n].values = malloc(sizeof(double) * (size_t)(blocks[n].count + 1));
        for (int i = 0; blocks[n].values && i < blocks[n].count; i++)
            if (fscanf(f, "%lf", &blocks[n].values[i]) != 1) blocks[n].values[i] = NAN;
        n++;
    }
    fclose(f);
    return n;
}

// The largest difference, relative to the largest element of the reference.
static double worst(const double *a, const double *b, int n) {
    double difference = 0, largest = 1e-12;
    for (int i = 0; i < n; i++) {
        double d = fabs(a[i] - b[i]);
        if (!(d <= difference)) difference = d;
        if (fabs(b[i]) > largest) largest = fabs(b[i]);
    }
    return difference / largest;
}

static bool read_losses(const char *log, double *losses, int count) {
    size_t size;
    char *text = slurp(log, &size);
    int n = 0;
    for (char *line = text; line && n < count; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (!strncmp(line, "{\"event\": \"step\"", 16)) {
            char *at = strstr(line, "\"loss\": ");
            if (!at) break;
            losses[n++] = strtod(at + 8, NULL);
        }
    free(text);
    return n == count;
}

static bool read_tensor(const char *file, size_t size, const char *name, double *values, int count) {
    uint64_t header;
    if (size < 8) return false;
    memcpy(&header, file, 8);
    char key[160];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(file + 8, key), *offsets = at ? strstr(at, "\"data_offsets\":") : NULL;
    if (!offsets) return false;
    bool wide = strstr(at, "F64") && strstr(at, "F64") < offsets;
    unsigned long first = strtoul(strchr(offsets, '[') + 1, NULL, 10);
    const char *data = file + 8 + header + first;
    for (int i = 0; i < count; i++) {
        float single;
        if (wide) memcpy(&values[i], data + 8 * i, 8);
        else { memcpy(&single, data + 4 * i, 4); values[i] = (double)single; }
    }
    return true;
}

static int compare(const char *what, const Block *blocks, int n, const char *log, const char *weights, double tolerance) {
    size_t size;
    char *file = slurp(weights, &size);
    if (!file) { printf("%s: no weights\n", what); return 1; }
    int bad = 0;
    for (int i = 0; i < n; i++) {
        double *own = calloc((size_t)blocks[i].count + 1, sizeof *own);
        bool found = i == 0 ? read_losses(log, own, blocks[i].count) : read_tensor(file, size, blocks[i].name, own, blocks[i].count);
        double error = found ? worst(own, blocks[i].values, blocks[i].count) : INFINITY;
        if (!(error <= tolerance)) { printf("%s: %s differs by %.2g\n", what, found ? blocks[i].name : "missing value", error); bad = 1; }
        free(own);
    }
    free(file);
    return bad;
}

static int run_case(const char *name, const char *work) {
    static const struct { const char *precision; double tolerance; } modes[] = {{"double", 1e-5}, {"default", 1e-3}};
    Block blocks[MAX_BLOCKS];
    char path[512], command[2048];
    snprintf(path, sizeof path, TEST_ROOT "/tests/library/%s.ref", name);
    int n = read_reference(path, blocks), bad = n < 2;
    for (int m = 0; m < 2 && !bad; m++) {
        snprintf(command, sizeof command,
                 "cd %s && mkdir -p %s.%d && cd %s.%d && " TEST_BUILD "/nnc build " TEST_ROOT "/tests/library/%s.nn --precision %s -o t"
                 " && ./t --data " TEST_ROOT "/tests/library --out r --log l.jsonl --quiet --threads 1", work, name, m, name, m, name, modes[m].precision);
        if (system(command)) { printf("%s: does not build or run in %s\n", name, modes[m].precision); return 1; }
        char log[600], weights[600], what[256];
        snprintf(log, sizeof log, "%s/%s.%d/l.jsonl", work, name, m);
        snprintf(weights, sizeof weights, "%s/%s.%d/r/weights.safetensors", work, name, m);
        snprintf(what, sizeof what, "%s in %s", name, modes[m].precision);
        bad = compare(what, blocks, n, log, weights, modes[m].tolerance);
    }
    return bad;
}

int main(void) {
    char work[] = "/tmp/nn-library.XXXXXX", *names[MAX_CASES];
    int count = 0, passed = 0, failed = 0, running = 0;
    DIR *dir = opendir(TEST_ROOT "/tests/library");
    if (!mkdtemp(work) || !dir) return 2;
    for (struct dirent *e; (e = readdir(dir)) && count < MAX_CASES;) {
        char *dot = strrchr(e->d_name, '.');
        if (dot && !strcmp(dot, ".ref")) names[count++] = strndup(e->d_name, (size_t)(dot - e->d_name));
    }
    closedir(dir);
    for (int i = 0; i < count || running;) {
        while (i < count && running < 2) {
            fflush(stdout);
            pid_t child = fork();
            if (child == 0) {
                int bad = run_case(names[i], work);
                fflush(stdout);
                _exit(bad);
            }
            i++;
            running++;
        }
        int status;
        if (wait(&status) < 0) break;
        running--;
        if (WIFEXITED(status) && !WEXITSTATUS(status)) passed++; else failed++;
    }
    char clean[128];
    snprintf(clean, sizeof clean, "rm -rf %s", work);
    if (system(clean)) return 2;
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
