// What the scheduling passes share among themselves: building kernels and stages, who writes and reads a
// tensor. Private to pass/; the contract with emission is kernel.h.
#ifndef NN_SCHEDULE_H
#define NN_SCHEDULE_H

#include "pass/kernel.h"

// Kernels of one function that write or read a tensor, by its number.
typedef struct {
    VEC(Kernel *) writers, readers;
} Use;

typedef VEC(Kernel *) KernelList;

typedef struct {
    Arena *arena;
    Use *uses; // by number of the tensor
} Uses;

Uses uses_create(Arena *arena, const Program *p, const Schedule *s);
void uses_add(Uses *u, Kernel *k);
void uses_add_stage(Uses *u, Kernel *k, const Stage *s);

// A sum that an integer scatters, and the kernels that sort its positions (plan.c).
typedef struct {
    const Index *row;
    const Equation *key; // key[i]: the row of position i, -1: none
    Tensor *plan;        // its positions in the order of their rows
} Scatter;

// What joining knows while the kernels of a function grow.
typedef struct {
    Kernels *ks;
    Schedule *schedule;
    Uses uses;
    int *pieces;        // by number of the tensor: equations that define it
    int64_t *points;    // elements they define
    Tensor **target_of; // by number of the tensor: what an effect writes it to, or NULL
    int *order, *moved; // numbers of the kernels so that each stands behind what it reads; room to move some
    int *place;         // by number of the kernel: where it stands in `order`
    int *mark, stamp;
    int loop;                // that the equation at hand is in, -1: none
    const Equation **reader; // by number of the tensor: the first that reads it element by element
} Fusion;
void fusion_add(Fusion *f, Kernel *k); // a new kernel, behind all others

// Joins the latest kernel that takes the equation; NULL: none does.
Kernel *fusion_join(Fusion *f, const Equation *q);
// May k make this tensor and read this too, without a circle? Then the order allows for it.
bool fusion_may_read(Fusion *f, const Kernel *k, const Tensor *made, const Expr *const *reads, int count);

// ---- plan.c: sums that an integer scatters
void scatters_find(Kernels *ks); // in all functions, with the tensors that they need
// The kernel that has the sum now, as its last stage.
Kernel *fusion_scatter(Fusion *f, const Scatter *sc, const Equation *sum);
void stage_read_plan(Program *p, Stage *s, Tensor *plan);
void stage_take_plan(Program *p, Stage *s, Tensor *plan);
void schedule_scatters(Kernels *ks, Schedule *s); // which rows are run, once effects have places
double plan_positions(const Tensor *plan);        // all that there may be
double kernel_share(const Kernel *k);             // of its tiles: those that are run
// The rows that a read in this equation chooses by integers, as positions of a plan; NULL: it reads others.
const Scatter *scatter_of_read(Kernels *ks, Function *f, const Equation *q, const Expr *read, int dim);
void schedule_plan(Kernels *ks, Schedule *s, const Scatter *sc); // its kernels, if there are none yet

// ---- defer.c: updates that wait until rows are read
void schedule_deferred(Kernels *ks, Schedule *s); // which kernels have them, and who catches up
void schedule_catch_up(Kernels *ks);              // FUNCTION_CATCH_UP
void kernel_read_late(Program *p, Kernel *k);     // what one that catches up reads, its stages being there

// An equation's indices, the result's first, then the reduction's.
enum { MAX_SPACE = 2 * MAX_TILE_AXES };
int equation_space(const Equation *q, const Index **indices, int *result_count);

const Equation *equation_trim(Program *p, const Equation *q);

// A kernel of this equation alone; `axis_of[i]` is the axis of the equation's i-th index in an existing one,
// -1: a new one, inside.
Kernel *kernel_create(Kernels *ks, Schedule *s, const Equation *q);
Kernels *kernels_create(Program *p);
void kernels_count_definers(Kernels *ks);
Kernel *kernel_new(Kernels *ks);
int kernel_add_axis(Kernels *ks, Kernel *k, const Index *like, bool tile);
void kernel_put_stage(Kernels *ks, Kernel *k, const Equation *q); // in the kernel's axes already
void kernel_add_stage(Kernels *ks, Kernel *k, const Equation *q, const int *axis_of);
// target[i, j] = value[i, j], or 0, as a kernel.
Kernel *kernel_fill(Kernels *ks, Schedule *s, Tensor *target, Tensor *value);
void kernel_enter_loop(Kernel *k, int loop);
// A kernel of the stages from .. to - 1 of another, over the same tiles; it is in no schedule yet.
Kernel *kernel_part(Kernels *ks, const Kernel *k, int from, int to);
void schedule_renew(Kernels *ks, Schedule *s, const KernelList *list); // these, numbered anew
void kernel_store_passed(Kernels *ks, const Kernel *k,
                         int at); // what stages from `at` on read of earlier ones

// The guarded body of a reduction, where everything is 0 outside; else NULL.
const Expr *stage_guards(const Stage *s);
uint32_t stage_guard_axes(const Kernel *k, const Stage *s); // axes in the guards of a reduction's body
void kernels_note_unread(Kernels *ks);                      // elements that need no value
// Points with the guards let go / points under them.
double guards_waste(const Expr *where);

// Effects in place where that is legal, else copies; the order of execution; which tensors need memory.
void schedule_effects(Kernels *ks, Schedule *s);
void schedule_order(Kernels *ks, Schedule *s);

// The coefficient of the axis, where the form holds it as an index and in no other way; else 0.
int64_t affine_axis_coef(const Affine *f, int axis);

// ---- the cost model (model.c) ----

typedef struct {
    const Expr *read;
    double near;   // cycles of a vector load from the cache level that the whole tensor fits
    bool produced; // by an earlier stage of the kernel
} ReadModel;

typedef struct {
    double arithmetic; // cycles a point
    uint32_t guard_axes, inner_axes;
    uint32_t pinned_axes; // in guards that let a tile have one element of them
    double waste;
    int read_count;
    ReadModel *reads;
} StageModel;

typedef struct {
    uint64_t key;
    double cycles;
    int vector_axis, sum_vector_axis;
} Remembered;
enum { REMEMBERED = 64 };

typedef struct KernelModel {
    int main; // the stage with the most work under a reduction
    StageModel *stages;
    int tensor_count;
    Tensor **tensors; // it touches, those shared by an effect once
    Remembered *remembered;
} KernelModel;

void kernel_model(Kernels *ks, Kernel *k);
// Cycles of one thread with these lanes; and the best lanes for the present layouts, which the kernel then
// has.
double kernel_cost(const Kernels *ks, const Kernel *k, int vector_axis, int sum_vector_axis);
double kernel_best(const Kernels *ks, Kernel *k);

// Classes of (tensor, dimension): those that some equation reads or writes by one index.
typedef struct {
    int *parent;
} Classes;
Classes classes_create(Arena *arena, const Program *p, const Schedule *s);
int class_root(Classes c, int x);
int class_of_axis(Classes c, const Kernel *k, int axis); // -1: none

// The order in which functions decide about the tensors they share: the step first.
enum { LAST_RANK = 4 };
int function_rank(const Function *f);

// ---- products by a BLAS (product.c, product_plan.c) ----
// Smaller ones take longer to call than to compute.
enum { LEAST_SIDE = 4 };
static const double least_call = 4096;

int64_t kernel_points(const Kernel *k, uint32_t axes); // of these axes
bool product_axes(const Kernel *k, const Stage *s, Product *p);
void product_refuse(Kernels *ks, Kernel *k, const char *why); // it is nnc's own after all
bool product_plan(const Kernels *ks, const Kernel *k,
                  Product *p); // by the present layouts; false: no matrices, or tiny ones
double product_cost(const Kernels *ks, const Kernel *k, const Product *p);
void product_tiles(Kernel *k, bool threaded);

// ---- tiles, blocks and strips ----
void schedule_strips(Kernels *ks, Schedule *s); // which kernels run strip by strip
double kernel_tiles(const Kernel *k);           // how many
// Chooses the blocks around a kernel's tiles, and what is read ahead; `accumulators` are those of one tile,
// in vectors.
void kernel_blocks(Kernels *ks, Kernel *k, double accumulators);

// Where all threads must meet, once places are known: sets it, or gives the first kernel that does not wait.
Kernel *schedule_waits(const Kernels *ks, const Schedule *s, bool set);

bool layout_bordered(const Layout *l, int rank);
bool layouts_alike(const Layout *a, const Layout *b);
bool dimension_bordered(const Layout *l, int d);
Layout *layout_of(Kernels *ks, Tensor *t);
void layout_strides(const Kernels *ks, Layout *l,
                    const Tensor *t); // strides, zero and size, from all that was chosen
void layout_measure(const Kernels *ks, Layout *l, const Tensor *t); // the same of both copies; plain sources
bool tensor_outlives(const Tensor *t); // a function: has a place of its own throughout
int lanes_of(const Kernels *ks);
enum { PANEL = 32 }; // elements of a panel, where nothing else decides

#endif
