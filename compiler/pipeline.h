// The contract of the driver with the pipeline: one compilation, from text to whatever was asked for.
#ifndef NN_PIPELINE_H
#define NN_PIPELINE_H

#include "llvm/llvm.h"
#include "pass/kernel.h"
#include "emit/module.h"

typedef enum { FORM_TEXT, FORM_TREE, FORM_EQUATIONS, FORM_KERNELS, FORM_OUTPUT } Form;

typedef struct {
    const char *path; // the model file
    CompileOptions compile;
    const char *cpu, *triple;
    Levels higher;                // that it is compiled for beside `cpu`
    OutputOptions output;         // digests, directory and target are filled in by the pipeline
    Blas blas;                    // --blas
    bool dense;                   // --dense
    bool fit;                     // --fit
    const char *const *libraries; // --library
    int library_count;
    const char *stop_after, *dump_after; // names of passes, `all` for dump_after; NULL: none
    bool verify;
} PipelineOptions;

// What a program is compiled with to take less memory, and what it takes then.
typedef struct {
    double room;  // Program.room
    int bordered; // Machine.bordered
    int64_t size; // of the arena
} Fit;

typedef struct {
    const PipelineOptions *options;
    Context *ctx;
    Library *library;
    VEC(Node *)
    libraries; // the trees of the standard library's files and of --library, in the order of their sources
    const char *text; // what stands in the model file, where it is not read from there
    size_t length;
    Source *source;
    Node *root;
    Tree *tree; // NULL: a file without `train`
    Module *module;
    Kernels *kernels;
    Target *target;
    Fit fit;                        // what --fit tries
    bool gradients_only;            // gradcheck: the step ends at its gradients
    VEC(GradientRequest) gradients; // which they are, if so
    int done;                       // passes that have run
    double *milliseconds;           // of each pass, in the order of passes.def
} Pipeline;

Pipeline *pipeline_create(const PipelineOptions *options);
void pipeline_destroy(Pipeline *p);
// What code is made for. False: the machine or the command line names nothing that it can be made for.
bool pipeline_target(Pipeline *p);
// The same for another text, under the same name; the library is not read again. Memory is given back by
// pipeline_destroy alone.
void pipeline_again(Pipeline *p, const char *text, size_t length);
// Runs passes until a stage is reached. False: errors are in the Context, or the run was stopped
// (stop_after).
bool pipeline_run(Pipeline *p, Form until);
// Runs passes up to and with the one of this name, which is not the last.
bool pipeline_run_to(Pipeline *p, const char *pass);
// All that can be wrong with a program, nothing written; a file without `train` is checked as a library.
bool pipeline_check(Pipeline *p);
// Of the program, its library and the options: 32 hexadecimal digits. `run`: without epochs, steps and stop.
const char *pipeline_digest(Pipeline *p, bool run);
// What --time-passes prints.
void pipeline_times(const Pipeline *p, void *file);
// The file's name without its folder and `.nn`.
const char *path_stem(Arena *arena, const char *path);
int pipeline_pass_count(void);
const char *pipeline_pass_name(int pass);

#endif
