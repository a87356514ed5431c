// The data block that emit/ writes, against elaboration's, over all programs here: what is read and measured,
// and every field of every part, with all that it is made of. `data_test FILE` says of one program what
// differs.
#include "emit/data.h"
#include "ir/tables.h"
#include "support/check.h"
#include "support/classes.h"
#include "support/stdlib.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

static Tests t;

typedef struct {
    Context *ctx;
    const char *path;
    Program *p;
    DataBlock *old, *new;
    Classes classes;
} File;

static void hold(const File *f, bool ok, const char *what) {
    check(&t, ok, string_format(f->ctx->arena, "%s: %s", f->path, what));
}

static bool same_text(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static void compare_block(const File *f) {
    const DataBlock *a = f->old, *b = f->new;
    hold(f, same_text(a->name, b->name) && same_text(a->source, b->source) && same_text(a->file, b->file),
         "source");
    hold(f,
         a->header == b->header && a->separator == b->separator && a->missing == b->missing &&
             a->missing_value == b->missing_value,
         "csv");
    hold(f,
         a->rows == b->rows && a->seed == b->seed && a->split == b->split && a->stratify == b->stratify &&
             a->test == b->test && a->validation == b->validation && a->split_seed == b->split_seed &&
             a->folds == b->folds,
         "split");
    hold(f,
         !memcmp(a->own_part, b->own_part, sizeof a->own_part) && a->block == b->block &&
             a->block_row == b->block_row,
         "block");
    hold(f,
         a->fields.count == b->fields.count && a->columns.count == b->columns.count &&
             a->statistics.count == b->statistics.count,
         "counts");
}

static void compare_field(const File *f, const Field *a, const Field *b) {
    bool same = same_text(a->name, b->name) && same_text(a->text, b->text) && a->type == b->type &&
                a->rank == b->rank && !memcmp(a->dims, b->dims, sizeof *a->dims * (size_t)a->rank) &&
                a->limit == b->limit && a->is_class == b->is_class && a->in_model == b->in_model &&
                a->span.start == b->span.start;
    hold(f, same, string_format(f->ctx->arena, "field %s", a->name));
    if (a->input)
        hold(f, b->input && tensors_alike(a->input, b->input),
             string_format(f->ctx->arena, "input %s", a->name));
}

static void pair(File *f, Tensor *own, Tensor *theirs, const char *what) {
    bool both = own && theirs && tensors_alike(own, theirs) && own->kind == theirs->kind;
    hold(f, both || own == theirs, what);
    if (both) table_set(f->ctx->arena, &f->classes.same, own, theirs);
}

static void compare_column(File *f, const Column *a, const Column *b) {
    bool same = a->part == b->part && a->kind == b->kind && a->field == b->field &&
                same_text(a->file, b->file) && same_text(a->name, b->name) &&
                same_text(a->equals, b->equals) && a->first == b->first && a->last == b->last &&
                a->limit == b->limit && a->elements == b->elements && a->is_class == b->is_class &&
                a->is_whole == b->is_whole && a->for_input == b->for_input &&
                a->value_count == b->value_count && a->span.start == b->span.start &&
                (!a->values || !memcmp(a->values, b->values, sizeof *a->values * (size_t)a->value_count));
    hold(f, same, string_format(f->ctx->arena, "column %s", a->tensor->name));
    pair(f, b->tensor, a->tensor, a->tensor->name);
}

static const Function *function_of(const File *f, FunctionKind kind, bool last) {
    const Function *found = NULL;
    for (int i = 0; i < f->p->functions.count; i++)
        if (f->p->functions.data[i]->kind == kind && (last || !found)) found = f->p->functions.data[i];
    return found;
}

static void equal(File *f, const Function *old, Tensor *was, const Function *new, Tensor *is,
                  const char *what) {
    hold(f, !was == !is, what);
    if (!was || !is) return;
    Sweep a = sweep_of(&f->classes, old, false), b = sweep_of(&f->classes, new, false);
    sweep_visit(&a, was);
    sweep_visit(&b, is);
    bool same = class_tensor(&f->classes, was) == class_tensor(&f->classes, is) && was->type == is->type &&
                was->kind == is->kind;
    hold(f, same, what);
    Text text = {.arena = f->ctx->arena};
    for (int i = 0; !same && i < old->equations.count; i++)
        if (old->equations.data[i]->tensor == was)
            equation_print(&text, class_equation(&f->classes, old->equations.data[i]));
    text_put(&text, "\n");
    for (int i = 0; !same && b.first && i < new->equations.count; i++)
        if (new->equations.data[i]->tensor == b.first)
            equation_print(&text, class_equation(&f->classes, new->equations.data[i]));
    if (!same) printf("%s\n", text_string(&text));
}

static void compare_all(File *f) {
    static const FunctionKind kinds[] = {FUNCTION_PREPARE, FUNCTION_PREPARE_TEST,
                                         FUNCTION_PREPARE_VALIDATION};
    DataBlock *a = f->old, *b = f->new;
    f->classes = (Classes){.p = f->p, .arena = f->ctx->arena, .numbers = true};
    compare_block(f);
    for (int i = 0; i < a->fields.count && i < b->fields.count; i++)
        compare_field(f, &a->fields.data[i], &b->fields.data[i]);
    for (int i = 0; i < a->columns.count && i < b->columns.count; i++)
        compare_column(f, &a->columns.data[i], &b->columns.data[i]);
    for (int k = 0; k < 3; k++) pair(f, b->first_row[k], a->first_row[k], "first row");
    for (int i = 0; i < a->statistics.count && i < b->statistics.count; i++) {
        const Statistic *x = &a->statistics.data[i], *y = &b->statistics.data[i];
        hold(f, x->kind == y->kind && x->field == y->field && x->column == y->column, "statistic");
        for (int k = 0; k < 2; k++) {
            hold(f, !x->into[k] || !strcmp(x->into[k]->name, y->into[k]->name), "name of a statistic");
            pair(f, y->into[k], x->into[k], "statistic");
        }
    }
    for (int k = 0; k < 3; k++) {
        const Function *old = function_of(f, kinds[k], false), *new = function_of(f, kinds[k], true);
        if (!old) continue;
        hold(f, old != new && old->outputs.count == new->outputs.count, "outputs");
        for (int i = 0; i < a->fields.count && i < b->fields.count; i++)
            equal(f, old, a->fields.data[i].prepared[k], new, b->fields.data[i].prepared[k],
                  a->fields.data[i].name);
        for (int i = 0;
             i < a->statistics.count && i < b->statistics.count && a->statistics.data[i].column < 0; i++)
            equal(f, old, a->statistics.data[i].of[k], new, b->statistics.data[i].of[k], "what is measured");
    }
}

static void compare(const char *path) {
    Context *ctx = context_create();
    Library *library = stdlib_library(ctx);
    const Source *source = source_load(ctx, path);
    const Node *root = source ? parse_source(ctx, source) : NULL;
    bool bound = root && !ctx->errors && bind_file(library, source, root) && file_train(root);
    const Tree *tree = bound ? shape_run(ctx, library, root, 0) : NULL;
    Module *m = tree ? sema_elaborate(ctx, library, source, root, tree, NULL) : NULL;
    bool refused = bound && !m && ctx->errors && ctx->diagnostics.data[0]->code == NOT_YET;
    if (m) {
        Program *p = m->program;
        Module own = {0};
        for (int i = 0; i < m->data.statistics.count; i++)
            for (int k = 0; k < 2; k++)
                if (m->data.statistics.data[i].into[k])
                    map_set(p->tables->tensor_names, m->data.statistics.data[i].into[k]->name, NULL);
        File f = {ctx, path, p, &m->data, &own.data, {0}};
        hold(&f, data_write(emitter_create(p, library, tree, expr_training(p)), &own), "written");
        compare_all(&f);
        for (int i = 0, k = 0; i < own.in_force.count; i++) {
            while (k < m->in_force.count && !same_text(m->in_force.data[k].name, own.in_force.data[i].name))
                k++;
            hold(&f,
                 k < m->in_force.count && same_text(m->in_force.data[k].value, own.in_force.data[i].value) &&
                     same_text(m->in_force.data[k].origin, own.in_force.data[i].origin),
                 "in force");
        }
    } else if (!refused && bound) {
        check(&t, false, path);
    }
    if (ctx->errors && !refused) diagnostics_print(ctx, false, stdout);
    context_destroy(ctx);
}

static void for_each(const char *pattern) {
    char full[512];
    snprintf(full, sizeof full, "%s/%s", TEST_ROOT, pattern);
    glob_t found;
    check(&t, glob(full, 0, NULL, &found) == 0, pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) compare(found.gl_pathv[i]);
    globfree(&found);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) compare(argv[i]);
    if (argc == 1) {
        for_each("tests/models/*.nn");
        for_each("examples/*/*.nn");
        for_each("tests/library/*.nn");
    }
    return tests_end(&t);
}
