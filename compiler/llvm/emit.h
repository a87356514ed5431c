// What the files of this folder share: the emitter, its small builders, and the point of emission.
//
// An Operand is a value of the generated code: a scalar, or a vector of `lanes` elements. Its LLVM type says
// everything: i1 conditions, i32 integers (and booleans in memory), i64 addresses, float and double numbers.
#ifndef NN_EMIT_H
#define NN_EMIT_H

#include <llvm-c/Core.h>

#include "llvm/llvm.h"
#include "pass/kernel.h"

typedef LLVMValueRef Operand;
typedef LLVMBasicBlockRef BasicBlock;

enum { MAX_LANES = 16, MAX_INSTANCES = 1024 };

// A value already computed: of an expression, a tensor's element or a splat (`what`) at a point.
typedef struct {
    const void *what;
    uint64_t point;
    int lane, next, bucket;
    Operand value;
} Memo;
enum { MEMO_BUCKETS = 4096 };

// A guard of a sum that became a bound of its loops.
typedef struct {
    const Affine *form;
    int64_t count;
} Clip;

// The range of one axis that a nest of loops walks.
typedef struct {
    Operand base;      // run-time part of the axis's value, or NULL
    int64_t grain;     // base is a multiple of it
    int64_t fixed;     // constant part: where a remainder begins
    int64_t inst;      // offset of the instance inside the tile
    int64_t length;    // elements of one tile
    Operand low, high; // bounds of the loop over tiles, or of a block of a summed axis; NULL: all of it
    int64_t block;     // elements of a block of a summed axis, 0: not in blocks
    bool single;       // one tile: a remainder, no loop
} AxisState;

// Where the loop over rows stands in a stage's plan.
typedef struct {
    Operand entries, count; // of positions that have a row; i64
    Operand now, end;       // variables: the row's first entry; after its sum, the next row's
} Cursor;

// One kernel being emitted.
typedef struct {
    const Kernel *kernel;
    const Stage *stage;
    LLVMTypeRef number; // what the stage computes in
    AxisState axis[MAX_AXES];
    int lane;           // the axis that lanes run along in this stage; -1: none
    Operand active;     // lanes that count (a mask), NULL: all
    Operand walk_mask;  // the same, of lanes along an axis that is walked
    Operand active_sum; // points of the sum that count: a mask or a condition, NULL: all
    int instance_count;
    int64_t (*instances)[MAX_TILE_AXES]; // offsets along kernel->tile
    Operand *sums, *positions;           // of each instance, and of each of its partial sums
    int partials;
    bool direct;       // the sum is unrolled completely: its values are registers, not variables
    const Expr *body;  // of the sum, without the guards that bound its loops
    const Expr *skips; // a where: a sum in order takes only points where its guards hold; NULL: all
    Cursor *cursors;   // by number of the stage; where it catches up, by that of the plan
    int cursor_count;
    int instance;          // set last
    struct Replay *replay; // in a kernel that catches up
    Operand steps_made;    // where rows wait: the number of the last step, i64
    Clip clips[8];
    int clip_count;
    Operand first, last; // in blocks of a summed axis: the first, the last block
    bool in_sum;
} Point;

typedef struct {
    Context *ctx;
    Arena *arena;
    const Kernels *kernels;
    Program *program;
    const char *prefix;
    const char *triple, *data_layout;
    VEC(LLVMModuleRef) modules; // the parts, each in a context of its own
    int part_limit;             // instructions after which the next function begins another part; 0: one part
    int instructions;           // of the present part, but for the function being emitted

    // the present part
    LLVMContextRef llvm;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMTypeRef i1, i8, i32, i64, f32, f64, pointer, none, real; // real: the program's precision
    int lanes;                                                   // of the program's reals
    bool fused, avx512, bf16; // fused: there is a multiply-add; bf16: one for words of two bfloat16
    bool checked;             // every subscript is compared with its bounds

    Operand run; // nn_run: the one way into the functions

    // the function being emitted
    Operand function, call, arena_pointer, thread, threads, rows_value;
    BasicBlock entry;
    bool partial;               // rows may be fewer than declared
    Operand rows;               // i64: a constant unless partial
    Operand now;                // i64: the step of the loop around the kernels, NULL: none
    Operand seed, batch_number; // of draws: loaded in the entry block on first use
    Operand *sources;           // pointers to the sources, likewise

    const Layout **bases; // a function shared by kernels: the layouts whose places are its parameters
    int base_count;       // 0: places are constants
    Operand *base_pointers;

    Point point;
    VEC(Memo) memo;
    int buckets[MEMO_BUCKETS]; // 1 + number of the newest entry, 0: none
} Emitter;

// ---- build.c: values --------------------------------------------------------------------------------------

bool is_vector(Operand x);
bool is_real(Operand x);
LLVMTypeRef element_type(Operand x);
LLVMTypeRef vector_of(const Emitter *em, LLVMTypeRef element);
LLVMTypeRef shaped_like(const Emitter *em, Operand shape,
                        LLVMTypeRef element); // scalar or vector as `shape` is
Operand build_i32(const Emitter *em, int64_t value);
Operand build_i64(const Emitter *em, int64_t value);
Operand build_like(Emitter *em, Operand x, double value); // a constant of x's type, number or integer
Operand build_splat(Emitter *em, Operand x);
Operand build_convert(Emitter *em, Operand x, LLVMTypeRef element); // between i1, i32, float, double
Operand build_condition(Emitter *em, Operand x);                    // to i1
void build_match(Emitter *em, Operand *a, Operand *b);              // the same shape and the wider type
void build_shapes(Emitter *em, Operand *a, Operand *b);             // the same shape
Operand build_add(Emitter *em, Operand a, Operand b);
Operand build_sub(Emitter *em, Operand a, Operand b);
Operand build_mul(Emitter *em, Operand a, Operand b);
Operand build_neg(Emitter *em, Operand a);
Operand build_fma(Emitter *em, Operand a, Operand b, Operand c); // a * b + c
Operand build_select(Emitter *em, Operand condition, Operand a, Operand b);
Operand build_smaller(Emitter *em, Operand a, Operand b); // of two integers
Operand build_larger(Emitter *em, Operand a, Operand b);
Operand build_and(Emitter *em, Operand a, Operand b); // of conditions; NULL is true
Operand build_or(Emitter *em, Operand a, Operand b);
Operand build_quotient(Emitter *em, Operand a, Operand b); // of integers that are not negative
Operand build_icmp(Emitter *em, LLVMIntPredicate how, Operand a, Operand b);
Operand build_fcmp(Emitter *em, LLVMRealPredicate how, Operand a, Operand b);
Operand build_intrinsic(Emitter *em, const char *name, LLVMTypeRef *overloads, int overload_count,
                        Operand *args, int count);
Operand build_unary(Emitter *em, const char *intrinsic, Operand x);
LLVMTypeRef call_type(const Emitter *em, const Operand *args,
                      int count); // that takes these, and gives nothing
void build_call(Emitter *em, Operand function, Operand *args, int count); // of that type
Operand build_lane_numbers(Emitter *em, int64_t factor);                  // <0, factor, 2 factor ..> as i32
Operand build_mask(Emitter *em, int64_t count);                           // lanes below a constant
Operand build_mask_of(Emitter *em, Operand count);                        // lanes below an i64
Operand build_variable(Emitter *em, Operand initial); // a local that mem2reg makes a register
BasicBlock build_block(Emitter *em);
void build_at(Emitter *em, BasicBlock block);   // what follows stands at its end
void build_goto(Emitter *em, BasicBlock block); // a jump there, where what follows stands
void build_branch(Emitter *em, Operand condition, BasicBlock then, BasicBlock otherwise); // follows: `then`

// ---- math.c, ops.c: the scalar table ----------------------------------------------------------------------

Operand build_expm1(Emitter *em, Operand x);
Operand build_log1p(Emitter *em, Operand x);
Operand build_tanh(Emitter *em, Operand x);
Operand build_sigmoid(Emitter *em, Operand x);
Operand build_softplus(Emitter *em, Operand x);
Operand build_sin(Emitter *em, Operand x);
Operand build_erf(Emitter *em, Operand x);
Operand build_erfinv(Emitter *em, Operand x);
Operand build_pow(Emitter *em, Operand x, Operand y);
Operand build_divide(Emitter *em, Operand a, Operand b);
Operand build_exp(Emitter *em, Operand x);
Operand build_log(Emitter *em, Operand x);
Operand build_cos(Emitter *em, Operand x);
Operand build_sqrt(Emitter *em, Operand x);

// ---- bf16.c: two bfloat16 in a word -----------------------------------------------------------------------

Operand build_bf16(Emitter *em, Operand x);                             // a number rounded
Operand build_bf16_pair(Emitter *em, Operand even, Operand odd);        // a word
Operand build_bf16_dot(Emitter *em, Operand a, Operand b, Operand sum); // words multiplied, added to a sum

Operand emit_op(Emitter *em, Op op, const Operand *args, int count, Type result);

// ---- draw.c -----------------------------------------------------------------------------------------------

Operand emit_draw(Emitter *em, const Draw *draw);

// ---- value.c, address.c: expressions at the point ---------------------------------------------------------

Operand emit_value(Emitter *em, const Expr *e);
Operand emit_integer(Emitter *em, const Affine *form); // i32, numerator (denominator 1)
Operand emit_guard(Emitter *em, Guard guard);
Operand emit_row_exists(Emitter *em, const Affine *row); // is this row of the batch one of the true ones?
void emit_factors(Emitter *em, const Expr *product, Operand *a, Operand *b); // product = a * b, b may be NULL
// What of the stage's expression does not depend on its inner axes, for each instance: so that it is computed
// once, before the loops over them.
void emit_invariants(Emitter *em, const Stage *stage, const Expr *e);
uint64_t point_of(const Emitter *em, uint32_t axes);
Operand memo_find(const Emitter *em, const void *what, uint64_t point, int lane);
void memo_add(Emitter *em, const void *what, uint64_t point, int lane, Operand value);
void memo_cut(Emitter *em, int mark);

bool reads_may_leave(const Emitter *em, const Kernel *k, const Tensor *t, const Affine *const *forms);
Operand emit_load(Emitter *em, const Tensor *t, const Affine *const *forms, int count);
// A value read there: of an integer the tensor's least, where the element is not there.
Operand emit_settled(Emitter *em, const Tensor *t, const Affine *const *forms, Operand value);
void emit_store(Emitter *em, const Tensor *t, const Affine *const *forms, int count, Operand value);
Operand emit_pointer(Emitter *em, const Tensor *t, const Affine *const *forms); // to the element, first copy
void emit_prefetch(Emitter *em, const Tensor *t,
                   const Affine *const *forms);  // what a tile will need at its end
bool is_far(const Emitter *em, const Tensor *t); // worth reading ahead
Operand emit_rest(Emitter *em, const Affine *form,
                  const Index *without); // i64: the form without one index's term

// ---- part.c: modules, each with some of the functions -----------------------------------------------------

void part_open(Emitter *em);
// A function that all parts can call, no one else; may open another part. After that what stands in the
// emitter is of that part: types, and functions by function_named.
Operand function_new(Emitter *em, const char *name, LLVMTypeRef (*type)(const Emitter *em, int count),
                     int count);
Operand function_named(Emitter *em, const char *name, LLVMTypeRef type); // to be called from this part
void function_local(Emitter *em, Operand function);                      // internal to its part
void function_attributes(const Emitter *em, Operand function);           // for whole vectors

// ---- function.c: what a function gets with its call -------------------------------------------------------

Operand emit_source(Emitter *em, const Tensor *t); // pointer to its rows
Operand emit_seed(Emitter *em);                    // i64
Operand emit_batch_number(Emitter *em);            // i32
Operand emit_passed(Emitter *em, size_t offset);   // the pointer at this place of nn_call
// Everything after this is emitted into the function, whose first parameters are call, thread and threads;
// rows NULL: those of the call.
void function_begin(Emitter *em, Operand function, Operand rows);
void emit_functions(Emitter *em); // all, behind the dispatcher em->run

// ---- weave.c: chains of operations in turn
// --------------------------------------------------------------------

enum { MOST_WOVEN = 4 };
typedef struct {
    BasicBlock block; // where all of them stand; NULL: not in one
    int count;
    Operand ends[MOST_WOVEN + 1]; // the last instruction before the first one, and of each
} Weave;
void weave_open(Emitter *em, Weave *w);
void weave_next(Emitter *em, Weave *w); // one ends here, another may begin
bool weave_is_full(const Emitter *em, const Weave *w);
void weave_close(Emitter *em, Weave *w);

// ---- tile.c, nest.c, sum.c: kernels -----------------------------------------------------------------------

typedef struct {
    BasicBlock head, exit;
    Operand counter;
    int mark, axis;
    int64_t step;
    AxisState saved;
} Loop;
Loop loop_open(Emitter *em, int axis, Operand low, Operand high, int64_t step);
void loop_close(Emitter *em, Loop *loop);
void instance_set(Emitter *em, int instance);
void instances_make(Emitter *em, bool by_lane);
Operand tiles_of(Emitter *em, int axis);                                    // of the present segment, i64
void thread_share(Emitter *em, Operand total, Operand *low, Operand *high); // this thread's of `total` things
void owned_tiles(Emitter *em, Operand *low, Operand *high);                 // this thread's of the owned axis
void blocked_nest(Emitter *em);
int64_t axis_step(const Emitter *em, int axis); // elements of a whole tile
bool axis_short(const Emitter *em, int axis);   // a batch axis that may end early
Operand axis_end(const Emitter *em, int axis);  // i64: one more than its last
void sum_stage(Emitter *em, const Stage *stage);

// ---- clip.c: guards that bound loops

typedef struct {
    Operand low, high;               // points of some result of the tile
    Operand middle_low, middle_high; // of all
    bool cut_low, cut_high;          // they are the guards', not the loop's own
    bool edge_low, edge_high;        // between are points of some results and not of others
} Bounds;
void clips_find(Emitter *em, const Stage *stage); // and the body without them
bool clips_hold(const Emitter *em, int axis);     // does one hold its index?
Bounds clips_bound(Emitter *em, const int *axes, int j, int count, Operand low, Operand high); // of loop j
void bounds_round(Emitter *em, Bounds *b, int64_t step);
Operand clips_some(Emitter *em);
Operand clips_apply(Emitter *em, Operand value, Operand otherwise);

void remember_result(Emitter *em, const Stage *stage, int lane, Operand value);
Operand result_of(Emitter *em, const Stage *stage);
void stage_values(Emitter *em, const Stage *stage);
void lanes_of_results(Emitter *em); // and instances, as results are stored
void clear_instance(Emitter *em);
void emit_tile(Emitter *em);
void emit_call(Emitter *em);  // a tile that is computed elsewhere (call.c)
void emit_nests(Emitter *em); // the kernel's tiles, for the row at hand where it scatters
void emit_kernel(Emitter *em, const Kernel *kernel);

// ---- late.c: updates that rows wait for (pass/defer.c)

void late_open(Emitter *em);                             // before the rows
void late_turn(Emitter *em, Operand *from, Operand *to); // of these rows those whose turn it is
void late_row(Emitter *em, Operand row);                 // catches up with it; or updates it, and notes that
void late_ahead(Emitter *em, Operand row);               // asks for what it holds
void late_close(Emitter *em);                            // behind the rows
void late_tile(Emitter *em);                             // the missed steps of a tile of the row at hand
Operand late_value(Emitter *em, const Expr *read);       // in a missed step; NULL: as ever
// Between which values a number was in the steps that rows wait for. False: it is none of these numbers.
bool late_range(Emitter *em, const Expr *read, Operand *low, Operand *high);
Operand late_left(Emitter *em); // how many steps the row still has to make, i64

// ---- steady.c: what missed steps leave alone; of one instance, `values` by stage

bool stage_adds(const Stage *stage); // to its old value
// Do steps leave alone all that is added to? NULL: that cannot be known.
Operand emit_steady(Emitter *em, Operand *values);
Operand emit_nothing(Emitter *em, Operand *values); // and everything else as well, if that is so; NULL

// ---- scatter.c: rows with their positions -----------------------------------------------------------------

void emit_row(Emitter *em, Operand row);              // its tiles
void emit_rows(Emitter *em);                          // of this thread, each with its tiles
void emit_positions(Emitter *em, const Stage *stage); // of the row at hand, in the loop over all rows
void accumulate(Emitter *em, int64_t sub); // sum.c: one point of the sum, in all instances of the tile

// ---- key.c, shared.c: kernels as functions; those equal but for their places are one ---------------------

typedef struct {
    const char *text;
    const Layout **layouts;
    int layout_count;
} KernelKey;
KernelKey kernel_key(const Emitter *em,
                     const Kernel *k); // in the emitter's present version (whole or partial)
bool kernel_needs_rows(Arena *arena, const Kernel *k);
typedef struct Shared Shared;
Shared *shared_create(Emitter *em);
void shared_note(Emitter *em, Shared *s, const Kernel *k,
                 int64_t rows);           // rows: declared, 0: fewer may be there
void shared_emit(Emitter *em, Shared *s); // all that are functions
bool shared_call(Emitter *em, Shared *s, const Kernel *k,
                 int64_t rows); // false: it is to be emitted in place

#endif
