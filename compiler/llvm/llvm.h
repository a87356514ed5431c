// The contract of llvm/: from kernels with addresses to machine code. The only folder that knows LLVM.
#ifndef NN_LLVM_H
#define NN_LLVM_H

#include "pass/kernel.h"
#include "emit/module.h"

// What code is made for: chosen by CPU features, never by a CPU's name.
typedef struct {
    const char *triple;   // of the system: the one there is
    const char *cpu;      // LLVM's name of the feature level: x86-64-v3, x86-64-v4
    const char *features; // what a trainer checks at start: "avx2,fma,..."
    bool fused;           // there is a multiply-add
    bool native;          // for the processor at hand
    bool bf16;            // there is one for pairs of bfloat16
    bool checked;         // the code compares every subscript with its bounds, and ends where one leaves them
    Machine machine;
} Target;

// `cpu`: native, x86-64-v2, x86-64-v3, x86-64-v4 or x86-64-v4-bf16; `triple`: NULL or x86-64's. NULL after a
// diagnostic.
Target *target_find(Context *ctx, const char *cpu, const char *triple);

// The levels that "x86-64-v2+v3+v4" names (what follows a `+` may be shortened so), each once, the highest
// first.
typedef VEC(const char *) Levels;
bool levels_read(Context *ctx, const char *cpu, Levels *levels); // false after a diagnostic

// Of programs in precision bf16: `native` takes this processor's instructions for it, where they are fast.
void target_use(Context *ctx, Target *t, Precision precision);

bool target_runs_here(const Target *t); // has this processor what it is for?

// A program compiled for one level more.
typedef struct {
    const Module *module;
    const Kernels *kernels;
    const Target *target;
} ForLevel;
typedef VEC(ForLevel) ForLevels;

typedef enum {
    OUTPUT_TRAINER,
    OUTPUT_OBJECT,
    OUTPUT_LIBRARY,
    OUTPUT_SHARED, // a shared library
    OUTPUT_PYTHON, // the same with a module in place of a header
    OUTPUT_ASSEMBLY,
    OUTPUT_LLVM,
    OUTPUT_HEADER
} OutputKind;

typedef struct {
    OutputKind kind;
    const char *path;                // of the result; an object's header lies beside it
    int *opened;                     // not NULL: a trainer gets no path, but is opened here
    const char *prefix;              // of every symbol
    const char *digest, *run_digest; // of the program; without epochs, steps and stop
    const char *program;             // its text
    const char *options;             // what it was compiled with, for `info`
    const char *directory;           // the model file's directory as seen from the executable, relative
    const Target *target;
    ForLevels higher; // the highest first: where none of them runs, what is for `target` does
    int optimization; // -O0 .. -O3
    bool debug;       // keep symbols
    bool checked;     // an interface takes the count of every array, and compares
} OutputOptions;

// Compiles and writes the result. False after a diagnostic about cc or a file.
// With --emit, asm and llvm are the object's code.
bool output_write(const Module *m, const Kernels *k, const OutputOptions *options);

// One piece of compiled code in memory, for tests: an object file whose one symbol is PREFIX_run (nn_run of
// abi.h).
typedef struct {
    const char *bytes;
    size_t length;
} Compiled;
Compiled compile_kernels(const Kernels *k, const Target *target, const char *prefix, int optimization);

// What the names of a C interface begin with, from a file's name: other characters as `_`, after nn_ where
// that is no name of one's own. May it be given on the command line?
const char *c_prefix(Arena *arena, const char *stem);
const char *c_parameter(Arena *arena, const char *text); // of any text; it may be a keyword
bool c_prefix_allowed(const char *name);
bool c_keyword(const char *name); // of any standard of C or C++

// What an object's interface never calls is not in it: functions of evaluation, of the run's end, and of the
// data block where nothing is predicted of raw columns.
void output_keep_called(const Module *m, Kernels *kernels, OutputKind kind);

// Can the system's tools that a kind of output needs be run? False after a diagnostic: asked before compiling
// starts.
bool tools_check(Context *ctx, OutputKind kind);
bool linker_check(Context *ctx);

typedef enum {
#define LIBRARY(code, archive, source, linked, packages, why, otherwise) LIBRARY_##code,
#include "llvm/libraries.def"
#undef LIBRARY
    LIBRARIES
} TrainerLibrary;
// Is there what it needs of the system to link, and does some kernel call OpenBLAS? The first is false after
// a diagnostic.
bool library_check(Context *ctx, TrainerLibrary library);
uint32_t libraries_of_source(const char *source); // a bit for each that reads it
bool kernels_use_openblas(const Kernels *k);

#endif
