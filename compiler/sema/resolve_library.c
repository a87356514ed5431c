// File-level names of the program and its libraries, and the tables of what the language knows by itself.
// Guarantees: a lookup depends only on the file it comes from, so that a library's body keeps its own names.
#include "sema/resolve.h"

// One file: its own names, and the word its members are called with (NULL: they are seen without one).
typedef struct {
    const Source *source;
    const Node *root;
    const char *prefix;
    bool program;
    Map *names;
} FileScope;

struct Library {
    Context *ctx;
    VEC(FileScope *) files;
    Map *standard; // the standard library's names, without those of prefixed files
    Map *prefixes; // prefix -> FileScope
};

Library *library_create(Context *ctx) {
    Library *library = arena_new(ctx->arena, Library);
    library->ctx = ctx;
    library->standard = map_create(ctx->arena);
    library->prefixes = map_create(ctx->arena);
    return library;
}

static bool is_named(const Node *item) {
    return item->kind == AST_DEFINE || item->kind == AST_CONSTANT || item->kind == AST_DATA;
}

static FileScope *add_file(Library *library, const Source *source, const Node *root) {
    FileScope *file = arena_new(library->ctx->arena, FileScope);
    *file = (FileScope){source, root, NULL, false, map_create(library->ctx->arena)};
    for (int i = 0; root && i < root->count; i++) {
        Node *item = root->items[i];
        if (item && is_named(item) && item->name && !map_get(file->names, item->name))
            map_set(file->names, item->name, item);
    }
    vec_push(library->ctx->arena, &library->files, file);
    return file;
}

void library_add(Library *library, const Source *source, const Node *root) {
    FileScope *file = add_file(library, source, root);
    file->prefix = source->prefix;
    if (file->prefix) {
        if (map_get(library->prefixes, file->prefix))
            diagnose(library->ctx, LIBRARY_TWICE, NO_SPAN, file->prefix);
        map_set(library->prefixes, file->prefix, file);
        return;
    }
    for (int i = 0; i < map_count(file->names); i++)
        if (map_key(file->names, i)[0] != '_')
            map_set(library->standard, map_key(file->names, i), map_value(file->names, i));
}

static FileScope *file_of(const Library *library, Span span) {
    for (int i = 0; i < library->files.count; i++) {
        FileScope *file = library->files.data[i];
        if (span.start >= file->source->base && span.start <= file->source->base + file->source->length)
            return file;
    }
    for (int i = 0; i < library->files.count;
         i++) // a text of the command line is read as if it stood in the program
        if (library->files.data[i]->program) return library->files.data[i];
    return NULL;
}

void library_open(Library *library, const Source *source, const Node *root) {
    for (int i = 0; i < library->files.count; i++)
        if (library->files.data[i]->source == source) return;
    add_file(library, source, root)->program = true;
}

const Node *library_find(const Library *library, Span from, const char *name) {
    const FileScope *file = file_of(library, from);
    const Node *own = file ? map_get(file->names, name) : NULL;
    return own ? own : map_get(library->standard, name);
}

bool library_named(const Library *library, Span from, const char *prefix) {
    const FileScope *own = file_of(library, from);
    return map_get(library->prefixes, prefix) && !(own && map_get(own->names, prefix));
}

bool library_standard(const Library *library, const char *name) {
    return map_get(library->standard, name) != NULL;
}

const Node *library_member(const Library *library, Span from, const char *prefix, const char *name) {
    const FileScope *file = map_get(library->prefixes, prefix);
    return file && library_named(library, from, prefix) && name[0] != '_' ? map_get(file->names, name) : NULL;
}

int library_words(const Library *library, const char **names, int room) {
    int count = 0;
    for (; count < map_count(library->prefixes) && count < room; count++)
        names[count] = map_key(library->prefixes, count);
    return count;
}

int library_members(const Library *library, const char *prefix, const char **names, int room) {
    const FileScope *file = map_get(library->prefixes, prefix);
    int count = 0;
    for (int i = 0; file && i < map_count(file->names) && count < room; i++)
        if (map_key(file->names, i)[0] != '_') names[count++] = map_key(file->names, i);
    return count;
}

int library_names(const Library *library, Span from, const char **names, int room) {
    const FileScope *file = file_of(library, from);
    const Map *maps[] = {file ? file->names : NULL, library->standard, library->prefixes};
    int count = 0;
    for (int m = 0; m < 3; m++)
        for (int i = 0; maps[m] && i < map_count(maps[m]) && count < room; i++)
            names[count++] = map_key(maps[m], i);
    return count;
}

static const Builtin builtins[] = {
#define BUILTIN(name, group, parameters, needed) {#name, GROUP_##group, parameters, needed},
#include "builtins.def"
#undef BUILTIN
};

const Builtin *builtin_row(int i) {
    return i < (int)(sizeof builtins / sizeof *builtins) ? &builtins[i] : NULL;
}

const Builtin *builtin_find(const char *name, uint32_t groups) {
    const Builtin *row;
    for (int i = 0; (row = builtin_row(i)); i++)
        if ((groups & 1u << row->group) && string_equal(row->name, name)) return row;
    return NULL;
}

static const TrainSetting settings[] = {
#define SETTING(name, kind, preset, meaning) {#name, VALUE_##kind, preset, meaning},
#include "settings.def"
#undef SETTING
};

const TrainSetting *train_setting_row(int i) {
    return i < (int)(sizeof settings / sizeof *settings) ? &settings[i] : NULL;
}

const TrainSetting *train_setting_find(const char *name) {
    const TrainSetting *row;
    for (int i = 0; (row = train_setting_row(i)); i++)
        if (string_equal(row->name, name)) return row;
    return NULL;
}

const Node *file_train(const Node *root) {
    for (int i = 0; i < root->count; i++)
        if (root->items[i] && root->items[i]->kind == AST_TRAIN) return root->items[i];
    return NULL;
}
