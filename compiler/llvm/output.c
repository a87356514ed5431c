// What `nnc build` writes: a trainer, an object and its header, an archive, or the code as text.
#include "llvm/link.h"
#include "llvm/object.h"
#include "llvm/wrappers.h"

#include <string.h>

static bool ends_in_gz(const char *file) {
    size_t n = file ? strlen(file) : 0;
    return n > 3 && !strcmp(file + n - 3, ".gz");
}

static bool reads_gzip(const DataBlock *d) {
    bool any = ends_in_gz(d->file);
    for (int i = 0; i < d->columns.count; i++) any |= ends_in_gz(d->columns.data[i].file);
    return any;
}

bool kernels_use_openblas(const Kernels *k) {
    for (int i = 0; i < k->schedules.count; i++)
        for (int j = 0; j < k->schedules.data[i]->kernels.count; j++)
            if (k->schedules.data[i]->kernels.data[j]->product) return true;
    return false;
}

static const char *without_folder(const char *path) {
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

// The path with another ending, and with `lib` before the file's name, or without it where that is NULL.
static const char *path_beside(Arena *arena, const char *path, const char *lib, const char *ending) {
    const char *name = without_folder(path), *dot = strrchr(name, '.');
    int folder = (int)(name - path), length = (int)(dot && dot > name ? dot - name : (ptrdiff_t)strlen(name));
    if (!lib && !strncmp(name, "lib", 3) && length > 3) name += 3, length -= 3;
    return string_format(arena, "%.*s%s%.*s%s", folder, path, lib ? lib : "", length, name, ending);
}

// model.o, libmodel.a -> model.h, libmodel.h beside it; libmodel.so -> model.h.
static const char *header_path(Arena *arena, const OutputOptions *o) {
    return path_beside(arena, o->path, o->kind == OUTPUT_SHARED ? NULL : "", ".h");
}

static CodeRequest request_of(const WrapperData *data, const Kernels *k, const OutputOptions *o,
                              CodeForm form) {
    return (CodeRequest){.kernels = k,
                         .target = o->target,
                         .prefix = o->prefix,
                         .optimization = o->optimization,
                         .form = form,
                         .divided = o->kind == OUTPUT_TRAINER,
                         .extras = o->kind == OUTPUT_TRAINER ? wrap_trainer : wrap_object,
                         .data = data};
}

static bool reads_kind(const DataBlock *d, ColumnKind kind) {
    bool any = false;
    for (int i = 0; i < d->columns.count; i++) any |= d->columns.data[i].kind == kind;
    return any;
}

// Does the version of some level?
static bool uses_openblas(const Kernels *k, const OutputOptions *o) {
    bool any = kernels_use_openblas(k);
    for (int i = 0; i < o->higher.count; i++) any |= kernels_use_openblas(o->higher.data[i].kernels);
    return any;
}

// What wraps them is in the module of the lowest level: whatever runs here can run that.
static Objects make_all(const CodeRequest *lowest, WrapperData *data, const OutputOptions *o) {
    Arena *arena = lowest->kernels->program->arena;
    VEC(Compiled) parts = {0};
    const char **names = arena_array(arena, const char *, o->higher.count + 1);
    for (int i = 0; i <= o->higher.count; i++) {
        CodeRequest code = *lowest;
        WrapperData own = *data;
        if (i < o->higher.count) {
            const ForLevel *v = &o->higher.data[i];
            OutputOptions options = *o;
            options.target = code.target = v->target;
            code.kernels = v->kernels;
            code.prefix = string_format(arena, "%s.%d", o->prefix, i);
            code.extras = wrap_version;
            own.manifest = manifest_make(v->module, v->kernels, &options);
            names[i] = version_name(arena, code.prefix);
        } else {
            own.higher = names, own.higher_count = i;
        }
        code.data = &own;
        Objects made = code_make(&code);
        for (int k = 0; k < made.count; k++) vec_push(arena, &parts, made.parts[k]);
    }
    return (Objects){parts.data, parts.count};
}

// Each column of files is of its library, and so are the folders that hold none.
static uint32_t libraries_of(const DataBlock *d, bool openblas) {
    bool pictures = reads_kind(d, COLUMN_PIXELS), sounds = reads_kind(d, COLUMN_SAMPLES),
         words = reads_kind(d, COLUMN_WORDS) || reads_kind(d, COLUMN_COUNT_WORDS);
    return libraries_of_source(d->source) | (reads_gzip(d) ? 1u << LIBRARY_GZIP : 0) |
           (pictures ? 1u << LIBRARY_PICTURES : 0) | (sounds ? 1u << LIBRARY_SOUNDS : 0) |
           (words ? 1u << LIBRARY_TEXTS : 0) | (openblas ? 1u << LIBRARY_OPENBLAS : 0);
}

// Where an object's caller gives the rows there is nothing that a trainer could read.
static bool has_rows(Context *ctx, const DataBlock *d) {
    if (!string_equal(d->source, "caller")) return true;
    Diagnostic *said = diagnose(ctx, CALLER_TRAINER, d->span, d->name);
    if (said)
        diagnostic_help(
            ctx, said,
            "`nnc build --emit obj` (or lib, shared, python) makes what a program calls with its rows");
    return false;
}

static bool write_trainer(Context *ctx, const CodeRequest *code, WrapperData *data, const OutputOptions *o) {
    const Module *m = data->module;
    if (!has_rows(ctx, &m->data)) return false;
    LinkRequest r = {.path = o->path,
                     .opened = o->opened,
                     .debug = o->debug,
                     .libraries = libraries_of(&m->data, uses_openblas(code->kernels, o))};
    for (int i = 0; i < LIBRARIES; i++)
        if (r.libraries & 1u << i && !library_check(ctx, (TrainerLibrary)i)) return false;
    r.objects = make_all(code, data, o);
    return link_trainer(ctx, &r);
}

// An object, an archive or a shared library, and the text beside it.
static bool write_interface(const CodeRequest *code, WrapperData *data, const char *text,
                            const char *text_path, const char *path, const OutputOptions *o) {
    Context *ctx = data->module->program->ctx;
    Workplace w;
    bool openblas = uses_openblas(code->kernels, o),
         shared = o->kind == OUTPUT_SHARED || o->kind == OUTPUT_PYTHON;
    if (shared && openblas && !library_check(ctx, LIBRARY_OPENBLAS)) return false;
    Objects all = make_all(code, data, o);
    bool done = workplace_open(&w, ctx, folder_of(ctx->arena, path), path, text_path) &&
                workplace_put(&w, workplace_results[1], text, strlen(text));
    if (shared)
        done = done && link_shared(&w, all, o, openblas);
    else if (o->kind == OUTPUT_OBJECT)
        done = done && link_object(&w, all);
    else
        done = done && link_archive(&w, all, o->prefix);
    return workplace_end(&w, done);
}

// digits.py and libdigits.so beside it.
static bool write_python(const CodeRequest *code, WrapperData *data, const OutputOptions *o) {
    const Module *m = data->module;
    Context *ctx = m->program->ctx;
    const char *library = path_beside(ctx->arena, o->path, "lib", ".so");
    Text name = {.arena = ctx->arena};
    for (const char *c = without_folder(library); *c; c++)
        text_add(&name, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    return write_interface(code, data, python_text(m, o, text_string(&name)), o->path, library, o);
}

bool output_write(const Module *m, const Kernels *k, const OutputOptions *o) {
    Context *ctx = m->program->ctx;
    bool headed = o->kind != OUTPUT_TRAINER && o->kind != OUTPUT_PYTHON;
    const char *header = headed ? header_text(m, o, uses_openblas(k, o)) : "";
    Compiled text = {header, strlen(header)};
    WrapperData data = {.module = m, .options = o};
    CodeForm form = o->kind == OUTPUT_ASSEMBLY ? FORM_ASSEMBLY
                    : o->kind == OUTPUT_LLVM   ? FORM_TEXT
                                               : FORM_OBJECT;
    CodeRequest code = request_of(&data, k, o, form);
    if (o->kind != OUTPUT_HEADER) data.manifest = manifest_make(m, k, o);
    if (o->kind == OUTPUT_TRAINER) return write_trainer(ctx, &code, &data, o);
    if (o->kind == OUTPUT_PYTHON) return write_python(&code, &data, o);
    if (o->kind == OUTPUT_OBJECT || o->kind == OUTPUT_LIBRARY || o->kind == OUTPUT_SHARED)
        return write_interface(&code, &data, header, header_path(ctx->arena, o), o->path, o);
    if (o->kind != OUTPUT_HEADER) text = code_make(&code).parts[0];
    return file_write(ctx, o->path, text.bytes, text.length);
}
