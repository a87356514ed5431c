// A function as definitions in order, for passes that rewrite it as a list (flow.c).
#ifndef NN_FLOW_H
#define NN_FLOW_H

#include "ir/ir.h"

typedef struct {
    Tensor *tensor;
    Equations equations; // its pieces
    bool live;           // needed outside of the function
} Definition;
typedef struct {
    Program *p;
    Function *f;
    VEC(Definition *) order;
    VEC(Definition *) by_id; // by the tensor's id, NULL: not defined here
} Flow;
Flow *flow_open(Program *p, Function *f);
Flow *flow_empty(Program *p, Function *f);
Definition *flow_definition(const Flow *flow, const Tensor *t);
Definition *flow_add(Flow *flow, Tensor *t); // a new definition at the end
void flow_close(Flow *flow);                 // writes the function's equations
void function_drop_dead(Program *p, Function *f);
int *function_reads(const Program *p, const Function *f); // of each tensor, by its id: distinct reads

#endif
