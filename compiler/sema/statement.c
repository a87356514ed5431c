// Statements of definitions: equations with indices, values with a name, states given again, parameters and
// states declared.
#include <math.h>
#include <string.h>

#include "sema/values.h"

// ---- values with a name ----

static SemaValue shape_of_slot(Elaborator *el, const Cell *slot, const Expr *e) {
    SemaValue v = value_tensor(el->session, slot->target);
    if (v.kind != SEMA_TENSOR) return value_scalar(e);
    Array a = *v.array;
    a.e = e;
    return value_array(el->session, &a);
}

static void touch(Elaborator *el, Cell *slot) {
    if (slot->assigned) return;
    slot->assigned = true;
    vec_push(el->session->arena, &el->tables->slot_list, slot);
}

// A new value for a state: of its shape, and stored.
static SemaValue set_slot(Elaborator *el, Env *env, Cell *slot, SemaValue v, Span span) {
    const Tensor *t = slot->target;
    if (el->tables->loops) return fail_value(el, env, RECUR_STATE, span, slot->name);
    v = value_first(v);
    if (v.kind == SEMA_ERROR) return v;
    if (v.kind == SEMA_NUMBER || v.kind == SEMA_SCALAR)
        v = shape_of_slot(el, slot, value_expr(el, v, t->type == TYPE_REAL));
    SemaValue wanted = value_tensor(el->session, slot->target);
    bool fits = v.kind == wanted.kind;
    if (fits && v.kind == SEMA_TENSOR)
        fits = v.array->rank == t->rank && dims_equal(v.array->dims, wanted.array->dims, t->rank);
    if (!fits)
        return fail_value(el, env, STATE_SHAPE, span, slot->name, value_shape_text(el->session, wanted),
                          value_shape_text(el->session, v));
    v = value_store(el, env, v, string_format(el->session->arena, "%s.new", t->name), span);
    if (v.kind == SEMA_ERROR) return v;
    v.span = span;
    slot->current = v;
    touch(el, slot);
    return v;
}

static SemaValue fresh_name(Elaborator *el, Env *env, const Node *target, SemaValue v) {
    Name *old = map_get(env->names, target->name);
    if (old && !old->is_size && !old->pending && old->value.kind != SEMA_ERROR) {
        Diagnostic *d = fail(el, env, GIVEN_TWICE, target->span, target->name);
        diagnostic_note(el->session->ctx, d, old->span, "it is given here first");
        return value_error();
    }
    env_add(env, target->name, v, target->span);
    return v;
}

static SemaValue assign_name(Elaborator *el, Env *env, const Node *target, const Node *value) {
    struct ElaboratorTables *tables = el->tables;
    const char *path = env_path(env, el->session->arena, target->name);
    Name *n = env_name(env, target->name);
    if (node_gives_layer(env, value) && !(n && n->slot))
        return fresh_name(el, env, target, value_of(el, env, value));
    const char *hint = tables->hint;
    tables->hint = path;
    SemaValue v = value_of(el, env, value);
    bool slot = n && n->slot;
    v = slot ? set_slot(el, env, n->slot, v, target->span) : value_store(el, env, v, path, target->span);
    tables->hint = hint;
    if (slot) return v;
    if (v.kind == SEMA_TENSOR && v.text) v.text = target->name;
    return fresh_name(el, env, target, v);
}

// ---- equations with indices ----

typedef struct {
    Env *outer, *env;
    const Node *target, *value, *condition;
    Cell *slot;
    bool declared, pieces;
    bool whole[MAX_RANK]; // `:`: the value's own dimensions, in order
    int whole_count;
    Dim dims[MAX_RANK]; // of the tensor
    int rank;
    const Affine *out[MAX_RANK];
    const Index *indices[MAX_RANK]; // a plain left side: one a dimension
    const Index *dots[MAX_RANK];
} Left;

static bool declared_dims(Elaborator *el, Left *left) {
    const char *name = left->target->base->name;
    Name *n = env_name(left->outer, name);
    if (n && n->slot) {
        left->slot = n->slot;
        left->rank = n->slot->target->rank;
        for (int d = 0; d < left->rank; d++) left->dims[d] = dim_of_tensor(n->slot->target, d);
        left->declared = true;
        return true;
    }
    if (n && n->carried) {
        left->declared = left->pieces = true;
        left->rank = n->value.array->rank;
        for (int d = 0; d < left->rank; d++) left->dims[d] = n->value.array->dims[d];
        return true;
    }
    const Node *result = map_get(left->outer->frame->declared, name);
    if (!result || !result->brackets) return true;
    left->declared = true;
    return dims_of(el, left->outer, result->items, result->count, left->dims, &left->rank);
}

static void add_pending(Left *left, const Node *item) {
    const Node *stated;
    const char *name = index_name(item, &stated);
    if (name) {
        if (!map_get(left->env->names, name))
            env_add(left->env, name, value_error(), item->span)->pending = true;
        return;
    }
    if (item->kind == AST_BINARY) {
        add_pending(left, item->left);
        add_pending(left, item->right);
    }
}

// One index of the left side: its range by rule 3.
static bool bind_left_index(Elaborator *el, Left *left, const Node *item, int at) {
    const Node *stated;
    const char *name = index_name(item, &stated);
    Name *n = map_get(left->env->names, name), *loop = env_name(left->outer, name);
    const Node *texts[2] = {left->value, left->condition};
    Dim dim = {0};
    if (n->index) return fail_false(el, left->outer, INDEX_TWICE, item->span, name);
    if (loop && loop->loop) {
        dim = (Dim){loop->index->size, loop->index->batch};
    } else if (stated) {
        if (!dim_of(el, left->outer, stated, &dim)) return false;
    } else if (left->declared && at >= 0) {
        dim = left->dims[at];
    } else if (!range_of(el, left->env, texts, left->condition ? 2 : 1, name, item->span, &dim)) {
        return false;
    }
    n->index = loop && loop->loop ? loop->index : index_of(el, name, dim);
    n->pending = false;
    if (at < 0) return true;
    if (!left->declared) left->dims[at] = dim;
    left->pieces = left->pieces || !dims_same(dim, left->dims[at]);
    left->indices[at] = n->index;
    left->out[at] = affine_index(el->session->program, n->index);
    return true;
}

static bool bind_left_dots(Elaborator *el, Left *left, const Node *item, int *at) {
    const Frame *frame = left->outer->frame;
    if (!frame->has_dots) return fail_false(el, left->outer, DOTS_UNKNOWN, item->span, "");
    for (int d = 0; d < frame->dots && *at < MAX_RANK; d++) {
        left->dims[*at] = frame->dims[d];
        left->indices[*at] = left->dots[d] = index_of(el, dimension_name(d), frame->dims[d]);
        left->out[*at] = affine_index(el->session->program, left->dots[d]);
        ++*at;
    }
    left->env->dots = left->dots;
    return true;
}

static Name *pending_name(const Left *left, const Node *item) {
    Name *n = item->kind == AST_NAME ? map_get(left->env->names, item->name) : NULL;
    return n && n->pending ? n : NULL;
}

// The names of a form whose ranges reads give.
static bool bind_given_names(Elaborator *el, Left *left, const Node *item) {
    if (item->kind == AST_BINARY)
        return bind_given_names(el, left, item->left) && bind_given_names(el, left, item->right);
    const Node *texts[2] = {left->value, left->condition};
    bool given =
        pending_name(left, item) && range_given(el, left->env, texts, left->condition ? 2 : 1, item->name);
    return !given || bind_left_index(el, left, item, -1);
}

static const Node *first_pending(const Left *left, const Node *item) {
    if (item->kind != AST_BINARY) return pending_name(left, item) ? item : NULL;
    const Node *found = first_pending(left, item->left);
    return found ? found : first_pending(left, item->right);
}

static const Affine *left_form(Elaborator *el, Left *left, const Node *item) {
    el->tables->subscript++;
    SemaValue v = value_first(value_of(el, left->env, item));
    el->tables->subscript--;
    bool whole = (v.kind == SEMA_NUMBER && v.integral) || (v.kind == SEMA_SCALAR && v.type == TYPE_INT);
    if (v.kind != SEMA_ERROR && !whole) fail(el, left->outer, SUBSCRIPT_NOT_WHOLE, item->span, "this");
    return whole ? affine_of(el, value_expr(el, v, false)) : NULL;
}

// What nothing else gives a range runs as far as the form stays inside the declared dimension.
static bool bind_by_room(Elaborator *el, Left *left, const Node *item, const Node *name, int at) {
    Name *n = pending_name(left, name);
    n->pending = false;
    n->index = index_of(el, name->name, (Dim){.size = 1});
    bool alone = !first_pending(left, item) && left->declared && !left->dims[at].batch;
    const Affine *form = alone ? left_form(el, left, item) : NULL;
    int64_t low, high, k = form ? affine_coef(form, n->index) : 0;
    if (alone && !form) return false;
    if (k > 0) affine_bounds(form, &low, &high);
    if (k > 0 && high < left->dims[at].size) {
        n->index = index_of(el, name->name, (Dim){.size = (left->dims[at].size - 1 - high) / k + 1});
        return true;
    }
    n->pending = true;
    n->index = NULL;
    return bind_left_index(el, left, name, -1);
}

// A number or an affine form on the left: a piece of the tensor.
static bool bind_left_form(Elaborator *el, Left *left, const Node *item, int at) {
    if (!bind_given_names(el, left, item)) return false;
    for (const Node *name; (name = first_pending(left, item));)
        if (!bind_by_room(el, left, item, name, at)) return false;
    const Affine *form = left_form(el, left, item);
    if (!form) return false;
    if (!left->declared)
        return fail_false(el, left->outer, PIECE_NOT_DECLARED, item->span, left->target->base->name);
    left->out[at] = form;
    left->pieces = true;
    if (form_inside(el, left->out[at], left->dims[at].size)) return true;
    int64_t low, high;
    affine_bounds(left->out[at], &low, &high);
    return fail_false(el, left->outer, PIECE_OUTSIDE, item->span, left->target->base->name, (long long)low,
                      (long long)high, at, (long long)left->dims[at].size);
}

static bool bind_left(Elaborator *el, Left *left) {
    const Node *target = left->target;
    for (int i = 0; i < target->count; i++) add_pending(left, target->items[i]);
    int at = 0;
    for (int i = 0; i < target->count; i++) {
        const Node *item = target->items[i], *stated;
        if (at >= MAX_RANK || (left->declared && at >= left->rank && item->kind != AST_DOTS)) break;
        bool ok;
        if (item->kind == AST_DOTS)
            ok = bind_left_dots(el, left, item, &at);
        else if (item->kind == AST_WHOLE) {
            left->whole[at++] = true;
            left->whole_count++;
            ok = true;
        } else if (index_name(item, &stated))
            ok = bind_left_index(el, left, item, at++);
        else
            ok = bind_left_form(el, left, item, at++);
        if (!ok) return false;
    }
    int given = 0;
    for (int i = 0; i < target->count; i++)
        given += target->items[i]->kind == AST_DOTS ? left->outer->frame->dots : 1;
    if (given > MAX_RANK || (left->declared && given != left->rank))
        return fail_false(el, left->outer, SUBSCRIPT_COUNT, target->span, target->base->name,
                          left->declared ? left->rank : MAX_RANK, given);
    left->rank = given;
    return true;
}

// The dimensions of `:` come from the value: a tensor with as many.
static SemaValue fill_whole(Elaborator *el, Left *left, SemaValue v) {
    if (v.kind != SEMA_TENSOR || v.array->rank != left->whole_count)
        return fail_value(el, left->outer, WHOLE_DIMENSIONS, left->value->span, left->whole_count,
                          left->whole_count == 1 ? "" : "s", value_shape_text(el->session, v));
    for (int d = 0, at = 0; d < left->rank; d++) {
        if (!left->whole[d]) continue;
        if (left->declared && !dims_same(left->dims[d], v.array->dims[at]))
            return fail_value(el, left->outer, SHAPES_DIFFER, left->value->span,
                              dims_text(el, &left->dims[d], 1), dims_text(el, &v.array->dims[at], 1));
        left->dims[d] = v.array->dims[at];
        left->indices[d] = v.array->indices[at++];
        left->out[d] = affine_index(el->session->program, left->indices[d]);
    }
    return value_scalar(v.array->e);
}

static const Affine *left_element(Elaborator *el, const Left *left) {
    if (left->whole_count) return NULL;
    Program *p = el->session->program;
    const Affine *form = el->row ? draw_row(el) : affine_constant(p, 0);
    for (int d = 0; d < left->rank; d++)
        form = affine_add(p, affine_scale(p, form, left->dims[d].size, 1), left->out[d]);
    return form;
}

// The value of a state's equation: elements that it does not give keep what they were.
static SemaValue slot_equation(Elaborator *el, const Left *left, const Expr *e) {
    Program *p = el->session->program;
    Array a = {.rank = left->rank};
    const Affine *forms[MAX_RANK];
    Guard guards[MAX_RANK];
    int count = 0;
    for (int d = 0; d < left->rank; d++) {
        a.dims[d] = left->dims[d];
        bool plain = left->indices[d] && left->indices[d]->size == left->dims[d].size;
        a.indices[d] = plain ? left->indices[d] : index_of(el, "i", left->dims[d]);
        forms[d] = affine_index(p, a.indices[d]);
        if (!plain) guards[count++] = (Guard){affine_sub(p, forms[d], left->out[d]), 1};
    }
    SemaValue old = left->slot->current;
    a.e = e;
    if (count)
        a.e =
            expr_where(p, guards, count, e, old.kind == SEMA_TENSOR ? array_at(el, old.array, forms) : old.e);
    return value_array(el->session, &a);
}

static SemaValue add_piece(Elaborator *el, const Left *left, const Reduced *parts) {
    Name *n = map_get(left->outer->names, left->target->base->name);
    if (!n || !n->pieces) {
        const char *name = env_path(left->outer, el->session->arena, left->target->base->name);
        SemaValue v = pieces_create(el, left->outer, name, left->dims, left->rank, left->out, parts,
                                    left->target->span);
        if (v.kind == SEMA_ERROR) return v;
        n = env_add(left->outer, left->target->base->name, v, left->target->span);
        n->pieces = true;
    }
    piece_emit(el, left->outer, n->value.array, left->out, parts, left->target->span);
    return n->value;
}

// A plain reduction over nothing but the left side's own indices is the equation's own.
static bool is_direct(Elaborator *el, const Left *left, const Reduced *parts) {
    if (parts->reduction == REDUCE_NONE || left->slot || el->tables->facts.count ||
        el->tables->conditions.count || el->totals)
        return false;
    for (int i = 0; i < parts->e->free_count; i++) {
        bool own = false;
        for (int d = 0; d < left->rank; d++) own = own || left->indices[d] == parts->e->free[i];
        for (int k = 0; k < parts->count; k++) own = own || parts->indices[k] == parts->e->free[i];
        if (!own) return false;
    }
    return true;
}

static SemaValue direct_reduction(Elaborator *el, const Left *left, const Reduced *parts, const char *path) {
    bool whole = type_is_whole(parts->e->type);
    Type type = TYPE_REAL;
    if (parts->reduction == REDUCE_ARGMAX || parts->reduction == REDUCE_ARGMIN)
        type = TYPE_INT;
    else if (whole && (parts->reduction == REDUCE_MAX || parts->reduction == REDUCE_MIN))
        type = (Type)parts->e->type;
    Tensor *t = tensor_of_dims(el->session->program, path, TENSOR_TEMP, type, left->dims, left->rank);
    reduction_bounds(t, parts);
    equation_emit(el, left->outer, t, left->out, parts, left->target->span);
    return value_tensor(el->session, t);
}

static SemaValue finish_equation(Elaborator *el, Left *left, SemaValue v, const char *path) {
    const Node *target = left->target;
    v = value_first(v);
    if (left->whole_count) v = fill_whole(el, left, v);
    if (v.kind == SEMA_ERROR) return v;
    if (v.kind == SEMA_TENSOR) {
        Diagnostic *d =
            fail(el, left->outer, TENSOR_NEEDS_BRACKETS, left->value->span, value_shape_text(el->session, v));
        diagnostic_help(el->session->ctx, d, "write its indices in brackets");
        return value_error();
    }
    const Expr *e = value_as_scalar(el, v, left->value->span);
    if (!e) return value_error();
    if (left->slot) return set_slot(el, left->outer, left->slot, slot_equation(el, left, e), target->span);
    if (left->pieces) {
        Reduced parts = {.reduction = REDUCE_NONE, .e = e};
        return add_piece(el, left, &parts);
    }
    Array a = {.rank = left->rank, .e = e};
    for (int d = 0; d < left->rank; d++) {
        a.dims[d] = left->dims[d];
        a.indices[d] = left->indices[d];
    }
    SemaValue out = value_array(el->session, &a);
    out.dimension = v.dimension;
    if (v.type == TYPE_BOOL) out.type = TYPE_BOOL;
    return value_store(el, left->outer, out, path, target->span);
}

static SemaValue right_side(Elaborator *el, Left *left, const char *path) {
    if (node_is_reduction(el, left->env, left->value) && !left->condition && !left->whole_count) {
        Reduced parts;
        if (!reduction_parts(el, left->env, left->value, &parts)) return value_error();
        if (is_direct(el, left, &parts))
            return left->pieces ? add_piece(el, left, &parts) : direct_reduction(el, left, &parts, path);
        const Expr *e = parts.reduction == REDUCE_NONE
                            ? parts.e
                            : reduction_emit(el, left->outer, &parts, left->value->span);
        return e ? finish_equation(el, left, value_scalar(e), path) : value_error();
    }
    SemaValue v = value_of(el, left->env, left->value);
    if (v.kind != SEMA_ERROR && left->condition) {
        SemaValue c;
        condition_of(el, left->env, left->condition, &c);
        const Affine *forms[MAX_RANK];
        for (int d = 0; d < left->rank; d++) forms[d] = left->out[d];
        SemaValue old = left->slot->current;
        if (old.kind == SEMA_TENSOR) old = value_scalar(array_at(el, old.array, forms));
        v = value_choose(el, left->env, c, v, old, left->value->span);
    }
    return v.kind == SEMA_ERROR ? v : finish_equation(el, left, v, path);
}

static SemaValue assign_index(Elaborator *el, Env *env, const Node *target, const Node *value,
                              const Node *condition) {
    if (target->base->kind != AST_NAME) return fail_value(el, env, WRONG_TARGET, target->span, "");
    struct ElaboratorTables *tables = el->tables;
    Left left = {
        .outer = env, .env = env_inner(env), .target = target, .value = value, .condition = condition};
    left.env->indexed = true;
    SemaValue v = value_error();
    const char *hint = tables->hint, *path = env_path(env, el->session->arena, target->base->name);
    const Affine *element = tables->draw.element;
    tables->hint = path;
    if (declared_dims(el, &left) && bind_left(el, &left)) {
        tables->draw.element = left_element(el, &left);
        v = right_side(el, &left, path);
    }
    tables->draw.element = element;
    tables->hint = hint;
    Name *known = map_get(env->names, target->base->name);
    if (left.slot || (left.pieces && v.kind != SEMA_ERROR) ||
        (known && known->pieces && v.kind == SEMA_ERROR))
        return v;
    return fresh_name(el, env, target->base, v);
}

// ---- statements ----

// What `m += e` stands for.
static const Node *full_value(Elaborator *el, const Node *statement) {
    Operator op = statement->op == OPERATOR_SET_ADD   ? OPERATOR_ADD
                  : statement->op == OPERATOR_SET_SUB ? OPERATOR_SUB
                                                      : OPERATOR_MUL;
    const Node *value = statement->assigned;
    Node *sum = node_new(el->session->ctx, AST_BINARY, statement->span);
    sum->op = op;
    sum->left = statement->target;
    if (value->kind == AST_IF && !value->otherwise) {
        sum->right = value->value;
        Node *conditional = node_new(el->session->ctx, AST_IF, statement->span);
        conditional->value = sum;
        conditional->condition = value->condition;
        return conditional;
    }
    sum->right = (Node *)(uintptr_t)value;
    return sum;
}

static const char *target_name(const Node *target) {
    if (target->kind == AST_INDEX) target = target->base;
    return target->kind == AST_NAME ? target->name : NULL;
}

static SemaValue assign_under(Elaborator *el, Env *env, const Node *target, const Node *value) {
    const char *name = target_name(target);
    Name *n = name ? env_name(env, name) : NULL;
    SemaValue c;
    int known = condition_of(el, env_inner(env), value->condition, &c);
    if (c.kind == SEMA_ERROR && known < 0) {
        if (target->kind != AST_INDEX) return c;
    }
    if (known == 0) {
        if (n && n->slot) return n->slot->current;
        SemaValue absent = value_absent(target->span);
        if (name) env_add(env, name, absent, target->span);
        return absent;
    }
    if (known == 1)
        return target->kind == AST_INDEX ? assign_index(el, env, target, value->value, NULL)
                                         : assign_name(el, env, target, value->value);
    if (!n || !n->slot) return fail_value(el, env, IF_WITHOUT_ELSE, value->span, "");
    if (target->kind == AST_INDEX) return assign_index(el, env, target, value->value, value->condition);
    SemaValue v = value_of(el, env, value->value);
    if (v.kind == SEMA_ERROR) return v;
    v = value_choose(el, env, c, v, n->slot->current, value->span);
    return set_slot(el, env, n->slot, v, target->span);
}

// The name by which something is derived (`grad(e, x)`) has a tensor of its own, not another's.
static SemaValue keep_apart(Elaborator *el, Env *env, const Node *target, SemaValue v) {
    Name *n = map_get(env->names, target_name(target));
    if (!n || n->slot || n->pieces || v.kind == SEMA_ERROR) return v;
    const char *path = env_path(env, el->session->arena, target_name(target));
    return n->value = value_own(el, env, value_first(v), path, target->span);
}

SemaValue elaborate_assignment(Elaborator *el, Env *env, const Node *statement) {
    const Node *target = statement->target, *value = statement->assigned;
    if (statement->op != OPERATOR_SET) {
        const char *name = target_name(target);
        Name *n = name ? env_name(env, name) : NULL;
        if (!n || !n->slot)
            return fail_value(el, env, NOT_CHANGEABLE, target->span, name ? name : "this",
                              operator_text(statement->op));
        value = full_value(el, statement);
    }
    if (target->kind != AST_NAME && target->kind != AST_INDEX)
        return fail_value(el, env, WRONG_TARGET, target->span, "");
    const Phrase *phrase = phrase_of(statement);
    SemaValue v = value->kind == AST_IF && !value->otherwise ? assign_under(el, env, target, value)
                  : target->kind == AST_INDEX                ? assign_index(el, env, target, value, NULL)
                                                             : assign_name(el, env, target, value);
    return phrase && phrase->slot && phrase->slot->stored ? keep_apart(el, env, target, v) : v;
}

SemaValue elaborate_statement(Elaborator *el, Env *env, const Node *statement) {
    Table memo = el->tables->memo;
    el->tables->memo = (Table){0};
    SemaValue v = value_absent(statement->span);
    if (statement->kind == AST_ASSIGN) {
        v = elaborate_assignment(el, env, statement);
        const char *name = v.kind == SEMA_ERROR ? target_name(statement->target) : NULL;
        if (name && !map_get(env->names, name)) env_add(env, name, v, statement->target->span);
    } else if (statement->kind == AST_PARAM || statement->kind == AST_STATE) {
        v = value_of_declaration(el, env, statement);
        if (v.kind == SEMA_ERROR && !map_get(env->names, statement->name))
            env_add(env, statement->name, v, statement->name_span);
    } else if (statement->kind == AST_RESULT) {
        v = value_of(el, env, statement->value);
    } else if (statement->kind == AST_RECUR) {
        v = elaborate_recur(el, env, statement);
    } else {
        fail(el, env, PLACE_STATEMENT, statement->span, node_kind_word(statement->kind), "a definition");
        v = value_error();
    }
    el->tables->memo = memo;
    return v;
}

SemaValue elaborate_block(Elaborator *el, Env *env, const Node *block) {
    SemaValue result = value_absent(block->span);
    bool wrong = false;
    for (int i = 0; i < block->count; i++) {
        SemaValue v = elaborate_statement(el, env, block->items[i]);
        wrong = wrong || v.kind == SEMA_ERROR;
        if (wrong && source_of(el->session->ctx, block->span)->library) break;
        if (block->items[i]->kind == AST_RESULT) result = v;
    }
    return wrong ? value_error() : result;
}
