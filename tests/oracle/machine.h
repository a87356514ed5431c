// The reference interpreter's inside: an equation's expression compiled to a compact graph of nodes,
// evaluated point by point. A value is kept while the indices it depends on stand still; the side not taken
// is never evaluated.
#ifndef ORACLE_MACHINE_H
#define ORACLE_MACHINE_H

#include "oracle/interpret.h"

typedef struct Machine Machine;

// What the environment knows of a tensor beyond its values.
typedef struct {
    Value *value;
    uint8_t *written; // by element, while its definition runs
    uint32_t run;     // the run that defined it
} Cell;

struct Environment {
    Program *p;
    int64_t rows;
    uint64_t seed;
    uint32_t batch_number, run;
    VEC(Cell) cells;         // by the tensor's id
    VEC(Machine *) machines; // compiled equations
    int last;                // the one that was found last
    const char *error;
};

typedef struct {
    int slot, node;
    int64_t coef;
} Part; // slot >= 0: an index's value; else a node's
typedef struct {
    int64_t constant, denominator;
    int count;
    const Part *parts;
} Form;
typedef struct {
    Form form;
    int64_t count;
} Check;

typedef struct Node Node;
struct Node {
    uint16_t op;
    int count, form_count;
    int level; // the innermost loop it depends on; 0: none
    const int *args;
    const Form *forms;   // of a read, an affine value, a draw (its element)
    const Check *checks; // of a where
    const Expr *e;
    Value *value; // of a read
    double (*evaluate)(const double *args);
    double result;
    uint64_t stamp;
};

enum { MAX_LOOPS = 2 * MAX_RANK + 32 };

struct Machine {
    Environment *env;
    const Equation *q;
    const Expr *e; // what was compiled
    VEC(Node) nodes;
    const Index *loops[MAX_LOOPS];
    int loop_count, out_loops;      // the result's come first
    int64_t at[MAX_LOOPS];          // the loops' values
    uint64_t stamps[MAX_LOOPS + 1]; // stamps[level]: changes when a loop up to it steps
    int time;                       // the loop that a recurrence holds at one value, now `now`; -1: none
    int64_t now;
    int root;
    Form out[MAX_RANK];
    Value *result;
};

// False after setting the environment's error.
bool machine_compile(Machine *m, Environment *env, const Equation *q);
double machine_value(Machine *m, int node);
bool machine_form(Machine *m, const Form *form, int64_t *value); // false: not whole
void machine_fail(Machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
