// What the files of shape/ share: where a phrase stands, the applications on the way to it, and what each
// file offers the others.
#ifndef NN_LOOK_H
#define NN_LOOK_H

#include "shape/shape.h"

enum { SHAPE_NESTING = 64, SHAPE_ROUNDS = 10000, SHAPE_LAYERS = 10000, SHAPE_ERRORS = 20 };

// An application on the way to the text that is looked at. `path`: of layers made in it (rule 18), `round`:
// the rounds of the repeats around it.
typedef struct Application {
    const struct Application *outer;
    const Definition *define;
    Span span;
    const char *path, *round;
    int depth;
} Application;

struct Shaper {
    Context *ctx;
    Arena *arena;
    Library *library;
    int64_t batch;
    const Application *at;
    Tree *tree; // for parameters by their path; NULL: there is none yet
    VEC(Case *) cases;
    Case **table;
    struct Interned **dims;
    int64_t rounds;       // of the repeats around what is looked at, multiplied
    Shape field;          // of the data block's line at hand: a reader has it
    Case *data;           // the data block whose text it is, where nothing trains a parameter
    const Phrase *source; // of that block
    int listed;           // rows of the lists of the part at hand, 0 before the first
    const Phrase *line;   // that line
    bool row;             // that line is an equation with indices: a column is one number in it
    bool rates;           // numbers of calls are settings of the trainer, where they decide nothing
    bool open;            // in a recur: something that is not known yet was asked for
    bool last;            // it is not going to be known
    int errors;           // before anything was looked at
    bool stopped;         // nothing more is looked at: a definition calls itself without end
};

// Where a phrase stands: in an equation with indices, where tensors need brackets; under something that runs
// over
// `..`; in a subscript or size.
typedef struct {
    Shaper *s;
    Case *c;
    bool indexed, dots, subscript;
    const struct Loop *loop; // the recur around, or NULL
} Place;

typedef struct Loop {
    const Slot *index;
    Extent dim;
    const struct Loop *outer;
} Loop;

Shaper *shaper_create(Context *ctx, Library *library, int64_t batch); // run.c

// ---- report.c ----

#define fail(s, code, span, ...)                                                                             \
    report_in_chain((s), diagnose((s)->ctx, (code), report_place((s), (span)), __VA_ARGS__), (span))
// The same where a shape, or a truth, is due.
#define fail_shape(...) (fail(__VA_ARGS__), shape_wrong())
#define fail_false(...) (fail(__VA_ARGS__), false)
Diagnostic *report_in_chain(Shaper *s, Diagnostic *d, Span span);
// Is it a number, a tensor of them, or not known yet? False after a message.
bool holds_numbers(Shaper *s, Shape v, Span span);
Shape one_number(Shaper *s, Shape v, Span span);     // what it is as one number; WRONG after a message
Shape needs_brackets(Shaper *s, Shape v, Span span); // the message: a tensor in an equation with indices
Span report_place(const Shaper *s, Span span);
const char *extents_text(Arena *arena, const Extent *dims, int rank);

// ---- case.c ----

const Extent *extents(Shaper *s, const Extent *dims, int rank); // the one array of these
bool extent_equal(Extent a, Extent b);
Shape shape_wrong(void);
Shape shape_known(double number, bool integral);
Shape shape_bool(bool truth);
Shape shape_scalar(Type type);
Shape shape_tensor(Shaper *s, const Extent *dims, int rank, Type type); // of no dimensions: a scalar
Shape shape_first(Shape v);                                             // of several results the first
Shape shape_plain(Place at, Shape v, Span span); // of several results the first, a list as a tensor
bool shape_fits(Shape v, Shape wanted);          // a tensor of the same dimensions
bool shape_is_number(Shape v);                   // known or not
Slot *slot_named(const Definition *d, const char *name, SlotKind kind); // SLOT_WRONG: of any kind
static inline bool definition_is_layer(const Definition *d) { return is_layer_define(d->node); }
Application *application_new(Shaper *s, Application a);
Application *application_outside(Shaper *s, Span span, int depth); // the text of a file: nothing leads to it
const char *path_joined(Arena *arena, const char *path, const char *name, const char *round);
// Where a layer that is made here lies (rule 18); NULL: it is none.
const char *path_made(Shaper *s, const Application *at, const Phrase *p);
// call.c: defaults that the trainer may set are numbers of the run, where Shaper.rates says so.
void default_rates(const Shaper *s, const Definition *d, Shape *given);
// A definition under arguments by parameter (NONE: not given), found or made; wrong ones are not kept.
// `path`: of the layer.
Case *case_of(Shaper *s, Definition *define, const Shape *given, int count, const char *path, Span span);
// The text of a pipe or repeat, or the block of a round, applied to a value.
Case *case_inner(Shaper *s, const Phrase *inner, Case *home, const Shape *given, int count, Slot *round);
void case_add(Shaper *s, Case *c);
Case *case_new(Shaper *s, Definition *define);

// ---- signature.c ----

// Looks at a definition's text under the case's arguments, which `caller` gives at `span`.
void case_look(Shaper *s, Case *c, const Application *caller, Span span);
// Of an application: probabilities where logits are asked for, more logits than classes.
void warn_arguments(Place at, const Definition *d, const Shape *given, Span span);
void warn_one_number(Place at, const char *function, Shape v, Span span);
// Does the number lie within the limits that the parameter declares? False after a message.
bool limits_fit(Shaper *s, const Definition *d, int i, Shape v, Span span);

// ---- value.c ----

Shape shape_at(Place at, const Phrase *p);    // memo: Case.of
Shape shape_whole(Place at, const Phrase *p); // an argument or base that is a whole tensor
Shape join(Place at, Operator op, Shape a, Shape b, Span span);
// Values of numbers and tensors of one shape, element by element. False after a message.
bool unify(Place at, const Shape *values, int count, Shape *out, Span span);
Shape choose(Place at, Shape condition, Shape a, Shape b, Span span);
Shape builtin_shape(Place at, const Builtin *row, const Shape *values, int count, Span span);
// 1 or 0 where it is known; -1: when running only, or after a message (then its kind is WRONG).
int condition_at(Place at, const Phrase *p, Shape *condition);
// A number known when compiling; a whole one without a unit. False after a message that says what it is.
bool known_at(Place at, const Phrase *p, const char *what, double *number);
bool number_at(Place at, const Phrase *p, const char *what, int64_t *number);
bool count_at(Place at, const Phrase *p, const char *what, Dimension unit,
              int64_t *number); // or with this unit
bool is_whole(Shape v);         // INT or BOOL

// ---- index.c ----

Shape read_shape(Place at, const Phrase *p);
Shape reduce_shape(Place at, const Phrase *p);
Shape reduction_shape(Place at, const Builtin *row, Shape v, Span span); // of a whole tensor
Shape count_shape(Place at, Shape v, Span span);
Shape reshape_shape(Place at, const Phrase *p, Shape v, int from);
Shape order_shape(Place at, Shape v, Span span);

// ---- range.c ----

// Dimensions of brackets, one by one; `..`. False after a message.
bool add_dim(Place at, Span span, Extent dim, Extent *dims, int *rank);
bool add_dots(Place at, Span span, Extent *dims, int *rank);

// The range of an index by what it stands in (rule 3, third stage). WRONG after a message; OPEN: not known
// yet.
typedef enum { RANGE_WRONG, RANGE_OPEN, RANGE_FOUND } RangeState;
RangeState index_range(Place at, const Phrase *binder, const Slot *index, Extent *dim);
bool index_given(Place at, const Phrase *binder, const Slot *index); // without a message
void range_set(Place at, const Slot *index, Extent dim);
const Phrase *read_base(const Phrase *read, bool *extended); // what is read; extended: by `extend(…)`
bool range_known(Place at, const Slot *index);
bool dim_at(Place at, const Phrase *p, Extent *dim);
bool dims_fit(Place at, const Extent *dims, int rank, Span span);
// The dimensions of a DECLARE's brackets, `..` written out. False after a message.
bool dims_declared(Place at, const Phrase *declare, Extent *dims, int *rank);

// ---- give.c ----

// A block's statements; what its last expression is, or ABSENT.
Shape block_shape(Place at, const Phrase *block);
Shape statement_shape(Place at, const Phrase *p);
Shape give_shape(Place at, const Phrase *p); // what the line gives; the slot has it from statement_shape
void slot_set(Place at, const Slot *slot, Shape v, Span span);
Shape state_error(Place at, const Slot *slot, Shape wanted, Shape v, Span span);
const Loop *loop_of(Place at, const Binder *binder); // whose index it is, or NULL
// A form of indices as k * index + rest, and how far the rest goes; false: it is none, or another index in it
// has no range.
typedef struct {
    double k, low, high;
} Form;
bool form_split(Place at, const Phrase *p, const Slot *index, Form *f);

// ---- recur.c ----

Shape recur_shape(Place at, const Phrase *p);

// ---- call.c ----

Shape apply_shape(Place at, const Phrase *p);
Shape make_shape(Place at, const Phrase *p);
Shape pipe_shape(Place at, const Phrase *p);
Shape call_builtin_shape(Place at, const Phrase *p, const Shape *first);
Shape closure_apply(Place at, Shape what, Shape input, const Phrase *p, Span span);
Shape define_apply(Place at, Definition *d, Shape *given, const char *path, const Phrase *p, Span span);
Shape closure_shape(Shaper *s, Closure closure, Span span);
Shape *closure_given(Shaper *s, const Closure *f); // a copy of what it has
Shape forced(Shaper *s, Shape v);                  // an EXPRESSION is what it gives

// ---- argument.c, data.c, reader.c ----

enum { OWN_MISSING = 2, OWN_OTHER = 3, NAMED = 4 }; // places in class(e, n, missing, other, named)

// Are the arguments of a word of data blocks or settings of their types? False after messages.
bool arguments_fit(Place at, const Phrase *p);
// The parts of a text are pieces of it: false after a message.
bool divides(Place at, const char *word, Span span);
bool lies_in(Place at, Span span, const char *what, int64_t n, int64_t least, int64_t most);
// The value of a COUNT or FLAG of `train` lies where it must. False after a message.
bool setting_fits(Place at, const char *name, const Phrase *p);

// The fields of a data block, by slot: of one row. False after messages.
Case *data_shape(Shaper *s, Definition *data);
Shape reader_shape(Place at, const Phrase *p);
Shape data_list_shape(Place at, const Phrase *p);
bool window_fits(Place at, const Phrase *p);  // argument.c: of a text
bool reads_source(Place at, const Phrase *p); // may this word stand in a block of its source?

// ---- part.c ----

void look_at_part_files(Place at, const Phrase *block);

// ---- window.c ----

Shape window_shape(Place at, const Phrase *p); // of rows
void look_at_windows(Place at, const Phrase *block);
bool group_fits(Place at, const Phrase *p);              // what names a row's group
Shape restore_shape(Place at, const Phrase *p, Shape v); // restore(e, FIELD), v being what e is
Shape list_value(Place at, const Phrase *p);
// What stands for the whole row holds no index from around it. False after a message.
bool whole_row(Place at, const Phrase *p);
// As a tensor of a batch.
Shape field_of_batch(Shaper *s, Shape v);
const char *line_name(const Node *s); // what an assignment gives

#endif
