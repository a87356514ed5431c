// What the files of ir/ share and nobody else sees: the hash-consing tables of a program, scratch memos, and
// how a candidate expression becomes the one copy of it.
#ifndef NN_IR_TABLES_H
#define NN_IR_TABLES_H

#include "ir/algebra.h"

// A map from expressions (by id) to anything that is emptied in constant time. Walks borrow one and give it
// back, so that walks inside walks have memos of their own.
typedef struct {
    const void **values;
    uint32_t *stamps;
    uint32_t room, stamp;
} Scratch;

struct Tables {
    HashSet exprs, forms;  // all there are: an id is the number of those before
    const Index **free[2]; // rooms for unions, each for so many
    const Expr **reads[2];
    int free_room, reads_room;
    Scratch normal; // of expr_normal; lives as long as the program
    VEC(Scratch *) idle;
    Map *tensor_names;
    Map *taken; // by a name that was taken: the last number it got, as int *
};

struct Tables *tables_create(Arena *arena);

Scratch *scratch_open(Program *p);
void scratch_close(Program *p, Scratch *s);
const void *scratch_get(const Scratch *s, const Expr *e); // NULL: absent
void scratch_set(Program *p, Scratch *s, const Expr *e, const void *value);

// The one copy of this expression. Of the candidate op, type, value, args and the operation's own member
// count; arrays may live on the stack.
const Expr *expr_intern(Program *p, const Expr *candidate);
// Sets the interval of a new node, from its parts.
void expr_settle(Expr *e);
// What follows for an operation of at most MOST_ARGS arguments from their intervals; low and high are left
// where nothing does.
typedef struct {
    int64_t low, high;
} Interval;
enum { MOST_ARGS = 3 };
void expr_bounds_by_args(const Expr *e, const Interval *args, int64_t *low, int64_t *high);
void affine_settle(Affine *a);
// Orders arguments of commutative operations: by what they are but for names, then by creation.
int expr_order(const Expr *a, const Expr *b);
bool name_is_plain(const char *name); // as text
void equation_print_lines(Text *out, const Equation *q, const char *indent);

// Rows of ops.def by their functions.
const Expr *fold_operation(Program *p, Op op, const Expr *const *args, int count);
// Integer // and mod by a constant, as affine forms; NULL where the divisor is not a constant other than 0.
const Expr *affine_floor_div(Program *p, const Affine *a, int64_t m);

uint64_t bits_of(double value);
bool number_whole(double x, int64_t *value); // is it a whole number that a double holds exactly?
int64_t exact_mul(int64_t a, int64_t b);     // an overflow is our own error: shapes are checked before
int64_t clamp_add(int64_t a, int64_t b);     // saturates at the infinities of bounds
int64_t clamp_mul(int64_t a, int64_t b);

enum { SMALL = 64 };
// Room for n items on the stack if they are few, else in the arena.
#define scratch_array(p, T, small, n) ((n) <= SMALL ? (small) : arena_array((p)->arena, T, (n)))

#endif
