// What the command line says in place of the text (`--set name=value`): a setting of `train`, a constant.
// Guarantees: the tree reads as if it stood in the file, in a source of its own named SET_SOURCE; other names
// (numbers of optimizers and schedules) are left to whoever knows them.
#include "bind/bind.h"

#include <string.h>

const char SET_SOURCE[] = "--set";

const Node *set_line(Context *ctx, const SetOptions *set, const char *name) {
    const Node *line = NULL;
    for (int i = 0; i < set->count; i++) {
        const SetOption *option = &set->data[i];
        if (!string_equal(option->name, name)) continue;
        const char *text = string_format(ctx->arena, "set = %s\n", option->value);
        Source *source = source_add(ctx, SET_SOURCE, text, strlen(text));
        int errors = ctx->errors;
        const Node *file = source ? parse_source(ctx, source) : NULL;
        bool one = file && file->count == 1 && file->items[0]->kind == AST_CONSTANT;
        if (ctx->errors == errors && !one) diagnose(ctx, SET_VALUE, NO_SPAN, option->name, option->value);
        line = ctx->errors == errors ? file->items[0] : NULL;
    }
    return line;
}

// The line of the block that gives the setting, or a new one.
static Node *setting_line(Context *ctx, Node *block, const char *name, Span span) {
    for (int i = 0; i < block->count; i++) {
        const Node *s = block->items[i], *target = s->kind == AST_ASSIGN ? s->target : NULL;
        if (target && target->kind == AST_NAME && string_equal(target->name, name)) return block->items[i];
    }
    Node *line = node_new(ctx, AST_ASSIGN, span), *target = node_new(ctx, AST_NAME, span);
    line->op = OPERATOR_SET;
    line->name_span = target->name_span = span;
    line->target = target;
    target->name = context_intern(ctx, name, strlen(name));
    node_add(ctx, block, line);
    return line;
}

bool set_apply(Context *ctx, Node *root, const SetOptions *set) {
    int errors = ctx->errors;
    const Node *train = file_train(root);
    const TrainSetting *row;
    for (int i = 0; train && train->block && (row = train_setting_row(i)); i++) {
        const Node *line = set_line(ctx, set, row->name);
        if (line) setting_line(ctx, train->block, row->name, line->value->span)->assigned = line->value;
    }
    for (int i = 0; train && i < root->count; i++) {
        Node *item = root->items[i];
        const Node *line = item->kind == AST_CONSTANT ? set_line(ctx, set, item->name) : NULL;
        if (line) item->value = line->value;
    }
    return ctx->errors == errors;
}

bool node_is_set(const Context *ctx, const Node *e) {
    const Source *source = source_of(ctx, e->span);
    return source && string_equal(source->name, SET_SOURCE);
}
