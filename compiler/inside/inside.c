// Compiled functions inside this process: the object is linked by `cc`, which building needs anyway, and
// loaded. Guarantees: rows, first values and draws are the same in every run.
#include "inside/inside.h"

#include "base/order.h"
#include "base/workplace.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *inside_at(const Inside *in, const Tensor *t, int64_t element) {
    return in->memory + layout_byte(t->layout, t, element);
}

uint32_t inside_random(uint32_t key, uint32_t what, uint64_t element) {
    uint32_t counter[4] = {(uint32_t)element, (uint32_t)(element >> 32), what, key};
    philox(counter, 0);
    return counter[0];
}

// ---- values -----------------------------------------------------------------------------------------------

static void put_real(const Inside *in, const Tensor *t, void *at, double value) {
    if (element_size(in->p->module->program, t) == 8)
        *(double *)at = value;
    else
        *(float *)at = (float)value;
}

static int64_t source_elements(const Inside *in, const Tensor *t) {
    int64_t n = in->call.rows;
    for (int d = 1; d < t->rank; d++) n *= t->dims[d];
    return n;
}

static void draw_source(const Inside *in, const Tensor *t, char *values, uint32_t key) {
    int64_t count = source_elements(in, t), size = element_size(in->p->module->program, t);
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = inside_random(key, t->id, (uint64_t)i);
        if (tensor_is_real(t)) {
            put_real(in, t, values + i * size, (bits >> 8) * 0x1p-24);
        } else {
            int64_t low = t->type == TYPE_BOOL ? 0 : t->low, high = t->type == TYPE_BOOL ? 1 : t->high;
            ((int32_t *)(void *)values)[i] =
                (int32_t)(low + (int64_t)(((uint64_t)bits * (uint64_t)(high - low + 1)) >> 32));
        }
    }
}

void inside_draw(Inside *in, uint32_t key) {
    Program *program = in->p->module->program;
    for (int i = 0, s = 0; i < program->tensors.count; i++) {
        Tensor *t = program->tensors.data[i];
        if (t->kind == TENSOR_SOURCE) draw_source(in, t, (void *)in->sources.data[s++], key);
    }
}

void inside_rows(Inside *in) {
    Tensor *map = tensor_of_kind(in->p->module->program, TENSOR_ROWMAP);
    for (int64_t r = 0; map && map->layout && r < in->call.rows; r++)
        *(int32_t *)inside_at(in, map, r) = (int32_t)r;
}

static void make_values(Inside *in, int64_t bytes) {
    Program *program = in->p->module->program;
    size_t room = ((size_t)bytes + 3 * NN_MARGIN - 1) / NN_MARGIN * NN_MARGIN;
    unsigned char *block = aligned_alloc(NN_MARGIN, room);
    if (!block) memory_exhausted(room);
    memset(block, 0, room);
    in->memory = in->call.arena = block + NN_MARGIN;
    every (t, program->tensors) {
        if (t->kind == TENSOR_SOURCE)
            vec_push(program->arena, &in->sources,
                     arena_array(program->arena, double, source_elements(in, t)));
        if (!t->layout || !t->layout->stored) continue;
        if (t->kind == TENSOR_CLOCK || t->kind == TENSOR_SETTING || t->kind == TENSOR_TOTAL)
            for (int64_t e = 0; e < tensor_elements(t); e++) put_real(in, t, inside_at(in, t, e), t->start);
    }
    in->call.sources = in->sources.data;
    in->run(NN_INITIAL, &in->call, 0, 1);
    inside_draw(in, 0);
}

// ---- code -------------------------------------------------------------------------------------------------

static void *load_object(Context *ctx, const Compiled *code, bool openblas) {
    static const char step[] = "step.o";
    const char *const link[] = {"cc", "-shared", "-o", "step.so", step, "-lm", openblas ? "-lopenblas" : NULL,
                                NULL};
    const char *base = getenv("TMPDIR");
    void *handle = NULL;
    Workplace w;
    if (workplace_open(&w, ctx, base && *base ? base : "/tmp", NULL, NULL) &&
        workplace_put(&w, step, code->bytes, code->length) && workplace_run(&w, link)) {
        handle = dlopen(string_format(ctx->arena, "%s/step.so", w.folder), RTLD_NOW | RTLD_LOCAL);
        if (!handle) diagnose(ctx, TOOL_FAILED, NO_SPAN, "cc", "step.so", dlerror());
    }
    workplace_end(&w, false);
    return handle;
}

// OpenBLAS computes a call on the thread that makes it.
static void one_thread(void *library) {
    void *symbol = dlsym(library, "openblas_set_num_threads");
    void (*set)(int);
    memcpy(&set, &symbol, sizeof set);
    if (set) set(1);
}

bool inside_open(Inside *in, Pipeline *p, const Kernels *kernels, int64_t rows, int optimization) {
    *in = (Inside){.p = p, .call = {.rows = rows, .order = nn_order, .plan = nn_plan}};
    bool openblas = kernels_use_openblas(kernels);
    if (!target_runs_here(p->target)) {
        diagnose(p->ctx, CANNOT_RUN_HERE, NO_SPAN, p->target->cpu, p->target->features);
        return false;
    }
    if (openblas && !library_check(p->ctx, LIBRARY_OPENBLAS)) return false;
    Compiled code = compile_kernels(kernels, p->target, "inside", optimization);
    in->library = load_object(p->ctx, &code, openblas);
    if (!in->library) return false;
    if (openblas) one_thread(in->library);
    void *symbol = dlsym(in->library, "inside_run");
    memcpy(&in->run, &symbol, sizeof in->run);
    make_values(in, kernels->arena_size);
    return true;
}

void inside_close(Inside *in) {
    if (in->memory) free(in->memory - NN_MARGIN);
    in->memory = NULL;
}
