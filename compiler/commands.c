// The commands: each runs the pipeline as far as it needs; what goes wrong is in the messages.
#include "commands.h"

#include "base/workplace.h"
#include "grad/grad.h"
#include "inside/gradcheck.h"
#include "inside/times.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- from the command line to the pipeline's options ------------------------------------------------------

// The model file's folder as seen from the executable's: so the same layout of files gives the same bytes.
static const char *relative_folder(Arena *arena, const char *from, const char *to) {
    char *a = realpath(from, NULL), *b = realpath(to, NULL);
    const char *result = "";
    if (a && b) {
        size_t common = 0, i = 0;
        for (; a[i] && a[i] == b[i]; i++)
            if (a[i] == '/') common = i;
        if ((!a[i] || a[i] == '/') && (!b[i] || b[i] == '/')) common = i;
        Text text = {.arena = arena};
        for (const char *c = a + common; *c; c++)
            if (*c == '/' && c[1]) text_put(&text, "../");
        text_put(&text, b[common] ? b + common + 1 : "");
        result = text_string(&text);
    }
    free(a);
    free(b);
    return *result ? result : ".";
}

// What decides the bytes of the result, as text: part of the digest, and shown by the trainer's `info`.
static const char *options_text(Arena *arena, const Options *o) {
    static const Option which[] = {OPTION_CPU,      OPTION_TARGET, OPTION_BLAS,   OPTION_PRECISION,
                                   OPTION_OPTIMIZE, OPTION_BATCH,  OPTION_VERIFY, OPTION_DENSE};
    Text text = {.arena = arena};
    for (size_t i = 0; i < sizeof which / sizeof *which; i++)
        if (o->value[which[i]])
            text_add(&text, "%s%s %s", text.chars.count ? " " : "", option_spelling(which[i]),
                     o->value[which[i]]);
    for (int i = 0; o->command != COMMAND_SWEEP && i < o->list[OPTION_SET].count; i++)
        text_add(&text, " --set %s", o->list[OPTION_SET].data[i]);
    return text_string(&text);
}

static const char *const BLAS_WORDS[] = {
    [BLAS_NONE] = "none", [BLAS_AUTO] = "auto", [BLAS_OPENBLAS] = "openblas"};

// By default trainers may call OpenBLAS; what lives inside another program, or only derives, does not.
static Blas blas_of(const Options *o) {
    const char *word = o->value[OPTION_BLAS];
    bool trainer = !o->value[OPTION_EMIT] && o->command != COMMAND_GRADCHECK && o->command != COMMAND_GRAD;
    Blas blas = trainer ? BLAS_AUTO : BLAS_NONE;
    for (int b = BLAS_NONE; word && b <= BLAS_OPENBLAS; b++)
        if (!strcmp(word, BLAS_WORDS[b])) blas = (Blas)b;
    return blas;
}

static PipelineOptions read_options(Arena *arena, const Options *o) {
    PipelineOptions p = {
        .path = o->file,
        .cpu = o->value[OPTION_CPU] ? o->value[OPTION_CPU] : "native",
        .triple = o->value[OPTION_TARGET],
        .libraries = o->list[OPTION_LIBRARY].data,
        .library_count = o->list[OPTION_LIBRARY].count,
        .stop_after = o->value[OPTION_STOP_AFTER],
        .dump_after = o->value[OPTION_DUMP_AFTER],
        .verify = o->value[OPTION_VERIFY] != NULL,
        .dense = o->value[OPTION_DENSE] != NULL,
        .fit = o->value[OPTION_FIT] != NULL,
    };
    p.compile.arguments = o->command == COMMAND_EXPLAIN;
    p.compile.extracts =
        o->command == COMMAND_GRAD || (o->value[OPTION_EMIT] && !strcmp(o->value[OPTION_EMIT], "grad"));
    if (o->value[OPTION_PRECISION]) {
        p.compile.precision = precision_find(o->value[OPTION_PRECISION]);
        p.compile.precision_given = true;
    }
    p.compile.batch = options_count(o, OPTION_BATCH);
    // Of a sweep each run has its own.
    for (int i = 0; o->command != COMMAND_SWEEP && i < o->list[OPTION_SET].count; i++) {
        const char *text = o->list[OPTION_SET].data[i], *equals = strchr(text, '=');
        SetOption set = {string_copy(arena, text, equals ? (size_t)(equals - text) : strlen(text)),
                         equals ? equals + 1 : ""};
        vec_push(arena, &p.compile.set, set);
    }
    p.output =
        (OutputOptions){.optimization = o->value[OPTION_OPTIMIZE] ? atoi(o->value[OPTION_OPTIMIZE]) : 2,
                        .debug = o->value[OPTION_DEBUG] != NULL,
                        .checked = o->value[OPTION_CHECKED] != NULL,
                        .options = options_text(arena, o)};
    p.blas = blas_of(o);
    return p;
}

// ---- build and run ----------------------------------------------------------------------------------------

static const char *gradient(Pipeline *p, const Options *o) {
    Derivatives all = {0};
    GradientAsked asked = {o->value[OPTION_OF], o->value[OPTION_BY], o->value[OPTION_WHY] != NULL};
    return grad_make(p, &asked, &all) ? grad_library(p, &all) : NULL;
}

static const char *equations(Pipeline *p, const Options *o) {
    (void)o;
    Text text = {.arena = p->ctx->arena};
    if (!pipeline_run(p, FORM_EQUATIONS)) return NULL;
    program_print(&text, p->module->program);
    return text_string(&text);
}

static const struct {
    const char *word, *before, *ending; // of the file's name
    OutputKind kind;
    bool linked; // one of it may hold the code for several levels of processors
    const char *(*text)(Pipeline *, const Options *); // NULL: the pipeline's last pass writes it
} EMIT[] = {
    {"", "", "", OUTPUT_TRAINER, true, NULL},
    {"obj", "", ".o", OUTPUT_OBJECT, true, NULL},
    {"lib", "", ".a", OUTPUT_LIBRARY, true, NULL},
    {"shared", "lib", ".so", OUTPUT_SHARED, true, NULL},
    {"python", "", ".py", OUTPUT_PYTHON, true, NULL},
    {"asm", "", ".s", OUTPUT_ASSEMBLY, false, NULL},
    {"llvm", "", ".ll", OUTPUT_LLVM, false, NULL},
    {"header", "", ".h", OUTPUT_HEADER, false, NULL},
    {"ir", "", ".ir", OUTPUT_TRAINER, false, equations},
    {"grad", "", "_gradient.nn", OUTPUT_TRAINER, false, gradient},
};

// The row of what `--emit` asks for.
static int emitted(const Options *o) {
    const char *word = o->value[OPTION_EMIT];
    int emit = 0;
    while (word && strcmp(EMIT[emit].word, word)) emit++;
    return emit;
}

// A module's name is what Python can import.
static const char *default_path(Arena *arena, const PipelineOptions *po, int emit) {
    const char *stem = path_stem(arena, po->path);
    if (EMIT[emit].kind == OUTPUT_PYTHON)
        stem = po->output.prefix ? po->output.prefix : c_prefix(arena, stem);
    return string_format(arena, "%s%s%s", EMIT[emit].before, stem, EMIT[emit].ending);
}

// `--cpu A+B`: the lowest is the pipeline's own.
static bool take_levels(Pipeline *p, PipelineOptions *po, const Options *o) {
    bool one = (o->command != COMMAND_BUILD && o->command != COMMAND_RUN) || !EMIT[emitted(o)].linked;
    Levels levels = {0};
    if (!strchr(po->cpu, '+')) return true;
    if (!levels_read(p->ctx, po->cpu, &levels)) return false;
    if (one && levels.count > 1) {
        diagnose(p->ctx, SEVERAL_LEVELS, NO_SPAN, po->cpu);
        return false;
    }
    po->cpu = levels.data[--levels.count];
    po->higher = levels;
    return true;
}

// The whole way to the kernels once more for each level: what is decided on it depends on the processor.
static bool compile_higher(Pipeline *p, PipelineOptions *po) {
    for (int i = 0; i < po->higher.count; i++) {
        PipelineOptions *own = arena_new(p->ctx->arena, PipelineOptions);
        *own = *po;
        own->cpu = po->higher.data[i];
        own->dump_after = NULL;
        Pipeline *other = pipeline_create(own);
        if (!pipeline_target(other) || !pipeline_run(other, FORM_KERNELS)) {
            p->ctx->diagnostics = other->ctx->diagnostics; // of the same sources
            p->ctx->errors = other->ctx->errors;
            return false;
        }
        ForLevel v = {other->module, other->kernels, other->target};
        vec_push(p->ctx->arena, &po->output.higher, v);
    }
    return true;
}

static void build_to(Pipeline *p, PipelineOptions *po, const char *path) {
    Arena *arena = p->ctx->arena;
    po->output.path = path;
    if (!po->output.directory)
        po->output.directory = relative_folder(arena, folder_of(arena, path), folder_of(arena, po->path));
    if (!po->output.prefix) po->output.prefix = c_prefix(arena, path_stem(arena, po->path));
    bool several = po->higher.count > 0; // of which the linker makes one object
    if (tools_check(p->ctx, po->output.kind) && (!several || linker_check(p->ctx)) &&
        (!several || pipeline_run(p, FORM_KERNELS)) && compile_higher(p, po))
        pipeline_run(p, FORM_OUTPUT);
}

// Why nothing is written to a path, or NULL. Two names may be of one file.
static const char *taken(const Options *o, OutputKind kind, const char *path) {
    struct stat about, input;
    bool has_header = kind == OUTPUT_OBJECT || kind == OUTPUT_LIBRARY || kind == OUTPUT_SHARED;
    if (stat(path, &about)) about.st_mode = 0;
    if (S_ISDIR(about.st_mode)) return strerror(EISDIR);
    for (int i = -1; about.st_mode && i < o->list[OPTION_LIBRARY].count; i++) {
        const char *file = i < 0 ? o->file : o->list[OPTION_LIBRARY].data[i];
        if (stat(file, &input) == 0 && about.st_dev == input.st_dev && about.st_ino == input.st_ino)
            return i < 0 ? "it is the model file" : "it is a library that is read";
    }
    if (has_header && strlen(path) > 2 && !strcmp(path + strlen(path) - 2, ".h"))
        return "it is the name of the header beside it";
    return NULL;
}

static void build(Pipeline *p, PipelineOptions *po, const Options *o) {
    const char *out = o->value[OPTION_OUTPUT];
    int emit = emitted(o);
    po->output.prefix = o->value[OPTION_PREFIX];
    if (po->output.prefix && !c_prefix_allowed(po->output.prefix)) {
        diagnose(p->ctx, PREFIX_NOT_ALLOWED, NO_SPAN, po->output.prefix);
        return;
    }
    po->output.kind = EMIT[emit].kind;
    if (!out) out = default_path(p->ctx->arena, po, emit);
    if (taken(o, po->output.kind, out)) {
        Diagnostic *d = diagnose(p->ctx, FILE_UNWRITABLE, NO_SPAN, out, taken(o, po->output.kind, out));
        if (out != o->value[OPTION_OUTPUT]) // a folder of data is often called after what is learnt from it
            diagnostic_help(p->ctx, d, "say another name, as in `-o %s-trainer`", out);
    } else if (EMIT[emit].text) {
        const char *text = EMIT[emit].text(p, o);
        if (text) file_write(p->ctx, out, text, strlen(text));
    } else {
        build_to(p, po, out);
    }
}

static void make_folders(Arena *arena, const char *path) {
    char *part = string_copy(arena, path, strlen(path));
    for (char *c = part + 1; *c; c++)
        if (*c == '/') {
            *c = 0;
            mkdir(part, 0700);
            *c = '/';
        }
    mkdir(part, 0700);
}

// The folder by its own name, if it is this user's alone and nobody else can put another in its place; else
// NULL.
static const char *trusted(Arena *arena, const char *path) {
    struct stat s;
    char *name = realpath(path, NULL), *real = name ? string_copy(arena, name, strlen(name)) : NULL;
    free(name);
    if (!real || stat(real, &s) || !S_ISDIR(s.st_mode) || s.st_uid != geteuid() || (s.st_mode & 0777) != 0700)
        return NULL;
    for (const char *above = real; strcmp(above, "/") != 0;) {
        above = folder_of(arena, above);
        if (stat(above, &s) || (s.st_uid && s.st_uid != geteuid()) ||
            (s.st_mode & 022 && !(s.st_mode & S_ISVTX)))
            return NULL;
    }
    return real;
}

// NULL: there is none that can be trusted.
static const char *cache_folder(Context *ctx) {
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *below = "nnc";
    if (!base || *base != '/') {
        base = home;
        below = ".cache/nnc";
    }
    if (!base || *base != '/') return NULL;
    const char *path = string_format(ctx->arena, "%s/%s", base, below);
    make_folders(ctx->arena, path);
    const char *folder = trusted(ctx->arena, path);
    if (!folder) diagnose(ctx, CACHE_NOT_PRIVATE, NO_SPAN, path);
    return folder;
}

// What is run is the file that was looked at, whatever its path means by then.
static int open_own(const char *path) {
    struct stat s;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool own = file >= 0 && fstat(file, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == geteuid() &&
               !(s.st_mode & 022) && s.st_mode & S_IXUSR;
    if (file >= 0 && !own) close(file);
    return own ? file : -1;
}

// The trainer, from the cache or built into it; or built where it has no name any more.
static int find_trainer(Pipeline *p, PipelineOptions *po, const char *stem) {
    Arena *arena = p->ctx->arena;
    const char *cache = cache_folder(p->ctx), *base = getenv("TMPDIR");
    int file = -1;
    if (cache) {
        const char *folder = string_format(arena, "%s/%s", cache, pipeline_digest(p, false)),
                   *trainer = string_format(arena, "%s/%s", folder, stem);
        file = open_own(trainer);
        if (file >= 0) return file;
        make_folders(arena, folder);
        build_to(p, po, trainer);
        return p->ctx->errors ? -1 : open_own(trainer);
    }
    po->output.opened = &file;
    build_to(p, po, string_format(arena, "%s/%s", base && *base ? base : "/tmp", stem));
    return file;
}

// Keeps what it built, keyed by the digest; the trainer gets the model file's folder instead of a path of its
// own.
static int run(Pipeline *p, PipelineOptions *po, const Options *o) {
    if (!pipeline_run(p, FORM_TREE)) return NN_OK;
    Arena *arena = p->ctx->arena;
    const char *stem = path_stem(arena, o->file);
    po->output.directory = ".";
    int file = find_trainer(p, po, stem);
    if (p->ctx->errors) return NN_OK;
    char *beside = realpath(folder_of(arena, o->file), NULL);
    if (beside) setenv("NN_MODEL_DIRECTORY", beside, 1);
    free(beside);
    char **arguments = arena_array(arena, char *, o->rest_count + 2);
    arguments[0] = string_copy(arena, stem, strlen(stem));
    for (int i = 0; i < o->rest_count; i++) arguments[i + 1] = o->rest[i];
    diagnostics_print(p->ctx, false, stderr);
    memory_bound(o->memory);
    fexecve(file, arguments, environ);
    say(stderr, "nnc: error: cannot run %s: %s\n", stem, strerror(errno));
    return NN_FILE;
}

// ---- summary and explain ----------------------------------------------------------------------------------

static void put_shape(Text *out, int rank, const int64_t *dims, uint8_t batch_dims) {
    text_put(out, "[");
    for (int d = 0; d < rank; d++) {
        if (d) text_put(out, ", ");
        if (batch_dims >> d & 1)
            text_put(out, "batch");
        else
            text_add(out, "%lld", (long long)dims[d]);
    }
    text_put(out, "]");
}

static int64_t kind_bytes(const Kernels *k, TensorKind kind) {
    int64_t bytes = 0;
    every (t, k->program->tensors)
        if (t->kind == kind && t->layout && t->layout->stored && !t->layout->same)
            bytes += t->layout->size * t->layout->element_size;
    return bytes;
}

static void put_memory(Text *out, const Kernels *k) {
    int64_t parameters = kind_bytes(k, TENSOR_PARAM), slots = kind_bytes(k, TENSOR_SLOT),
            states = kind_bytes(k, TENSOR_STATE);
    text_add(out,
             "memory      %lld bytes: parameters %lld, optimizer %lld, states %lld, the rest (batch, "
             "activations, gradients, scratch) %lld\n",
             (long long)k->arena_size, (long long)parameters, (long long)slots, (long long)states,
             (long long)(k->arena_size - parameters - slots - states));
}

static int64_t row_bytes(const Program *p, const Tensor *source) {
    int64_t bytes = element_size(p, source);
    for (int d = 1; d < source->rank; d++) bytes *= source->dims[d];
    return bytes;
}

// What `over`, `start` and the calls of an object name: the layers' parameters and states.
static void put_numbers(Text *out, const Program *p) {
    text_add(out, "\n%-44s %-24s %12s\n", "parameter or state", "shape", "numbers");
    every (t, p->tensors) {
        if (t->kind != TENSOR_PARAM && t->kind != TENSOR_STATE) continue;
        Text shape = {.arena = p->arena};
        put_shape(&shape, t->rank, t->dims, 0);
        bool frozen = t->kind == TENSOR_PARAM && !t->trainable;
        text_add(out, "%-44s %-24s %12lld%s\n", t->name, text_string(&shape), (long long)tensor_elements(t),
                 t->kind == TENSOR_STATE ? "  a state"
                 : frozen                ? "  not trained"
                                         : "");
    }
}

static void summary(Pipeline *p) {
    if (!pipeline_run(p, FORM_KERNELS)) return;
    const Module *m = p->module;
    Text out = {.arena = p->ctx->arena};
    text_add(&out, "%-44s %-24s %12s %14s\n", "layer", "result", "parameters", "FLOPs");
    every_at (l, m->layers) {
        Text shape = {.arena = p->ctx->arena};
        put_shape(&shape, l->rank, l->dims, l->batch_dims);
        text_add(&out, "%*s%-*s %-24s %12lld %14lld\n", 2 * l->depth, "", 44 - 2 * l->depth, l->name,
                 text_string(&shape), (long long)l->params, (long long)l->flops);
    }
    put_numbers(&out, m->program);
    text_add(&out, "\nparameters  %lld\nFLOPs       %lld a step of %lld rows\n", (long long)m->params,
             (long long)m->flops, (long long)m->batch);
    put_memory(&out, p->kernels);
    int64_t kept = 0;
    const Program *program = p->kernels->program;
    for (int i = 0; i < program->kept.count; i++)
        if (program->kept.data[i].training) kept += row_bytes(program, program->kept.data[i].source);
    if (kept)
        text_add(&out, "kept        %lld bytes a row of each part, for metrics that see the rows twice\n",
                 (long long)kept);
    say(stdout, "%s", text_string(&out));
}

static void put_option(Text *out, const Options *o, Option option, const char *name, const char *value) {
    text_add(out, "%-32s = %-24s %s\n", name, value, o->value[option] ? option_spelling(option) : "default");
}

// What the command line says of the code itself.
static void put_target(Text *out, const Pipeline *p, const Options *o) {
    text_add(out, "%-32s = %-24s %s\n", "cpu", p->target->cpu, p->target->features);
    put_option(out, o, OPTION_TARGET, "target", p->target->triple);
    put_option(out, o, OPTION_BLAS, "blas", BLAS_WORDS[p->options->blas]);
    put_option(out, o, OPTION_DENSE, "dense", p->options->dense ? "true" : "false");
    put_option(out, o, OPTION_FIT, "fit", p->options->fit ? "true" : "false");
    put_option(out, o, OPTION_OPTIMIZE, "optimization",
               string_format(p->ctx->arena, "%d", p->options->output.optimization));
    put_option(out, o, OPTION_DEBUG, "debug", p->options->output.debug ? "true" : "false");
}

static void explain(Pipeline *p, const Options *o) {
    if (!pipeline_run(p, FORM_KERNELS)) return;
    const Module *m = p->module;
    Text out = {.arena = p->ctx->arena};
    every_at (f, m->in_force) text_add(&out, "%-32s = %-24s %s\n", f->name, f->value, f->origin);
    put_target(&out, p, o);
    put_memory(&out, p->kernels);
    text_put(&out, "\n");
    kernels_print(&out, p->kernels);
    if (!o->value[OPTION_TIME] || explain_times(p, &out)) say(stdout, "%s", text_string(&out));
}

// A name of a message, in capitals, in place of a file.
static bool names_message(const char *word) {
    size_t capitals = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return capitals && !word[capitals] && access(word, F_OK) != 0;
}

// Its text, the smallest program that provokes it, and what is said of that.
static void explain_message(Pipeline *p, PipelineOptions *po, const char *name) {
    const char *near = NULL;
    DiagnosticCode code = diagnostic_find(name, &near);
    if (code == DIAGNOSTIC_COUNT) {
        diagnostic_meant(p->ctx, diagnose(p->ctx, CODE_UNKNOWN, NO_SPAN, name), NO_SPAN, near);
        return;
    }
    Text out = {.arena = p->ctx->arena};
    const char *example = diagnostic_page(&out, code);
    say(stdout, "%s", text_string(&out));
    if (!example) return;
    po->path = "example.nn";
    pipeline_again(p, example, strlen(example));
    pipeline_check(p);
    say(stdout, "\n");
    diagnostics_print(p->ctx, false, stdout);
    pipeline_again(p, example, strlen(example)); // what was shown is nothing that went wrong
}

// In double precision, on at most 8 rows.
static int check_gradient(PipelineOptions *po, Pipeline *p) {
    po->compile.precision = PRECISION_DOUBLE;
    po->compile.precision_given = true;
    p->gradients_only = true;
    if (!linker_check(p->ctx) || !pipeline_run_to(p, "facts")) return NN_OK;
    const bool *stopped = gradcheck_stopped(p);
    return pipeline_run(p, FORM_KERNELS) ? gradcheck(p, stopped, stdout) : NN_OK;
}

// ---- the commands -----------------------------------------------------------------------------------------

// The names given to --stop-after and --dump-after.
static bool passes_known(Context *ctx, const Options *o) {
    static const Option which[] = {OPTION_STOP_AFTER, OPTION_DUMP_AFTER};
    for (int w = 0; w < 2; w++) {
        const char *name = o->value[which[w]];
        const char **names = arena_array(ctx->arena, const char *, pipeline_pass_count() + 1);
        bool known = !name || (which[w] == OPTION_DUMP_AFTER && !strcmp(name, "all"));
        for (int i = 0; i < pipeline_pass_count(); i++) {
            names[i] = pipeline_pass_name(i);
            known |= name && !strcmp(name, names[i]);
        }
        if (known) continue;
        Diagnostic *d = diagnose(ctx, PASS_UNKNOWN, NO_SPAN, option_spelling(which[w]), name);
        const char *near = string_nearest(name, names, pipeline_pass_count());
        Text all = {.arena = ctx->arena};
        for (int i = 0; i < pipeline_pass_count(); i++) text_add(&all, " %s", names[i]);
        if (!diagnostic_meant(ctx, d, NO_SPAN, near))
            diagnostic_help(ctx, d, "the passes are%s", text_string(&all));
        return false;
    }
    return true;
}

// An exit code that no message gives.
static int run_command(Pipeline *p, PipelineOptions *po, const Options *o) {
    if (o->command == COMMAND_FMT) return fmt_run(p->ctx, o);
    if (!passes_known(p->ctx, o) || !take_levels(p, po, o) || !pipeline_target(p)) return NN_OK;
    if (o->command == COMMAND_RUN) return run(p, po, o);
    if (o->command == COMMAND_SWEEP) return pipeline_run(p, FORM_TREE) ? sweep_run(p, o) : NN_OK;
    if (o->command == COMMAND_GRADCHECK) return check_gradient(po, p);
    if (o->command == COMMAND_BUILD) build(p, po, o);
    if (o->command == COMMAND_CHECK) o->value[OPTION_FIX] ? fix_run(p, o) : (void)pipeline_check(p);
    if (o->command == COMMAND_SUMMARY) summary(p);
    if (o->command == COMMAND_EXPLAIN)
        names_message(o->file) ? explain_message(p, po, o->file) : explain(p, o);
    const char *text = o->command == COMMAND_GRAD ? gradient(p, o) : NULL;
    if (text) say(stdout, "%s", text);
    return NN_OK;
}

int command_run(const Options *o) {
    Arena *arena = arena_create();
    PipelineOptions po = read_options(arena, o);
    Pipeline *p = pipeline_create(&po);
    bool json = o->value[OPTION_JSON] != NULL;
    int status = run_command(p, &po, o);
    diagnostics_print(p->ctx, json, json ? stdout : stderr);
    if (o->value[OPTION_TIME_PASSES]) pipeline_times(p, stderr);
    if (!status) status = context_status(p->ctx);
    pipeline_destroy(p);
    arena_destroy(arena);
    return status;
}
