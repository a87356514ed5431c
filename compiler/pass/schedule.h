// What the scheduling passes share among themselves: building kernels and stages, who writes and reads a tensor.
// Private to pass/; the contract with emission is kernel.h.
#ifndef NN_SCHEDULE_H
#define NN_SCHEDULE_H

#include "pass/kernel.h"

// Kernels of one function that write or read a tensor, by its number.
typedef struct {
    VEC(Kernel *) writers, readers;
} Use;

typedef struct {
    Arena *arena;
    Use *uses;                        // by number of the tensor
    const Use *nobody;
} Uses;

Uses uses_create(Arena *arena, const Program *p, const Schedule *s);
void uses_add(Uses *u, Kernel *k);

// Every distinct read of an expression, in the arena.
const Expr *const *expr_reads_of(Arena *arena, const Expr *e, int *count);

// An equation's indices, the result's first, then the reduction's.
enum { MAX_SPACE = 2 * MAX_TILE_AXES };
int equation_space(const Equation *q, const Index **indices, int *result_count);

// A kernel of this equation alone; `map[i]` is the axis of the equation's i-th index in an existing one.
Kernel *kernel_create(Kernels *ks, Schedule *s, const Equation *q);
void kernel_add_stage(Kernels *ks, Kernel *k, const Equation *q, const int *map);
bool kernel_writes(const Kernel *k, const Tensor *t);

// Effects in place where that is legal, else copies; the order of execution; which tensors need memory.
void schedule_effects(Kernels *ks, Schedule *s);
void schedule_order(Kernels *ks, Schedule *s);

// The coefficient of the axis, where the form holds it as an index and in no other way; else 0.
int64_t affine_axis_coef(const Affine *f, int axis);

Layout *layout_of(Kernels *ks, Tensor *t);
bool tensor_outlives(const Tensor *t);                       // a function: has a place of its own throughout
int lanes_of(const Kernels *ks);
int element_size(const Program *p, const Tensor *t);

#endif
