// Linking by the system's `cc`: a trainer from its object and the runtime, an archive of both. Tools are
// given plain names in a folder of their own, so that no name of the user's is an option or a script to them.
//
// The runtime's library is found from the compiler's own place: the build tree or an installation's lib
// folder.
#include "llvm/link.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// ---- places -----------------------------------------------------------------------------------------------

static char *own_folder(Arena *arena) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return string_copy(arena, ".", 1);
    while (n > 1 && path[n - 1] != '/') n--;
    return string_copy(arena, path, (size_t)n - 1);
}

static const char *find_library(Context *ctx, const char *name) {
    static const char *const places[] = {"", "/..", ("/../" NN_LIBDIR), "/../lib"};
    char *folder = own_folder(ctx->arena);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *path = string_format(ctx->arena, "%s%s/%s", folder, places[i], name);
        if (access(path, R_OK) == 0) return path;
    }
    diagnose(ctx, NO_RUNTIME, NO_SPAN, name, folder);
    return NULL;
}

static bool tool_check(Context *ctx, const char *tool) {
    if (tool_find(ctx->arena, tool)) return true;
    Diagnostic *d = diagnose(ctx, NO_TOOL, NO_SPAN, tool, "it is not in PATH");
    if (d) diagnostic_help(ctx, d, "install a C compiler (Debian: `apt install gcc`)");
    return false;
}

bool linker_check(Context *ctx) { return tool_check(ctx, "cc"); }

bool tools_check(Context *ctx, OutputKind kind) {
    bool links = kind == OUTPUT_TRAINER || kind == OUTPUT_SHARED || kind == OUTPUT_PYTHON;
    return links ? linker_check(ctx) : kind != OUTPUT_LIBRARY || tool_check(ctx, "ar");
}

static const struct {
    const char *archive, *source, *linked, *packages, *why, *otherwise;
} libraries[] = {
#define LIBRARY(code, archive, source, linked, packages, why, otherwise)                                     \
    {archive, source, linked, packages, why, otherwise},
#include "llvm/libraries.def"
#undef LIBRARY
};

// `cc` answers with a path where it knows one, else with the name as it is.
static bool can_link(Context *ctx, const char *name) {
    const char *const question[] = {"cc", string_format(ctx->arena, "-print-file-name=lib%s.so", name), NULL};
    char answer[4096];
    int said = memfd_create("said", MFD_CLOEXEC);
    bool asked = said >= 0 && tool_ask(ctx->arena, question, NULL, 0, said) == 0;
    ssize_t n = asked ? pread(said, answer, sizeof answer, 0) : 0;
    if (said >= 0) close(said);
    return n > 0 && memchr(answer, '/', (size_t)n);
}

uint32_t libraries_of_source(const char *source) {
    uint32_t some = 0;
    for (int i = 0; i < LIBRARIES; i++) some |= string_equal(libraries[i].source, source) ? 1u << i : 0;
    return some;
}

// The k-th of the system's libraries that one of ours needs, or NULL.
static const char *linked_name(Arena *arena, TrainerLibrary library, int k) {
    const char *at = libraries[library].linked;
    for (; k && *at; k--) at += strcspn(at, " "), at += *at == ' ';
    return *at ? string_copy(arena, at, strcspn(at, " ")) : NULL;
}

bool library_check(Context *ctx, TrainerLibrary library) {
    const char *name;
    for (int k = 0; (name = linked_name(ctx->arena, library, k)); k++) {
        if (can_link(ctx, name)) continue;
        Diagnostic *d = diagnose(ctx, NO_LIBRARY, NO_SPAN, libraries[library].why, name);
        if (d)
            diagnostic_help(ctx, d, "install it (Debian: `apt install %s`)%s", libraries[library].packages,
                            libraries[library].otherwise);
        return false;
    }
    if (find_library(ctx, libraries[library].archive)) return true;
    Diagnostic *d = ctx->diagnostics.data[ctx->diagnostics.count - 1];
    if (!*libraries[library].packages) return false;
    diagnostic_help(ctx, d, "nnc was built where %s was missing: install it, and build nnc again",
                    libraries[library].packages);
    return false;
}

// ---- trainers and archives --------------------------------------------------------------------------------

typedef VEC(const char *) Words;

static void add_all(Arena *arena, Words *words, const char *const *list) {
    for (; *list; list++) vec_push(arena, words, *list);
}

static bool put_objects(const Workplace *w, Objects objects, const char *prefix, Words *words) {
    for (int i = 0; i < objects.count; i++) {
        bool last = i == objects.count - 1;
        const char *name = last ? string_format(w->ctx->arena, "%s.o", prefix)
                                : string_format(w->ctx->arena, "%s%d.o", prefix, i);
        if (!workplace_put(w, name, objects.parts[i].bytes, objects.parts[i].length)) return false;
        vec_push(w->ctx->arena, words, name);
    }
    return true;
}

// A library of the runtime, by a name in the folder.
static bool add_library(const Workplace *w, Words *words, const char *name) {
    const char *path = find_library(w->ctx, name);
    vec_push(w->ctx->arena, words, name);
    return path && workplace_link(w, name, path);
}

static const char *const safe[] = {
    "-Wl,-z,relro",           "-Wl,-z,now", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,--as-needed",
    "-Wl,-z,noseparate-code", NULL};

// What is linked last.
static void add_end(Arena *arena, Words *words, const char *const *system) {
#ifdef __SANITIZE_ADDRESS__
    vec_push(arena, words, "-fsanitize=address,undefined");
#endif
    add_all(arena, words, system);
    vec_push(arena, words, NULL);
}

static bool command_of(const Workplace *w, const LinkRequest *r, Words *words) {
    const char *const start[] = {"cc", "-pie", "-o", workplace_results[0], NULL};
    Arena *arena = w->ctx->arena;
    add_all(arena, words, start);
    if (!put_objects(w, r->objects, "model", words)) return false;
    add_all(arena, words, safe);
    if (!r->debug) vec_push(arena, words, "-s");
    for (int i = 0; i < LIBRARIES; i++) {
        if (!(r->libraries & 1u << i)) continue;
        vec_push(arena, words,
                 "-Wl,--whole-archive"); // the runtime knows its names as such that may be absent
        if (!add_library(w, words, libraries[i].archive)) return false;
        vec_push(arena, words, "-Wl,--no-whole-archive");
    }
    if (!add_library(w, words, "libnn.a")) return false;
    const char *name;
    for (int i = 0; i < LIBRARIES; i++)
        for (int k = 0; r->libraries & 1u << i && (name = linked_name(arena, (TrainerLibrary)i, k)); k++)
            vec_push(arena, words, string_format(arena, "-l%s", name));
    static const char *const system[] = {"-lm", "-lpthread", NULL};
    add_end(arena, words, system);
    return true;
}

bool link_trainer(Context *ctx, const LinkRequest *request) {
    Workplace w;
    Words words = {0};
    bool done = workplace_open(&w, ctx, folder_of(ctx->arena, request->path), request->path, NULL) &&
                command_of(&w, request, &words) && workplace_run(&w, words.data);
    if (done && request->opened) {
        const char *result = string_format(ctx->arena, "%s/%s", w.folder, workplace_results[0]);
        *request->opened = open(result, O_RDONLY | O_CLOEXEC);
        workplace_end(&w, false);
        return true;
    }
    return workplace_end(&w, done);
}

bool link_object(const Workplace *w, Objects objects) {
    const char *const start[] = {"cc", "-r", "-nostdlib", "-o", workplace_results[0], NULL};
    Words words = {0};
    if (objects.count == 1)
        return workplace_put(w, workplace_results[0], objects.parts[0].bytes, objects.parts[0].length);
    add_all(w->ctx->arena, &words, start);
    if (!put_objects(w, objects, "model", &words)) return false;
    vec_push(w->ctx->arena, &words, NULL);
    return workplace_run(w, words.data);
}

// The runtime's archive with some members more; its others stay as they are.
bool link_archive(const Workplace *w, Objects objects, const char *prefix) {
    Words copied = {0}, extended = {0};
    const char *const copy[] = {"cp", "libnn.a", workplace_results[0], NULL};
    const char *const extend[] = {"ar", "qDs", workplace_results[0], NULL};
    add_all(w->ctx->arena, &extended, extend);
    bool done = add_library(w, &copied, "libnn.a") && workplace_run(w, copy) &&
                put_objects(w, objects, prefix, &extended);
    vec_push(w->ctx->arena, &extended, NULL);
    return done && workplace_run(w, extended.data);
}

bool link_shared(const Workplace *w, Objects objects, const OutputOptions *o, bool openblas) {
    const char *const start[] = {
        "cc", "-shared", "-o", workplace_results[0], "-Wl,--version-script=exports", "-Wl,-u,nn_status_text",
        NULL};
    static const char *const system[] = {"-lm", NULL};
    Words words = {0};
    Arena *arena = w->ctx->arena;
    const char *exports = string_format(arena, "{ global: %s_*; nn_status_text; local: *; };\n", o->prefix);
    add_all(arena, &words, start);
    if (!put_objects(w, objects, "model", &words)) return false;
    add_all(arena, &words, safe);
    if (!o->debug) vec_push(arena, &words, "-s");
    if (!add_library(w, &words, "libnn.a")) return false;
    const char *blas = openblas ? linked_name(arena, LIBRARY_OPENBLAS, 0) : NULL;
    if (blas) vec_push(arena, &words, string_format(arena, "-l%s", blas));
    add_end(arena, &words, system);
    return workplace_put(w, "exports", exports, strlen(exports)) && workplace_run(w, words.data);
}
