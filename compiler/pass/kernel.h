// The contract between scheduling (pass/fuse.c ... pass/place.c) and emission (llvm/): kernels with
// addresses.
//
// A kernel is a space of tile axes (its results' indices) and a list of stages over it, each with inner axes,
// summed or not. Nothing here knows a layer, a product or a convolution: which axes each read depends on
// gives reuse, register tiles, hoisting and broadcasts. Expressions of a stage hold indices whose `axis` is
// their number in the kernel (ir.h).
#ifndef NN_KERNEL_H
#define NN_KERNEL_H

#include "ir/algebra.h"

enum { MAX_AXES = 32, MAX_TILE_AXES = 16, MAX_BLOCKS = 4 };
// A plan is a head of so many integers, then an entry of two for each position, then room for as many.
enum { PLAN_HEAD = 16, PAST_EXTREMES = 4 };

// Where a tensor lies in the arena. The plain order is row-major; files and the C interface see only that
// one. Element x: offset + element_size * (zero + sum over d != inner of stride[d] * x[d] + inner part),
// where the inner part is x[inner], or with panels (x[inner] / panel) * panel_stride + x[inner] % panel.
// TENSOR_SOURCE is plain, outside the arena.
typedef struct Layout Layout;
struct Layout {
    int inner;                   // the dimension vectors run along: stride 1 (-1: a scalar)
    int64_t stride[MAX_RANK];    // in elements
    int64_t panel, panel_stride; // panel: a power of two, or 0
    int64_t border_low[MAX_RANK], border_high[MAX_RANK]; // zeros around a dimension, kept zero for ever
    int64_t zero;                                        // where element 0 is, because of the borders
    int64_t size;      // elements, with padding to whole vectors and borders
    int64_t offset;    // bytes from the arena's start; multiple of 64
    int element_size;  // bytes: 4 or 8
    int steps;         // 1 + the dimension that a loop goes through: the outermost; 0: none
    bool folded;       // one place for all steps of its recurrence: nobody reads what an earlier step made
    bool stored;       // has a place at all; else it lives in registers of one kernel
    bool partial_sums; // a temp that has a place only for partial sums inside one kernel
    bool partly;       // outside of its definition's guards nobody reads it: there it is not written
    Tensor *same;      // shares the place of this tensor (an effect applied in place), or NULL
    Layout *twin;      // a second copy with another inner dimension, written by the same stores; or NULL
};

typedef struct {
    Index *index; // its `axis` is this axis's number
    int64_t size; // declared; a batch axis runs to the true number of rows
    bool tile, batch;
    int step; // elements of one tile: unrolled; on the vector axis vectors * lanes
} Axis;

typedef struct {              // one equation inside a kernel, in the kernel's axes
    const Equation *equation; // in the kernel's indices (a rewritten copy)
    int inner_count;
    int inner[MAX_TILE_AXES]; // axes that are not tile axes: of the reduction, or walked (a row kept in
                              // registers)
    Tensor *plan;   // of a sum that an integer scatters: which positions each row has (plan.c). It has one
                    // accumulator, and skips the points that its guards leave out
    double work;    // points, after guards have cut some
    int read_count; // every distinct read of the expression, also those inside forms and guards
    const Expr *const *reads;
} Stage;

typedef struct {
    int axis;
    int64_t size;
} Block;

typedef struct {
    int count, axis[MAX_TILE_AXES];
} Run; // axes that lie as one, outermost first
bool run_has(const Run *r, int axis);

// A product by a BLAS: C[m, n] = sum[k] alpha * A[m, k] * B[k, n], rows of C contiguous; one call a tile of
// the kernel. Tile axes in no run are loops around the calls; summed ones are loops of calls that add to C.
typedef struct {
    const Expr *a, *b; // the operands' reads
    double alpha;
    uint32_t rows, columns, summed; // axes that only A has, only B, both and not C
    Run m, n, k;
    bool transpose_a, transpose_b;
    int64_t lda, ldb, ldc;
} Product;

typedef enum { BLAS_NONE, BLAS_AUTO, BLAS_OPENBLAS } Blas;

// An update that rows without positions wait with, until somebody reads them (defer.c).
typedef struct {
    Tensor *seen; // by row: the last step whose update it has; then, twice, the last step made
    Tensor *past; // [ring, numbers]: what the updates of the last steps have read; then, in PAST_EXTREMES
                  // rows, between which values those numbers were
    int64_t ring; // a power of two: no row waits for more steps
    VEC(const Expr *) numbers; // of rank 0, that an update reads
    VEC(Tensor *) plans;       // which rows a step reads or updates
} Late;

typedef struct {
    int id; // in order of execution within its function
    Axis axes[MAX_AXES];
    int axis_count, tile_count;
    int tile[MAX_TILE_AXES]; // the tile axes
    int loop;                // which of the schedule's loops it is in, -1: none
    bool strip;              // that is one of strips
    int time;                // in a loop: the axis that the loop walks; the kernel has one element of it
    VEC(Stage) stages;
    int vector_axis;          // lanes of the results; -1: none
    int sum_vector_axis;      // lanes along a reduction's own axis, combined across at the end; -1: none
    bool rows_in_registers;   // every inner axis fully unrolled: a row stays in registers between stages
    int order[MAX_TILE_AXES]; // loops over tiles, outermost first
    int block_count;
    Block blocks[MAX_BLOCKS]; // loops over blocks around the tiles, outermost first
    int ahead;                // prefetch along this axis, -1: nothing
    int64_t ahead_distance;
    bool divided;   // its tiles are divided among threads (by the linear number of the tile); else thread 0
                    // runs it
    int split_axis; // with blocks and no owned axis: threads divide its tiles; -1: nothing of this
    int owned_axis; // outermost in `order`; threads own ranges of it in whole grains: of c grains
    int64_t owned_grain; // thread t of n has those from c * t / n to c * (t + 1) / n. -1: tiles are divided
    struct KernelModel *model; // what the cost model remembers of it (private to scheduling)
    bool zeros;                // fills a tensor with 0 before others write their pieces of it
    int64_t plan_rows; // its one stage sorts positions by their rows, 0 .. plan_rows - 1; 0: it does not
    int row_axis; // rows along it are run one by one, with the positions that plans have for them; -1: none
    bool touched; // only rows with positions, if settings are 0 and others not 0: the rest keeps its values
    VEC(const Expr *) zero, nonzero;
    Late *late;          // it updates touched rows, and the others wait; NULL: none waits
    bool catches_up;     // it makes the updates that `late` rows wait for: in those touched, or in all
    bool barrier_before; // all threads meet before it
    double cycles;       // the model's cost, one thread
    Product *product;    // what --blas gives to OpenBLAS; else NULL
    const char
        *product_text; // of a product where --blas may give some away: its shape, who computes it, and why
} Kernel;

// A recurrence, or strips of rows: the kernels of this loop stand together, and are run in their order for
// each of `size` steps, or for each strip.
typedef struct {
    int64_t size;
    int step;    // 1 or -1: from the first step or from the last
    bool strips; // each is one thread's, and its kernels have its rows alone
    bool waits;  // all threads meet before the first one
} KernelLoop;

typedef struct {
    Function *function;
    VEC(Kernel *) kernels; // in order of execution
    VEC(KernelLoop) loops;
    bool threaded;             // some kernel is divided; else one thread runs it all
    int64_t rows;              // declared of its batch, 0: it has none
    int64_t scratch;           // bytes of temps
    int *classes, owned_class; // dimensions that one index runs along, and those that threads own (private to
                               // scheduling)
} Schedule;

typedef struct {   // what the schedule is for
    int lanes;     // single-precision lanes of a vector: 8 (AVX2) or 16 (AVX-512); half in double
    int registers; // vector registers
    double l1, l2; // bytes of cache to count on
    Blas blas;     // who may compute products
    bool dense;    // sums that an integer scatters compare every row with every position: to compare with
    enum {
        BORDERED_ALL,
        BORDERED_STEP,
        BORDERED_NONE
    } bordered; // which functions may put zeros around tensors
} Machine;

typedef struct {
    Program *program;
    Machine machine;
    VEC(Schedule *) schedules; // one a function, in the program's order
    int64_t arena_size;        // bytes, exact: everything but the data
    int64_t persistent_size;   // the part that outlives a function: comes first
    Table scatters;    // by equation: the Scatter of one that an integer scatters (private to scheduling)
    Map *axis_indices; // one Index for each (axis, size, batch, name)
    Table findings;    // by function: the keys that are known (private to scheduling)
    int *definers;     // by number of the tensor: functions that define it
    int tensor_room;   // of `definers`
} Kernels;

// The passes of scheduling. An equation with more than MAX_AXES indices is a diagnostic.
Kernels *pass_fuse(Program *p, const Machine *machine);
#define KERNEL_PASS(name, does, holds) void pass_##name(Kernels *k);
#include "pass/passes.def"
// All of them, up to one of them.
Kernels *kernels_run(Program *p, const Machine *machine, const char *to);
// A text that can be read again (tests/oracle). What every kernel pass must leave true: the first failure as
// a text, or NULL.
void kernels_write(Text *out, Kernels *k);
const char *kernels_verify(Kernels *k);
void kernels_print(Text *out, const Kernels *k); // one line a kernel: what `explain` shows and goldens pin

bool kernel_sorts(const Kernel *k);     // its one stage is an order: a call for each row
bool kernel_is_called(const Kernel *k); // that, or a product by a BLAS
const Stage *kernel_maker(const Kernel *k, const Expr *read); // of exactly the element read; NULL: none here
bool kernel_scatters(const Kernel *k);                        // runs rows with the positions of plans
// Is the guard of a sum asked at each point? A plan has only positions that its guards let through.
bool guard_is_asked(const Kernel *k, const Stage *s, Guard g);
// Do the guards of the stage's body bound its loops even where a tile has several results? Outside of them
// its value is `otherwise`: of a reduction what changes nothing.
bool guards_bound(const Kernel *k, const Stage *s);
bool is_identity(Reduction r, const Expr *e);
int element_size(const Program *p, const Tensor *t);    // bytes
double kernel_runs(const Schedule *s, const Kernel *k); // how often a function runs it
int loop_end(const Schedule *s, int kernel); // the number after the last kernel that runs with this one
// The layout a tensor lies by: that of the effect's target where they share a place.
Layout *layout_shared(const Tensor *t);
// The byte of the arena where the element of this row-major number lies.
int64_t layout_byte(const Layout *layout, const Tensor *t, int64_t element);

// Of a read or a result inside a kernel: does it depend on the axis, is it contiguous along it?
bool forms_depend(const Affine *const *forms, int count, int axis);
bool forms_contiguous(const Layout *layout, const Affine *const *forms, int count, int axis);

// Lanes of a kernel whose vectors run along so many results: no more than these ask for, so that what is
// written in short pieces is not read in long ones, which would wait for memory, and needs no masks.
int lanes_along(const Kernels *ks, int64_t size);

#endif
