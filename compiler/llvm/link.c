// Linking by the system's `cc`: a trainer from its object and the runtime, an archive of both.
//
// The runtime's library is found from the compiler's own place: the build tree or an installation's lib
// folder.
#include "llvm/files.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { OK = 0, FILE_STATUS = 3 };

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

static bool in_path(Arena *arena, const char *tool) {
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        if (access(string_format(arena, "%.*s/%s", (int)n, p, tool), X_OK) == 0) return true;
        p += n + (p[n] == ':');
    }
    return false;
}

bool tool_check(Context *ctx, const char *tool) {
    if (in_path(ctx->arena, tool)) return true;
    Diagnostic *d = diagnose(ctx, NO_TOOL, NO_SPAN, tool, "it is not in PATH");
    if (d) diagnostic_help(ctx, d, "install a C compiler (Debian: `apt install gcc`)");
    return false;
}

bool linker_check(Context *ctx) { return tool_check(ctx, "cc"); }

bool tools_check(Context *ctx, OutputKind kind) {
    return kind == OUTPUT_TRAINER ? linker_check(ctx) : kind != OUTPUT_LIBRARY || tool_check(ctx, "ar");
}

// ---- running a tool ---------------------------------------------------------------------------------------

// The first line that says what went wrong, of all that a tool printed.
static const char *first_error(Arena *arena, int fd) {
    char text[4096];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0) return "it says nothing";
    text[n] = 0;
    char *line = strstr(text, "error");
    while (line && line > text && line[-1] != '\n') line--;
    line = line ? line : text;
    return string_copy(arena, line, strcspn(line, "\n"));
}

// Runs argv; what it prints goes into `said`, what it reads comes from `input` (-1: nothing). Its status, -1:
// not started.
static int run_tool(char *const *argv, int input, int said) {
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = 0;
    if (posix_spawn_file_actions_init(&actions)) return -1;
    if (input < 0)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    else
        posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_adddup2(&actions, said, 1);
    posix_spawn_file_actions_adddup2(&actions, said, 2);
    int error = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        errno = error;
        return -1;
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

// `cc` answers with a path where it knows one, else with the name as it is.
bool openblas_check(Context *ctx) {
    static const char cc[] = "cc", question[] = "-print-file-name=libopenblas.so";
    char answer[4096];
    char *argv[] = {string_copy(ctx->arena, cc, sizeof cc - 1),
                    string_copy(ctx->arena, question, sizeof question - 1), NULL};
    int said = memfd_create("said", MFD_CLOEXEC);
    bool asked = said >= 0 && run_tool(argv, -1, said) == 0;
    ssize_t n = asked ? pread(said, answer, sizeof answer, 0) : 0;
    if (said >= 0) close(said);
    if (n > 0 && memchr(answer, '/', (size_t)n)) return true;
    Diagnostic *d = diagnose(ctx, NO_OPENBLAS, NO_SPAN);
    if (d)
        diagnostic_help(ctx, d,
                        "install it (Debian: `apt install libopenblas-dev`), or build with `--blas none`");
    return false;
}

typedef struct {
    Context *ctx;
    char *folder, *result, *said;
    VEC(char *) objects;
    int said_fd;
} Workplace;

// A folder beside the result, so that the last step is a rename on one file system.
static bool open_workplace(Workplace *w, Context *ctx, const char *path) {
    *w = (Workplace){.ctx = ctx, .folder = string_format(ctx->arena, "%s.XXXXXX", path), .said_fd = -1};
    if (!mkdtemp(w->folder)) {
        diagnose(ctx, CANNOT_WRITE, NO_SPAN, path, strerror(errno));
        return false;
    }
    w->result = string_format(ctx->arena, "%s/result", w->folder);
    w->said = string_format(ctx->arena, "%s/said", w->folder);
    w->said_fd = open(w->said, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (w->said_fd >= 0) return true;
    diagnose(ctx, CANNOT_WRITE, NO_SPAN, w->said, strerror(errno));
    return false;
}

static bool put_object(Workplace *w, Compiled object, const char *name) {
    vec_push(w->ctx->arena, &w->objects, string_format(w->ctx->arena, "%s/%s", w->folder, name));
    return file_write(w->ctx, w->objects.data[w->objects.count - 1], object.bytes, object.length);
}

static bool put_objects(Workplace *w, const LinkRequest *r) {
    for (int i = 0; i < r->object_count; i++)
        if (!put_object(w, r->objects[i], string_format(w->ctx->arena, "model%d.o", i))) return false;
    return true;
}

static void close_workplace(const Workplace *w) {
    if (w->said_fd >= 0) close(w->said_fd);
    for (int i = 0; i < w->objects.count; i++) unlink(w->objects.data[i]);
    if (w->result) unlink(w->result);
    if (w->said) unlink(w->said);
    rmdir(w->folder);
}

static bool finish(const Workplace *w, int status, const char *tool, const char *path) {
    if (status < 0) {
        diagnose(w->ctx, NO_TOOL, NO_SPAN, tool, strerror(errno));
        return false;
    }
    if (status) {
        diagnose(w->ctx, TOOL_FAILED, NO_SPAN, tool, path, first_error(w->ctx->arena, w->said_fd));
        return false;
    }
    struct stat s; // a device is not replaced by a file
    bool special = stat(path, &s) == 0 && !S_ISREG(s.st_mode);
    if (!special && rename(w->result, path) == 0) return true;
    if (special) errno = S_ISDIR(s.st_mode) ? EISDIR : EINVAL;
    diagnose(w->ctx, CANNOT_WRITE, NO_SPAN, path, strerror(errno));
    return false;
}

// ---- trainers and archives --------------------------------------------------------------------------------

typedef VEC(char *) Words;

static void add(Arena *arena, Words *words, const char *word) {
    vec_push(arena, words, string_copy(arena, word, strlen(word)));
}

static void add_all(Arena *arena, Words *words, const char *const *list) {
    for (; *list; list++) add(arena, words, *list);
}

static bool command_of(Context *ctx, const LinkRequest *r, const Workplace *w, Words *words) {
    static const char *const safe[] = {
        "-pie", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,--as-needed",
        NULL};
    static const char *const gzip[] = {"-Wl,-u,nn_gzip_expand", NULL};
    const char *runtime = find_library(ctx, "libnn.a"), *expander = NULL;
    static const char *const blas[] = {"-Wl,-u,nn_openblas_begin", NULL};
    const char *beginner = NULL;
    if (!runtime || (r->gzip && !(expander = find_library(ctx, "libnn-gzip.a")))) return false;
    if (r->openblas && !(beginner = find_library(ctx, "libnn-openblas.a"))) return false;
    const char *const start[] = {"cc", "-o", w->result, NULL};
    add_all(ctx->arena, words, start);
    for (int i = 0; i < w->objects.count; i++) add(ctx->arena, words, w->objects.data[i]);
    add_all(ctx->arena, words, safe);
    if (!r->debug) add(ctx->arena, words, "-s");
    if (r->gzip) {
        add_all(ctx->arena, words, gzip);
        add(ctx->arena, words, expander);
    }
    if (r->openblas) {
        add_all(ctx->arena, words, blas);
        add(ctx->arena, words, beginner);
    }
    add(ctx->arena, words, runtime);
    if (r->gzip) add(ctx->arena, words, "-lz");
    if (r->openblas) add(ctx->arena, words, "-lopenblas");
#ifdef __SANITIZE_ADDRESS__
    add(ctx->arena, words, "-fsanitize=address,undefined");
#endif
    static const char *const end[] = {"-lm", "-lpthread", NULL};
    add_all(ctx->arena, words, end);
    vec_push(ctx->arena, words, NULL);
    return true;
}

int link_trainer(Context *ctx, const LinkRequest *request) {
    Workplace w;
    Words words = {0};
    bool done = open_workplace(&w, ctx, request->path) && put_objects(&w, request) &&
                command_of(ctx, request, &w, &words);
    if (done) done = finish(&w, run_tool(words.data, -1, w.said_fd), "cc", request->path);
    close_workplace(&w);
    return done ? OK : FILE_STATUS;
}

// `ar` takes its orders from a script, so that members of the runtime's archive are copied as they are.
static bool archive(Context *ctx, const Workplace *w, const char *path) {
    const char *runtime = find_library(ctx, "libnn.a");
    char *script = string_format(ctx->arena, "%s/script", w->folder);
    if (!runtime) return false;
    const char *text = string_format(ctx->arena, "create %s\naddlib %s\naddmod %s\nsave\nend\n", w->result,
                                     runtime, w->objects.data[0]);
    if (!file_write(ctx, script, text, strlen(text))) return false;
    int input = open(script, O_RDONLY | O_CLOEXEC);
    static const char name[] = "ar", flags[] = "-M";
    char *argv[] = {string_copy(ctx->arena, name, sizeof name - 1),
                    string_copy(ctx->arena, flags, sizeof flags - 1), NULL};
    bool done = input >= 0 && finish(w, run_tool(argv, input, w->said_fd), "ar", path);
    if (input >= 0) close(input);
    unlink(script);
    return done;
}

int link_archive(Context *ctx, Compiled object, const char *path, const char *member) {
    Workplace w;
    bool done = open_workplace(&w, ctx, path) && put_object(&w, object, member) && archive(ctx, &w, path);
    close_workplace(&w);
    return done ? OK : FILE_STATUS;
}
