// Every message provoked: the example beside each row of diagnostics.def gives one error, or warning, and it
// is that row's.
#include "pipeline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    int passed, failed;
} Tally;

static const struct {
    const char *name, *example;
} rows[] = {
#define DIAGNOSTIC(code, severity, text, example) {#code, example},
#include "diagnostics.def"
#undef DIAGNOSTIC
};

static void check_row(Tally *count, int row) {
    char path[] = P_tmpdir "/nn-diagnostics-XXXXXX";
    int file = mkstemp(path);
    size_t length = strlen(rows[row].example);
    if (file < 0 || write(file, rows[row].example, length) != (ssize_t)length) {
        printf("FAILED %s: no temporary file\n", rows[row].name);
        count->failed++;
        return;
    }
    close(file);
    PipelineOptions options = {.path = path, .cpu = "native"};
    Pipeline *p = pipeline_create(&options);
    pipeline_check(p);
    bool good = p->ctx->diagnostics.count == 1 && (int)p->ctx->diagnostics.data[0]->code == row;
    if (good)
        count->passed++;
    else {
        count->failed++;
        printf("FAILED the example of %s gives\n", rows[row].name);
        diagnostics_print(p->ctx, false, stdout);
    }
    pipeline_destroy(p);
    unlink(path);
}

int main(void) {
    Tally count = {0};
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (*rows[i].example) check_row(&count, i);
    printf("%d passed, %d failed\n", count.passed, count.failed);
    return count.failed != 0;
}
