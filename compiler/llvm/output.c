// What `nnc build` writes: a trainer, an object and its header, an archive, or the code as text.
#include "llvm/link.h"
#include "llvm/object.h"
#include "llvm/wrappers.h"

#include <string.h>

enum { OK = 0, FILE_STATUS = 3 };

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

// model.o, libmodel.a -> model.h, libmodel.h beside it.
static const char *header_path(Arena *arena, const char *path) {
    const char *name = without_folder(path), *dot = strrchr(name, '.');
    size_t length = dot && dot > name ? (size_t)(dot - path) : strlen(path);
    return string_format(arena, "%.*s.h", (int)length, path);
}

// `data` is filled in, and must live as long as the request.
static CodeRequest request_of(const Module *m, const Kernels *k, const OutputOptions *o, CodeForm form,
                              WrapperData *data) {
    *data = (WrapperData){.module = m, .manifest = manifest_make(m, k, o)};
    return (CodeRequest){.kernels = k,
                         .target = o->target,
                         .prefix = o->prefix,
                         .optimization = o->optimization,
                         .form = form,
                         .extras = o->kind == OUTPUT_TRAINER ? wrap_trainer : wrap_object,
                         .data = data};
}

static Compiled make(const Module *m, const Kernels *k, const OutputOptions *o, CodeForm form) {
    WrapperData data;
    CodeRequest r = request_of(m, k, o, form, &data);
    return code_make(&r);
}

static int write_trainer(const Module *m, const Kernels *k, const OutputOptions *o) {
    Context *ctx = m->program->ctx;
    if (kernels_use_openblas(k) && !openblas_check(ctx)) return FILE_STATUS;
    LinkRequest r = {.path = o->path,
                     .opened = o->opened,
                     .gzip = reads_gzip(&m->data),
                     .debug = o->debug,
                     .openblas = kernels_use_openblas(k)};
    WrapperData data;
    CodeRequest code = request_of(m, k, o, FORM_OBJECT, &data);
    Objects objects = objects_make(&code);
    r.objects = objects.parts;
    r.object_count = objects.count;
    return link_trainer(ctx, &r);
}

static int write_code(const Module *m, const Kernels *k, const OutputOptions *o, CodeForm form) {
    Compiled c = make(m, k, o, form);
    return file_write(m->program->ctx, o->path, c.bytes, c.length) ? OK : FILE_STATUS;
}

// An object or an archive, and its header.
static int write_interface(const Module *m, const Kernels *k, const OutputOptions *o) {
    Context *ctx = m->program->ctx;
    Workplace w;
    Compiled object = make(m, k, o, FORM_OBJECT);
    const char *header = header_text(m, o, kernels_use_openblas(k));
    bool done =
        workplace_open(&w, ctx, folder_of(ctx->arena, o->path), o->path, header_path(ctx->arena, o->path)) &&
        workplace_put(&w, workplace_results[1], header, strlen(header));
    if (o->kind == OUTPUT_OBJECT)
        done = done && workplace_put(&w, workplace_results[0], object.bytes, object.length);
    else
        done = done && link_archive(&w, object, string_format(ctx->arena, "%s.o", o->prefix));
    return workplace_end(&w, done) ? OK : FILE_STATUS;
}

int output_write(const Module *m, const Kernels *k, const OutputOptions *o) {
    const char *header = o->kind == OUTPUT_HEADER ? header_text(m, o, kernels_use_openblas(k)) : NULL;
    switch (o->kind) {
    case OUTPUT_TRAINER: return write_trainer(m, k, o);
    case OUTPUT_ASSEMBLY: return write_code(m, k, o, FORM_ASSEMBLY);
    case OUTPUT_LLVM: return write_code(m, k, o, FORM_TEXT);
    case OUTPUT_HEADER:
        return file_write(m->program->ctx, o->path, header, strlen(header)) ? OK : FILE_STATUS;
    case OUTPUT_OBJECT:
    case OUTPUT_LIBRARY: return write_interface(m, k, o);
    }
    return OK;
}
