// The contract of base/: memory, strings, vectors, maps, source texts, diagnostics. Knows nothing of the
// language.
//
// Everything a compilation makes lives in one Arena and goes with it: nothing here is freed by hand.
// User errors are data (Diagnostic); our own errors abort through `die`.
#ifndef NN_BASE_H
#define NN_BASE_H

#include "status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STACK_SIZE = 64 << 20 }; // of every thread that compiles, whatever the system's limit

// ---- memory -----------------------------------------------------------------------------------------------

typedef struct Arena Arena;

Arena *arena_create(void);
void arena_destroy(Arena *arena);
// Bounds the memory of this process, the code generator's included; gives the bound that was there, which
// memory_bound takes back. Nothing under sanitizers, whose own memory is beyond bounds.
uint64_t memory_bound(uint64_t bytes);
// Prints a message and ends the process with NN_MEMORY. `size`: bytes that were asked for, 0: not known.
_Noreturn void memory_exhausted(size_t size);
// Zeroed memory. Never returns NULL: ends by memory_exhausted.
void *arena_alloc(Arena *arena, size_t size, size_t align);
#define arena_new(arena, T) ((T *)arena_alloc((arena), sizeof(T), _Alignof(T)))
#define arena_array(arena, T, n) ((T *)arena_alloc((arena), sizeof(T) * (size_t)(n), _Alignof(T)))

// Vectors in an arena: `VEC(int) v = {0}; vec_push(arena, &v, 3); v.data[0]; v.count`.
#define VEC(T)                                                                                               \
    struct {                                                                                                 \
        T *data;                                                                                             \
        int count, room;                                                                                     \
    }
#define vec_push(arena, v, ...)                                                                              \
    do {                                                                                                     \
        if ((v)->count == (v)->room)                                                                         \
            (v)->data = vec_grow((arena), (v)->data, &(v)->room, (v)->count, sizeof *(v)->data);             \
        (v)->data[(v)->count++] = (__VA_ARGS__);                                                             \
    } while (0)
void *vec_grow(Arena *arena, void *data, int *room, int count, size_t size);
// `every (x, list) …` for every item x of a vector that does not grow meanwhile; `every_at`: x is where it
// lies.
#define every_at(x, list)                                                                                    \
    for (__typeof__(*(list).data) *x = (list).data; x && x < (list).data + (list).count; x++)
#define every(x, list)                                                                                       \
    for (__typeof__(*(list).data) *x##_at = (list).data, x;                                                  \
         x##_at && x##_at < (list).data + (list).count && (x = *x##_at, true); x##_at++)
// Leaves the items x for which the condition holds.
#define vec_keep(x, list, condition)                                                                         \
    do {                                                                                                     \
        int x##_kept = 0;                                                                                    \
        every (x, list)                                                                                      \
            if (condition) (list).data[x##_kept++] = x;                                                      \
        (list).count = x##_kept;                                                                             \
    } while (0)

// ---- strings (NUL-terminated, immutable once made) --------------------------------------------------------

char *string_copy(Arena *arena, const char *text, size_t length);
char *string_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *string_vformat(Arena *arena, const char *format, va_list args);
bool string_equal(const char *a, const char *b);
// The shortest decimal text that reads back as the same double, in the C locale, whatever the process's
// locale.
char *string_of_double(Arena *arena, double value);
bool double_of_string(const char *text, size_t length, double *value);
// The candidate nearest to `word` (Damerau-Levenshtein, at most a third of its length, one below seven
// letters; of two letters one too many or both swapped, where that fits a single candidate), or NULL.
const char *string_nearest(const char *word, const char *const *candidates, int count);

// A text that grows (output of printers).
typedef struct {
    Arena *arena;
    VEC(char) chars;
} Text;
void text_add(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_put(Text *text, const char *string);
const char *text_string(Text *text);
void text_json(Text *text, const char *string); // quoted and escaped as JSON
// Prints to a FILE. On standard error and on terminals nothing is raw that a terminal would obey (utf8.h):
// whatever quotes a text, a name or a path goes this way.
void say(void *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

// ---- maps -------------------------------------------------------------------------------------------------

typedef struct Map Map; // from strings to pointers; iteration in the order of insertion
Map *map_create(Arena *arena);
void map_set(Map *map, const char *key, void *value);
void *map_get(const Map *map, const char *key); // NULL: absent
int map_count(const Map *map);
const char *map_key(const Map *map, int i);
void *map_value(const Map *map, int i);

uint64_t hash_bytes(const void *data, size_t length, uint64_t seed);
uint64_t hash_mix(uint64_t a, uint64_t b);

// Items by a hash of the caller's: `for (uint32_t probe = 0; (x = hash_next(&set, hash, &probe));)` meets all
// that were put with this hash. An empty set is {0}.
typedef struct {
    uint64_t hash;
    void *item;
} HashSlot;
typedef struct {
    HashSlot *slots;
    uint32_t count, room;
} HashSet;
void *hash_next(const HashSet *set, uint64_t hash, uint32_t *probe);
void hash_put(Arena *arena, HashSet *set, uint64_t hash, void *item);

typedef struct { // from pointers to pointers; empty: {0}
    const void **keys;
    void **values;
    int count, room;
} Table;
void table_set(Arena *arena, Table *table, const void *key, const void *value);
void *table_get(const Table *table, const void *key); // NULL: absent

// ---- source texts -----------------------------------------------------------------------------------------

// A place in the text: offsets in one space that all source files of a compilation share.
typedef struct {
    uint32_t start, end;
} Span;
static const Span NO_SPAN = {0, 0};

typedef struct {
    const char *name;      // as given, for messages
    const char *text;      // NUL-terminated, no embedded NUL
    uint32_t base, length; // of the first character in the space of spans; bases begin at 1
    bool library;          // a standard library file, or one given by --library
    const char *prefix;    // what stands before its names (`keras`), or NULL
} Source;

// ---- diagnostics ------------------------------------------------------------------------------------------

// Of an error its exit code.
typedef enum {
    SEVERITY_WARNING = NN_OK,
    SEVERITY_ERROR = NN_PROGRAM,
    SEVERITY_USAGE = NN_USAGE,
    SEVERITY_FILE = NN_FILE
} Severity;
typedef enum {
#define DIAGNOSTIC(code, severity, text, example) code,
#include "diagnostics.def"
#undef DIAGNOSTIC
    DIAGNOSTIC_COUNT
} DiagnosticCode;

typedef struct {
    Span span;
    const char *text;
} Note;
typedef struct {
    DiagnosticCode code;
    Severity severity;
    Span span;
    const char *text, *help; // help: the suggestion, or NULL
    VEC(Note) notes;         // second places, the chain of layers
    Note fix;                // what stands at this place instead, when it is mended; no text: nothing certain
} Diagnostic;

// One compilation: its memory, its sources, what it has to say. No globals anywhere.
typedef struct {
    Arena *arena;
    VEC(Source *) sources;
    VEC(Diagnostic *) diagnostics;
    int errors;
    Map *names; // interned strings
} Context;

Context *context_create(void);
void context_destroy(Context *ctx);
// The one copy of this text in the compilation: equal texts are equal pointers.
const char *context_intern(Context *ctx, const char *text, size_t length);
// Reads a file (limit 16 MiB, no NUL, valid UTF-8) or reports why not and returns NULL.
Source *source_load(Context *ctx, const char *path);
Source *source_add(Context *ctx, const char *name, const char *text, size_t length);
const Source *source_of(const Context *ctx, Span span);
void source_position(const Context *ctx, Span span, int *line, int *column); // from 1; column counts bytes

// Reports by the row of diagnostics.def; the arguments fill its text's %-formats. Never exits. A second
// diagnostic with the same code at the same span is dropped. Returns the diagnostic, so that notes and help
// can be added.
Diagnostic *diagnose(Context *ctx, DiagnosticCode code, Span span, ...);
void diagnostic_note(Context *ctx, Diagnostic *d, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diagnostic_help(Context *ctx, Diagnostic *d, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The code of a name; DIAGNOSTIC_COUNT: there is none, and the nearest, or NULL.
DiagnosticCode diagnostic_find(const char *name, const char **nearest);
// What a message says, and the smallest program that provokes it, which is returned; NULL: it has none.
const char *diagnostic_page(Text *out, DiagnosticCode code);
// `text` in place of the span is what was meant: `nnc check --fix` writes it. "": nothing stands there.
void diagnostic_fix(Context *ctx, Diagnostic *d, Span span, const char *text);
// "did you mean": the word that stands at the span is misspelt. False: none is near.
bool diagnostic_meant(Context *ctx, Diagnostic *d, Span span, const char *near);
bool diagnosed(const Context *ctx, Span span); // is there an error inside this place?
// The exit code of the worst message.
int context_status(const Context *ctx);
// Sorted by place; at most 20 errors, then "and N more". `json`: one object a line.
void diagnostics_print(Context *ctx, bool json, void *file);

// Our own mistake: prints what was being done, and aborts.
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
