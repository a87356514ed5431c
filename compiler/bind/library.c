// File-level names of the program and its libraries, and the tables of what the language knows by itself.
// Guarantees: a lookup depends only on the file it comes from, so that a library's body keeps its own names.
#include "bind/scope.h"

enum { DEEPEST = 1000 }; // definitions that need each other in a row

struct Library {
    Context *ctx;
    VEC(File *) files;
    Map *standard;             // the standard library's names, without those of prefixed files
    Map *prefixes;             // prefix -> File
    VEC(Definition *) bound;   // in the order in which they were finished
    VEC(Definition *) waiting; // that were needed too deep: bound when the outermost is done
    int depth;                 // of definitions that are being bound
};

Library *library_create(Context *ctx) {
    Library *library = arena_new(ctx->arena, Library);
    library->ctx = ctx;
    library->standard = map_create(ctx->arena);
    library->prefixes = map_create(ctx->arena);
    return library;
}

static bool is_apart(const Node *item) {
    return item->kind == AST_DEFINE && definition_row(item->definition)->apart;
}

// Is it seen behind its setting alone?
static bool is_hidden(const Node *item) { return is_apart(item) && definition_row(item->definition)->given; }

const char *item_key(Arena *arena, const Node *item) {
    bool named = item->kind == AST_DEFINE || item->kind == AST_CONSTANT || item->kind == AST_DATA;
    if (!named || !is_apart(item)) return named ? item->name : NULL;
    return string_format(arena, "%s %s", definition_row(item->definition)->word, item->name);
}

// Binding begins anew: what the trees say of an earlier library is of no use.
static File *add_file(Library *library, const Source *source, const Node *root) {
    Arena *arena = library->ctx->arena;
    File *file = arena_new(arena, File);
    *file = (File){.source = source, .root = root, .names = map_create(arena), .missing = map_create(arena)};
    for (int i = 0; root && i < root->count; i++) {
        Node *item = root->items[i];
        if (!item) continue;
        item->binding = NULL;
        const char *key = item_key(arena, item);
        if (key && !map_get(file->names, key)) map_set(file->names, key, item);
    }
    vec_push(arena, &library->files, file);
    return file;
}

void library_add(Library *library, const Source *source, const Node *root) {
    File *file = add_file(library, source, root);
    file->prefix = source->prefix;
    if (file->prefix) {
        if (map_get(library->prefixes, file->prefix))
            diagnose(library->ctx, LIBRARY_TWICE, NO_SPAN, file->prefix);
        map_set(library->prefixes, file->prefix, file);
        return;
    }
    for (int i = 0; i < map_count(file->names); i++) {
        Node *item = map_value(file->names, i);
        if (item->name[0] != '_') map_set(library->standard, map_key(file->names, i), item);
    }
}

static File *file_of(const Library *library, Span span) {
    for (int i = 0; i < library->files.count; i++) {
        File *file = library->files.data[i];
        if (span.start >= file->source->base && span.start <= file->source->base + file->source->length)
            return file;
    }
    for (int i = 0; i < library->files.count;
         i++) // a text of the command line is read as if it stood in the program
        if (library->files.data[i]->program) return library->files.data[i];
    return NULL;
}

File *library_open(Library *library, const Source *source, const Node *root) {
    for (int i = 0; i < library->files.count; i++)
        if (library->files.data[i]->source == source) return library->files.data[i];
    File *file = add_file(library, source, root);
    file->program = true;
    return file;
}

const Node *library_find(const Library *library, Span from, const char *name) {
    const File *file = file_of(library, from);
    const Node *own = file ? map_get(file->names, name) : NULL;
    return own ? own : map_get(library->standard, name);
}

const Node *library_rule(const Library *library, Span from, const char *prefix, DefinitionKind kind,
                         const char *name) {
    const DefinitionRow *row = definition_row(kind);
    const char *key = row->apart ? string_format(library->ctx->arena, "%s %s", row->word, name) : name;
    if (!prefix) return library_find(library, from, key);
    return name[0] == '_' ? NULL : library_member(library, from, prefix, key);
}

bool library_named(const Library *library, Span from, const char *prefix) {
    const File *own = file_of(library, from);
    return map_get(library->prefixes, prefix) && !(own && map_get(own->names, prefix));
}

bool library_standard(const Library *library, const char *name) {
    return map_get(library->standard, name) != NULL;
}

const char *library_alike(const Library *library, const char *name) {
    for (int i = 0; i < map_count(library->standard); i++)
        if (words_alike(map_key(library->standard, i), name)) return map_key(library->standard, i);
    return NULL;
}

const Node *library_member(const Library *library, Span from, const char *prefix, const char *name) {
    const File *file = map_get(library->prefixes, prefix);
    return file && library_named(library, from, prefix) && name[0] != '_' ? map_get(file->names, name) : NULL;
}

const Node *library_callee(const Library *library, const Node *callee) {
    if (callee->kind == AST_NAME) return library_find(library, callee->span, callee->name);
    bool member = callee->kind == AST_MEMBER && callee->base->kind == AST_NAME;
    return member ? library_member(library, callee->span, callee->base->name, callee->name) : NULL;
}

int library_words(const Library *library, const char **names, int room) {
    int count = 0;
    for (; count < map_count(library->prefixes) && count < room; count++)
        names[count] = map_key(library->prefixes, count);
    return count;
}

int library_members(const Library *library, const char *prefix, const char **names, int room) {
    const File *file = map_get(library->prefixes, prefix);
    int count = 0;
    for (int i = 0; file && i < map_count(file->names) && count < room; i++) {
        const Node *item = map_value(file->names, i);
        if (item->name[0] != '_' && !is_hidden(item)) names[count++] = item->name;
    }
    return count;
}

// What is seen without a word: the file's own, then the standard library's. NULL after the last.
static const Node *visible(const Library *library, const File *file, int i) {
    int own = file ? map_count(file->names) : 0;
    if (i < own) return map_value(file->names, i);
    return i - own < map_count(library->standard) ? map_value(library->standard, i - own) : NULL;
}

int library_names(const Library *library, Span from, const char **names, int room) {
    const File *file = file_of(library, from);
    const Node *item;
    int count = 0;
    for (int i = 0; (item = visible(library, file, i)) && count < room; i++)
        if (!is_hidden(item)) names[count++] = item->name;
    return count + library_words(library, names + count, room - count);
}

int library_rules(const Library *library, Span from, DefinitionKind kind, const Node **rules, int room) {
    const File *file = file_of(library, from);
    const Node *item;
    int count = 0;
    for (int i = 0; (item = visible(library, file, i)) && count < room; i++)
        if (is_define(item, kind)) rules[count++] = item;
    return count;
}

// The text that holds the standard library's clips sees it.
const Node *library_private(const Library *library, DefinitionKind kind, const char *name) {
    const Node *clip = map_get(library->standard, "clip norm");
    return library_rule(library, clip->span, NULL, kind, name);
}

static const Builtin builtins[] = {
#define BUILTIN(name, group, parameters, needed) {#name, GROUP_##group, parameters, needed, NULL},
#define READER(name, parameters, needed, sources) {#name, GROUP_READER, parameters, needed, sources},
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

// ---- definitions ----

Bind bind_begin(Library *library, const Node *item) {
    Context *ctx = library->ctx;
    return (Bind){.ctx = ctx,
                  .library = library,
                  .file = file_of(library, item->span),
                  .definition = item->binding,
                  .groups = GROUPS_BODY,
                  .reported = map_create(ctx->arena)};
}

static void bind_text(Library *library, const Node *item) {
    Bind b = bind_begin(library, item);
    Definition *d = b.definition;
    switch ((int)item->kind) {
    case AST_DEFINE: bind_definition(&b); break;
    case AST_DATA: bind_data(&b); break;
    case AST_TRAIN: bind_train(&b); break;
    case AST_ASSERT: bind_assert(&b); break;
    default:
        scope_open(&b);
        d->body = bind_named(&b, item->value, item->name);
        d->result = d->body->sort;
    }
}

static void bind_now(Library *library, Definition *d) {
    if (d->state != UNBOUND) return;
    int first = library->bound.count;
    d->state = BINDING;
    library->depth++;
    bind_text(library, d->node);
    library->depth--;
    d->state = BOUND;
    definition_number(library->ctx->arena, d);
    vec_push(library->ctx->arena, &library->bound, d);
    if (d->recursive) definitions_settle(library->bound.data + first, library->bound.count - first);
}

// In a definition of so many dimensions (syntax/dimensions.c), the first name of such definitions stands for
// the one of as many.
static void name_dimensions(const Library *library, const File *file, Node *node, int count) {
    const Node *own = node->kind == AST_NAME ? map_get(file->names, node->name) : NULL;
    if (node->kind == AST_NAME && !own) own = map_get(library->standard, node->name);
    const Node *names = own && own->kind == AST_DEFINE && own->written ? own->written->names : NULL;
    if (names && count <= names->count && string_equal(names->items[0]->name, node->name))
        node->name = names->items[count - 1]->name;
    for (int i = 0; i < node->count; i++) name_dimensions(library, file, node->items[i], count);
    for (int i = 0; i < 3; i++)
        if (node->kid[i]) name_dimensions(library, file, node->kid[i], count);
}

static Definition *definition_new(Library *library, Node *item) {
    Definition *d = arena_new(library->ctx->arena, Definition);
    d->node = item;
    d->result.kind = KIND_ANY;
    item->binding = d;
    if (item->kind != AST_DEFINE || !item->written) return d;
    dimensions_write(library->ctx, item);
    name_dimensions(library, file_of(library, item->span), item, (int)item->number);
    return d;
}

Definition *definition_of_node(Library *library, const Node *item) {
    Definition *d = item->binding ? item->binding : definition_new(library, (Node *)item);
    d->recursive |= d->state == BINDING;
    if (d->state == UNBOUND && library->depth >= DEEPEST) vec_push(library->ctx->arena, &library->waiting, d);
    if (library->depth < DEEPEST) bind_now(library, d);
    if (library->depth || !library->waiting.count) return d;
    while (library->waiting.count) bind_now(library, library->waiting.data[--library->waiting.count]);
    definitions_settle(library->bound.data, library->bound.count);
    return d;
}
