// See compiled.h. Threads are real ones, with a mutex's barrier: slow, and right.
#include "support/compiled.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/order.h"
#include "pass/passes.h"

static bool load(CompiledProgram *c, Compiled object) {
    Arena *arena = c->program->arena;
    const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    c->path = string_format(arena, "%s/nn-test.XXXXXX", folder);
    if (!mkdtemp(c->path)) return false;
    char *source = string_format(arena, "%s/m.o", c->path),
         *shared = string_format(arena, "%s/m.so", c->path);
    FILE *f = fopen(source, "wb");
    bool written = f && fwrite(object.bytes, 1, object.length, f) == object.length;
    written = f && fclose(f) == 0 && written;
    const char *blas = c->kernels->machine.blas == BLAS_NONE ? "" : "-Wl,--as-needed -lopenblas ";
    if (written && system(string_format(arena, "cc -shared -o %s %s %s-lm", shared, source, blas)) == 0)
        c->library = dlopen(shared, RTLD_NOW | RTLD_LOCAL);
    unlink(source);
    unlink(shared);
    rmdir(c->path);
    if (!c->library) return false;
    *(void **)&c->run = dlsym(c->library, "test_run");
    return c->run != NULL;
}

static bool make_arena(CompiledProgram *c) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = ((size_t)c->kernels->arena_size + 63) / 64 * 64;
    size_t inside = (size + 2 * NN_MARGIN + page - 1) / page * page;
    c->page_bytes = inside + 2 * page;
    int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    c->pages = mmap(NULL, c->page_bytes, PROT_NONE, kind, -1, 0);
    if (c->pages == MAP_FAILED || mprotect(c->pages + page, inside, PROT_READ | PROT_WRITE)) return false;
    c->arena = c->pages + page + inside - NN_MARGIN - size; // zeros, of which memory has what is touched
    memset(c->pages + page, 0xff, (size_t)(c->arena - c->pages) - page);
    memset(c->arena + size, 0xff, NN_MARGIN);
    return true;
}

static CompiledProgram *build(Kernels *k, const Target *target, int optimization) {
    Program *p = k->program;
    CompiledProgram *c = arena_new(p->arena, CompiledProgram);
    c->program = p;
    c->kernels = k;
    c->target = target;
    c->sources = arena_array(p->arena, const void *, p->tensors.count + 1);
    if (load(c, compile_kernels(k, target, "test", optimization)) && make_arena(c)) return c;
    printf("the compiled program cannot be loaded: %s\n", dlerror());
    return NULL;
}

CompiledProgram *compiled_of(Kernels *k, const Target *target) { return build(k, target, 2); }

CompiledProgram *compiled_checked(const CompiledProgram *c) {
    Target *target = arena_new(c->program->arena, Target);
    *target = *c->target;
    target->checked = true;
    return build(c->kernels, target, 0);
}

static CompiledProgram *schedule(Program *p, Target *target) {
    target_use(p->ctx, target, p->precision);
    passes_run(p, "gather", "gather", NULL, NULL);
    passes_run(p, "recompute", "recompute", NULL, NULL);
    Kernels *k = kernels_run(p, &target->machine, "place");
    return build(k, target, target->checked ? 0 : 2);
}

static Target *target_of(Program *p, const char *cpu, bool small_caches) {
    Target *target = target_find(p->ctx, cpu, NULL);
    if (target && small_caches) {
        target->machine.l1 = 3e3;
        target->machine.l2 = 12e3;
    }
    return target;
}

CompiledProgram *compiled_create(Program *p, const char *cpu, bool small_caches) {
    Target *target = target_of(p, cpu, small_caches);
    return target ? schedule(p, target) : NULL;
}

CompiledProgram *compiled_create_checked(Program *p, const char *cpu, bool small_caches) {
    Target *target = target_of(p, cpu, small_caches);
    if (!target) return NULL;
    target->checked = true;
    return schedule(p, target);
}

// Its own threads would change the order of its sums.
static void one_thread(const CompiledProgram *c) {
    void (*set)(int) = NULL;
    *(void **)&set = dlsym(c->library, "openblas_set_num_threads");
    if (set) set(1);
}

CompiledProgram *compiled_by_blas(Program *p, const char *cpu, Blas blas) {
    Target *target = target_find(p->ctx, cpu, NULL);
    if (!target) return NULL;
    target->machine.blas = blas;
    CompiledProgram *c = schedule(p, target);
    if (c) one_thread(c);
    return c;
}

void compiled_destroy(CompiledProgram *c) {
    if (c->library) dlclose(c->library);
    if (c->pages) munmap(c->pages, c->page_bytes);
    for (int i = 0; i < c->rows.count; i++) munmap(c->rows.data[i], c->row_bytes);
}

// Memory that ends at a page which cannot be touched.
static char *ending_pages(CompiledProgram *c, size_t bytes) {
    enum { ROOM = 1 << 20 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    c->row_bytes = ROOM + page;
    char *pages = mmap(NULL, c->row_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || bytes > ROOM || mprotect(pages + ROOM, page, PROT_NONE))
        die("no memory for %zu bytes of rows", bytes);
    vec_push(c->program->arena, &c->rows, pages);
    return pages + ROOM - bytes;
}

// ---- values -----------------------------------------------------------------------------------------------

static const Layout *placed(const Tensor *t) {
    const Layout *l = t->layout;
    while (l && l->same) l = l->same->layout;
    return l;
}

bool compiled_has(const CompiledProgram *c, const Tensor *t) {
    (void)c;
    return t->kind != TENSOR_SOURCE && placed(t) && (placed(t)->stored || t->layout->same);
}

static bool in_double(const CompiledProgram *c, const Tensor *t) {
    return t->type == TYPE_DOUBLE || (t->type == TYPE_REAL && c->program->precision == PRECISION_DOUBLE);
}

static void put(const CompiledProgram *c, const Tensor *t, void *at, double value) {
    if (t->type == TYPE_INT || t->type == TYPE_BOOL)
        *(int32_t *)at = (int32_t)value;
    else if (in_double(c, t))
        *(double *)at = value;
    else
        *(float *)at = (float)value;
}

static double take(const CompiledProgram *c, const Tensor *t, const void *at) {
    if (t->type == TYPE_INT || t->type == TYPE_BOOL) return *(const int32_t *)at;
    return in_double(c, t) ? *(const double *)at : (double)*(const float *)at;
}

void compiled_set(CompiledProgram *c, const Tensor *t, const double *values) {
    for (const Layout *l = placed(t); l; l = l->twin)
        for (int64_t i = 0; i < tensor_elements(t); i++)
            put(c, t, c->arena + layout_byte(l, t, i), values[i]);
}

void compiled_get(const CompiledProgram *c, const Tensor *t, double *values) {
    for (int64_t i = 0; i < tensor_elements(t); i++)
        values[i] = take(c, t, c->arena + layout_byte(placed(t), t, i));
}

static int64_t row_size(const Tensor *input) { return tensor_elements(input) / input->dims[0]; }

// The rows of a batch in the source: from the last to the first, and so far apart that no windows overlap.
static int64_t place_of_row(const CompiledProgram *c, int64_t row, int64_t rows) {
    int64_t spread = 1;
    every (t, c->program->tensors) {
        int64_t own = t->kind == TENSOR_INPUT && t->apart ? (row_size(t) + t->apart - 1) / t->apart : 1;
        spread = own > spread ? own : spread;
    }
    return (rows - 1 - row) * spread;
}

static void map_rows(CompiledProgram *c, int64_t rows) {
    for (int i = 0; i < c->program->tensors.count; i++) {
        const Tensor *t = c->program->tensors.data[i];
        if (t->kind != TENSOR_ROWMAP || !compiled_has(c, t)) continue;
        double *map = arena_array(c->program->arena, double, t->dims[0]);
        for (int64_t r = 0; r < t->dims[0]; r++) map[r] = r < rows ? (double)place_of_row(c, r, rows) : 1e9;
        compiled_set(c, t, map);
    }
}

void compiled_input(CompiledProgram *c, const Tensor *input, const double *values, int64_t rows) {
    Program *p = c->program;
    const char *name = string_format(p->arena, "source.%s", input->name);
    int slot = 0;
    for (int i = 0; i < p->tensors.count; i++) {
        const Tensor *t = p->tensors.data[i];
        if (t->kind != TENSOR_SOURCE) continue;
        if (string_equal(t->name, name)) {
            int64_t size = row_size(input), step = input->apart ? input->apart : size;
            size_t bytes = in_double(c, t) ? 8 : 4;
            char *data = ending_pages(c, (size_t)(place_of_row(c, 0, rows) * step + size) * bytes);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t k = 0; k < size; k++)
                    put(c, t, data + (size_t)(place_of_row(c, r, rows) * step + k) * bytes,
                        values[r * size + k]);
            c->sources[slot] = data;
            map_rows(c, rows);
            return;
        }
        slot++;
    }
    if (compiled_has(c, input)) compiled_set(c, input, values);
}

// ---- calls ------------------------------------------------------------------------------------------------

typedef struct {
    CompiledProgram *c;
    nn_call call;
    int32_t function, thread, threads;
} Job;

static void meet(void *team) { pthread_barrier_wait(team); }

static void *work(void *data) {
    Job *job = data;
    job->c->run(job->function, &job->call, job->thread, job->threads);
    return NULL;
}

static void call(CompiledProgram *c, FunctionKind kind, int64_t rows, uint64_t seed, uint32_t batch_number,
                 int threads) {
    pthread_barrier_t team;
    pthread_t ids[16];
    Job jobs[16];
    pthread_barrier_init(&team, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        jobs[i] = (Job){c,
                        {.arena = c->arena, .sources = c->sources, .rows = rows, .seed = seed},
                        (int32_t)kind,
                        i,
                        threads};
        jobs[i].call.batch_number = batch_number;
        jobs[i].call.barrier = meet;
        jobs[i].call.team = &team;
        jobs[i].call.order = nn_order;
        jobs[i].call.plan = nn_plan;
    }
    for (int i = 1; i < threads; i++) pthread_create(&ids[i], NULL, work, &jobs[i]);
    work(&jobs[0]);
    for (int i = 1; i < threads; i++) pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&team);
}

void compiled_call(CompiledProgram *c, FunctionKind kind, int64_t rows, uint64_t seed, uint32_t batch_number,
                   int threads) {
    call(c, kind, rows, seed, batch_number, threads);
    every (s, c->kernels->schedules)
        if (s->function->kind == FUNCTION_CATCH_UP && kind == FUNCTION_STEP)
            call(c, FUNCTION_CATCH_UP, rows, seed, batch_number, threads);
}
