// Tensors of more elements than 32 bits count: what vectors of subscripts gather from a parameter and from
// the rows of a source, with the few pages in memory that are touched.
#include "oracle/text.h"
#include "support/check.h"
#include "support/compiled.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "pass/passes.h"

enum { COUNT = 16, ROWS = 500000000, WIDTH = 6, TABLE = 70000, COLUMNS = 40000 };

typedef struct {
    const char *cpu, *precision;
} Way;

static Tests tests;

static CompiledProgram *compiled(Context *ctx, const Way *way, const char *body) {
    const char *text =
        string_format(ctx->arena, "program batch %d precision %s\n%s", COUNT, way->precision, body);
    Program *p = program_read(ctx, source_add(ctx, "large.ir", text, strlen(text)));
    CompiledProgram *c = p ? compiled_create(p, way->cpu, false) : NULL;
    if (!c) {
        diagnostics_print(ctx, false, stdout);
        check(&tests, false, text);
    }
    return c;
}

static bool in_double(const Way *way) { return !strcmp(way->precision, "double"); }

static void put(const Way *way, unsigned char *memory, int64_t byte, double value) {
    if (in_double(way))
        *(double *)(void *)(memory + byte) = value;
    else
        *(float *)(void *)(memory + byte) = (float)value;
}

// Runs a step: y is 1, 2, 3 ...
static void check_step(CompiledProgram *c, const Way *way, const char *what) {
    double y[COUNT];
    compiled_call(c, FUNCTION_STEP, COUNT, 0, 0, 1);
    compiled_get(c, tensor_find(c->program, "y"), y);
    for (int i = 0; i < COUNT; i++)
        check(&tests, y[i] == i + 1,
              string_format(c->program->arena, "%s, %s, %s: y[%d] is %g", what, way->cpu, way->precision, i,
                            y[i]));
}

// e[k[i], i] for numbers k from all over a parameter of 2.8e9 elements.
static void check_parameter(const Way *way) {
    Context *ctx = context_create();
    CompiledProgram *c = compiled(ctx, way,
                                  "input k[16] int in 0..69999\nparam e[70000, 40000]\noutput y[16]\n"
                                  "function step step\n y[i] = e[k[i], i] | i:16\n output y\n");
    if (c) {
        double k[COUNT];
        const Tensor *e = tensor_find(c->program, "e");
        for (int i = 0; i < COUNT; i++) {
            k[i] = TABLE - 1 - i * (TABLE / COUNT);
            put(way, c->arena, layout_byte(e->layout, e, (int64_t)k[i] * COLUMNS + i), i + 1);
        }
        compiled_set(c, tensor_find(c->program, "k"), k);
        check_step(c, way, "a parameter");
        compiled_destroy(c);
    }
    context_destroy(ctx);
}

// The last number of rows from all over data of 3e9.
static void check_source(const Way *way) {
    Context *ctx = context_create();
    CompiledProgram *c = compiled(ctx, way,
                                  "input x[batch, 6]\noutput y[batch]\n"
                                  "function step step\n y[b] = x[b, 5] | b:batch\n output y\n");
    size_t size = in_double(way) ? sizeof(double) : sizeof(float), bytes = (size_t)ROWS * WIDTH * size;
    unsigned char *data =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) die("no %zu bytes of addresses", bytes);
    if (c) {
        double map[COUNT];
        for (int i = 0; i < COUNT; i++) {
            map[i] = ROWS - 1 - i * (ROWS / COUNT);
            put(way, data, ((int64_t)map[i] * WIDTH + WIDTH - 1) * (int64_t)size, i + 1);
        }
        compiled_set(c, tensor_of_kind(c->program, TENSOR_ROWMAP), map);
        c->sources[0] = data;
        check_step(c, way, "a source");
        compiled_destroy(c);
    }
    munmap(data, bytes);
    context_destroy(ctx);
}

int main(void) {
    static const Way WAYS[] = {{"x86-64-v2", "default"},
                               {"x86-64-v3", "default"},
                               {"x86-64-v3", "double"},
                               {"native", "default"},
                               {"native", "double"}};
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
        check_parameter(&WAYS[i]);
        check_source(&WAYS[i]);
    }
    return tests_end(&tests);
}
