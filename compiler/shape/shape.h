// The contract of shape/: what the phrases of a file are when compiling. Definitions that bind/ has bound go
// in; what comes out is a Case for each definition under arguments of given shapes, and the tree of the
// layers that a run is made of.
//
// Guarantees: a definition under equal arguments is one Case, however often it is applied. After no error
// every phrase that will be evaluated has a Shape that is not OPEN, conditions on settings are KNOWN, every
// index has a range, every recur a way, subscripts are as many as dimensions, the batch's index stands alone.
// The tree has every layer with its parameters' shapes, named by the text alone, and says whether it is
// frozen. So what needs names and shapes only (summary, `over`, `start`) needs no equations.
#ifndef NN_SHAPE_H
#define NN_SHAPE_H

#include "bind/bind.h"
#include "ir/ir.h"

typedef struct Shaper Shaper;
typedef struct Shape Shape;
typedef struct Case Case;

// ---- what is known of a value ----

typedef struct {
    int64_t size;
    bool batch; // the rows: how many is known when running
} Extent;

// NONE: not looked at. OPEN: not known yet, in a recur. WRONG: has had its message. ABSENT: its condition
// does not hold. A CALLABLE is a layer or function that is not applied yet.
typedef enum {
    SHAPE_NONE,
    SHAPE_OPEN,
    SHAPE_WRONG,
    SHAPE_ABSENT,
    SHAPE_KNOWN,
    SHAPE_SCALAR,
    SHAPE_TENSOR,
    SHAPE_TEXT,
    SHAPE_CALLABLE,
    SHAPE_TUPLE,
    SHAPE_LIST
} ShapeKind;

// A callable without identity: equal ones give equal cases. DEFINED: a layer or function with the arguments
// it already has, by parameter (NONE: not given). INNER: a pipe or a repeat, EXPRESSION: a setting with draws
// (rule 19), to be looked at in `home`, whose names it sees.
typedef enum { CLOSURE_DEFINED, CLOSURE_BUILTIN, CLOSURE_INNER, CLOSURE_EXPRESSION } ClosureKind;
typedef struct {
    ClosureKind kind;
    Definition *definition;
    const Builtin *builtin;
    const Shape *given;
    const Phrase *phrase;
    Case *home;
    const char *path; // of the layer it is, for messages; it decides nothing
} Closure;

struct Shape {
    uint8_t kind, type, rank; // ShapeKind; Type of KNOWN, SCALAR and TENSOR
    uint8_t unit, counts;     // Dimension (rule 23): a quantity; a plain number that counts steps or epochs
    bool is_class;            // rule 8
    bool is_probability;      // it was declared so; for messages: it decides nothing
    int64_t classes;          // of a class field: how many; for messages
    bool integral;            // KNOWN: whole, and made of whole ones
    bool is_rows, of_rows;    // SCALAR: the number of rows; a form in it
    bool is_row;              // SCALAR: the batch's index alone. TENSOR: its elements are rows (order)
    bool filtered;            // TENSOR: some elements are not there (rule 4)
    const Extent *dims;       // equal ones are one pointer
    double number;            // KNOWN
    union {
        const Closure *closure;
        const Shape *items; // TUPLE, LIST
        const char *text;
    };
    const char *const *names; // TUPLE: of its items
    int count;
    Span span; // where it is written, for messages; it decides nothing
};

// ---- cases ----

// A definition under arguments of these shapes, or the text of a pipe or repeat (`inner`) applied to a value
// in its `home`. What is in it is by number: of phrases, of slots. `call`: what is applied at a phrase; NULL
// where nothing is, or on a side not taken. `round`: at a repeat a case for each round, one after the other.
struct Case {
    Definition *define;
    const Phrase *inner;
    Case *home;
    const Shape *given;
    int count; // of given
    uint64_t key;
    Shape *of, *slot, result;
    Case **call;
    bool *mapped; // applied element by element, over the dims of the result
    Case **round;
    int rounds;
    int8_t *way; // of a recur, by phrase: 1 forward, -1 backward
    const Extent *dots;
    int dot_count;
    bool has_dots, filtered; // filtered: the elements of `..`
    bool layers;             // a layer is applied in it, or in what it applies
    bool wrong, done;
    const struct Application *from; // the first that asked for it
    Case *next;                     // of the same hash
};

// What a data block says of one of its settings (`split`, `order`, `stride`, `within`, a part's file), or
// NULL.
const Phrase *data_setting_phrase(const Definition *data, const char *name);
bool class_is_named(const Case *c, const Phrase *p); // class(e, n, named = true)
bool phrase_is(const Phrase *p, const char *name);   // this word of the language
// What a word of data blocks is given by this name; NULL: nothing, or `p` is none.
const Phrase *word_argument(const Phrase *p, const char *name);
int source_kind(const char *name);                 // of a data block: enum nn_source_kind
extern const char *const date_words[];             // parts of a date, as nn_date numbers them; NULL
const Phrase *data_stream(const Definition *data); // order = stream, or NULL
const Phrase *line_window(const Phrase *line);     // a field's window over rows, or NULL
const Phrase *line_value(const Phrase *line);      // what the line says of one row, or of each of a window's

// ---- the tree ----

// What a run does to each parameter: measures and clips its gradient, keeps an average of it, constrains it.
typedef enum { RULE_NORM, RULE_CLIP, RULE_AVERAGE, RULE_CONSTRAIN, RULES } RunRule;

typedef struct {
    const char *path; // net.dense_1.w
    Span span;
    const Extent *dims;
    uint8_t rank, type;
    bool state, trainable, constrained;
    const char *model; // of the run, that applies it first; NULL: none
    Case *by[RULES];   // of its shape; NULL: not in this run
} Declared;

// Who owns parameters: a layer of the text in an instance and round, a model, a constant of the file.
typedef struct {
    const char *path;
    const Definition *define;
    Span made;
    int depth;
    const Case *first; // its first use, which decides its shapes
    Shape result;      // of that use
    bool frozen;
    VEC(Declared *) declared;
} Layer;

// One application in which layers are made or applied; what only computes has none. `child`: by phrase; at a
// repeat it is one whose `round`s are the rounds.
typedef struct Instance {
    Case *of;
    Layer *layer;               // its own, or that of the text around
    const char *path, *in;      // of layers made in it; the rounds of the repeats around: "[2]"
    struct Instance *outer;     // of a pipe's text: where it is written
    const Phrase *const *given; // by parameter, what gives it; NULL: its default, or what stands before `|>`
    struct Instance **child, **round;
    int depth;                             // layers around it
    struct Made **slot, **made;            // callables by slot and by phrase, of the walk
    const struct Application *application; // for messages
} Instance;

// A clause of `minimize`: which parameters it changes (over: NULL for all), by what, and when (NULL: always).
// `rules`: for each of them the rule's case.
typedef struct {
    const Phrase *over, *optimizer, *condition;
    VEC(Declared *) params;
    VEC(Case *) rules;
} Chosen;
typedef struct {
    const Phrase *loss;
    VEC(Chosen) clauses;
} MinimizeLine;

typedef struct Tree {
    VEC(MinimizeLine) lines; // of minimize
    Case *checkpoint;        // the watch that says which weights are best, or NULL
    VEC(const char *) start; // what `start` takes from its file, by path; none: all
    Case *data;              // of the data block; `call`: at a part its own
    VEC(Definition *) asserts;
    VEC(Instance *) roots; // models that the run calls by itself, then the text of `train`
    VEC(Layer *) layers;   // in the order of application
    VEC(Declared *) params, states;
    Map *by_path;  // path -> Layer
    Map *declared; // path -> Declared
    int64_t batch;
    int64_t rows; // of the data, where the text says how many; else 0
    Shaper *shaper;
} Tree;

// Looks at the `train` block of a bound file, its data and its models. NULL after errors.
// The data blocks of a file with mistakes in other places: their messages.
void shape_data(Context *ctx, Library *library, const Node *root);
Tree *shape_run(Context *ctx, Library *library, const Node *root, int64_t batch);
// The layer or parameter of that path, or NULL.
const Layer *tree_layer(const Tree *tree, const char *path);
const Declared *tree_declared(const Tree *tree, const char *path);
// A file without `train`: each model and function whose signature says all shapes it needs, by itself, as the
// one root of a tree. False after errors.
typedef VEC(Tree *) Trees;
bool shape_library(Context *ctx, Library *library, const Node *root, Trees *trees);
// A definition applied to tensors, one a parameter, as the one root of a tree. NULL after errors.
Tree *shape_definition(Context *ctx, Library *library, Definition *d, Tensor *const *inputs, int64_t batch);
// The least of what `assert memory < e` lines allow, in bytes; -1: there is none.
int64_t asserts_memory(const Tree *tree);
// `assert` lines: whether they hold of these numbers (memory in bytes). False after messages.
bool asserts_check(const Tree *tree, int64_t params, int64_t flops, int64_t memory);

// The case of a constant that was looked at.
Case *constant_case(const Shaper *s, const Definition *constant);
// The parameter that part `i` of a call gives whose callee only its value tells: by name, or the next one.
int call_parameter(const Phrase *call, const Definition *d, int i, int *next);

// The cases in which a phrase has a shape, for editors and --verify. Returns how many; stores at most `room`.
int phrase_cases(const Shaper *s, const Phrase *phrase, const Case **cases, int room);
// "[batch 32, 10]", "a number", "a layer".
const char *shape_text(Arena *arena, Shape v);

#endif
