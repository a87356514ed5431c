// Parameters and states: made once by name (rule 18), with their initial values as equations of
// FUNCTION_INITIAL.
#include <string.h>

#include "sema/values.h"

typedef struct {
    Elaborator *el;
    Env *env;
    const Node *node;
    const Node *value; // without its condition
    const char *path;
    Dim dims[MAX_RANK];
    int rank;
    Env *scope; // of the initial value: with the indices of `param w[i < n]`
    const Index *indices[MAX_RANK];
} Declaration;

static void bind_indices(Declaration *d) {
    d->scope = env_inner(d->env);
    for (int i = 0, at = 0; i < d->rank; i++) d->indices[at++] = index_of(d->el, "i", d->dims[i]);
    int at = 0;
    bool indexed = false;
    for (int i = 0; i < d->node->count; i++) {
        const Node *item = d->node->items[i], *stated;
        if (item->kind == AST_DOTS) {
            at += d->env->frame->dots;
            continue;
        }
        const char *name = item->kind == AST_BINARY ? index_name(item, &stated) : NULL;
        if (name) {
            Index *index = index_of(d->el, name, d->dims[at]);
            d->indices[at] = index;
            env_add(d->scope, name, value_error(), item->span)->index = index;
            indexed = true;
        }
        at++;
    }
    d->scope->indexed = indexed;
}

// ---- what initial values read: the initial values of others -----------------------------------------------

typedef struct {
    const Elaborator *el; // of FUNCTION_INITIAL
    bool slot;            // an optimizer's state: it is there before weights are read from a file
    bool ok;
} Reading;

static bool is_computed(const Function *f, const Tensor *t) {
    for (int i = f->equations.count - 1; i >= 0; i--)
        if (f->equations.data[i]->tensor == t) return true;
    return false;
}

// Where a parameter or state is read, its initial value is; it was declared before, so there is no circle.
static const Expr *read_initial(void *data, const Expr *read) {
    Reading *r = data;
    const Function *f = r->el->function;
    const Tensor *t = read->tensor;
    if (t->kind == TENSOR_SETTING || t->kind == TENSOR_CLOCK || t->kind == TENSOR_RUN) return read;
    if (t->kind == TENSOR_TEMP && is_computed(f, t)) return read;
    for (int i = 0; i < f->effects.count && !r->slot; i++)
        if (f->effects.data[i].target == t)
            return expr_read(r->el->session->program, f->effects.data[i].value, read->forms, read->origin);
    r->ok = false;
    return read;
}

// Of the value and of what was written for it, from equation `first` on.
static bool read_initials(Elaborator *el, Array *a, const Tensor *t, int first) {
    Program *p = el->session->program;
    Reading r = {el, t->kind == TENSOR_SLOT, true};
    for (int i = first; i < el->function->equations.count; i++)
        el->function->equations.data[i]->e =
            expr_map_reads(p, el->function->equations.data[i]->e, read_initial, &r);
    a->e = expr_map_reads(p, a->e, read_initial, &r);
    return r.ok;
}

// The initial value's equation, by the elaborator of FUNCTION_INITIAL.
static void write_initial(Declaration *d, Tensor *t) {
    Elaborator *el = d->el->session->tables->initial;
    Program *p = el->session->program;
    struct ElaboratorTables *tables = el->tables;
    DrawContext draw = tables->draw;
    const char *hint = tables->hint;
    int first = el->function->equations.count;
    const Affine *element = affine_constant(p, 0);
    bind_indices(d);
    for (int i = 0; i < d->rank; i++)
        element = affine_add(p, affine_scale(p, element, d->dims[i].size, 1), affine_index(p, d->indices[i]));
    tables->draw = (DrawContext){.element = element, .name = d->path};
    tables->hint = string_format(p->arena, "%s.initial", d->path);
    SemaValue v = value_first(value_of(el, d->scope, d->value));
    if (v.kind == SEMA_CLOSURE) v = force_closure(el, v);
    tables->draw = draw;
    tables->hint = hint;
    if (v.kind == SEMA_LIST) v = list_tensor(el, d->env, v, d->value->span);
    if (v.kind == SEMA_ERROR) return;
    Array a = {.rank = d->rank};
    for (int i = 0; i < d->rank; i++) {
        a.dims[i] = d->dims[i];
        a.indices[i] = d->indices[i];
    }
    if (v.kind == SEMA_TENSOR)
        a = *v.array;
    else
        a.e = value_expr(el, v, t->type != TYPE_INT);
    if (!read_initials(el, &a, t, first)) {
        fail(el, d->env, INITIAL_READS, d->value->span, d->node->name);
        return;
    }
    Tensor *value = tensor_emit(el, d->env, string_format(p->arena, "%s.initial", d->path), TENSOR_TEMP,
                                (int)t->type, &a, d->node->span);
    if (value) vec_push(p->arena, &el->function->effects, (Effect){t, value});
}

static Tensor *make_tensor(Declaration *d) {
    Session *s = d->el->session;
    bool state = d->node->kind == AST_STATE;
    TensorKind kind = state ? d->el->state_kind : TENSOR_PARAM;
    const char *type = d->node->type;
    Type number = type && string_equal(type, "int") ? TYPE_INT : kind == TENSOR_RUN ? TYPE_DOUBLE : TYPE_REAL;
    Tensor *t = tensor_of_dims(s->program, d->path, kind, number, d->dims, d->rank);
    t->origin = origin_new(s->arena, d->node->span, d->path, d->env->frame->origin);
    if (state)
        vec_push(s->arena, &s->states, t);
    else
        vec_push(s->arena, &s->params, t);
    Known *known = arena_new(s->arena, Known);
    *known = (Known){t, d->node->span, d->env->frame->origin};
    map_set(s->tables->tensors, d->path, known);
    if (!state && d->env->frame->path[0]) {
        int layer = (int)(uintptr_t)map_get(s->tables->layers, d->env->frame->path);
        if (layer) s->layers.data[layer - 1].params += tensor_elements(t);
    }
    write_initial(d, t);
    return t;
}

static Tensor *find_or_make(Declaration *d) {
    Known *known = map_get(d->el->session->tables->tensors, d->path);
    return known ? known->tensor : make_tensor(d);
}

static SemaValue bind_slot(Declaration *d, Tensor *t) {
    Elaborator *el = d->el;
    Cell *slot = map_get(el->tables->slots, d->path);
    if (!slot) {
        slot = env_slot(d->env, d->node->name, t, value_tensor(el->session, t));
        map_set(el->tables->slots, d->path, slot);
    } else {
        env_add(d->env, d->node->name, slot->current, d->node->name_span)->slot = slot;
    }
    return slot->current;
}

SemaValue value_of_declaration(Elaborator *el, Env *env, const Node *node) {
    Declaration d = {.el = el, .env = env, .node = node, .value = node->value};
    const Node *value = node->value;
    if (value->kind == AST_IF && !value->otherwise) {
        SemaValue c;
        int known = condition_of(el, env, value->condition, &c);
        if (c.kind == SEMA_ERROR) return c;
        shaped(known >= 0);
        if (!known) {
            SemaValue absent = value_absent(node->span);
            env_add(env, node->name, absent, node->name_span);
            return absent;
        }
        d.value = value->value;
    }
    d.path = env_path(env, el->session->arena, node->name);
    if (!node->brackets && node->kind == AST_STATE && el->state_shape) {
        d.rank = el->state_shape->rank;
        memcpy(d.dims, el->state_shape->dims, sizeof d.dims);
    } else if (!dims_of(el, env, node->items, node->count, d.dims, &d.rank)) {
        env_add(env, node->name, value_error(), node->name_span);
        return value_error();
    }
    Tensor *t = find_or_make(&d);
    if (node->kind == AST_STATE) return bind_slot(&d, t);
    SemaValue v = value_tensor(el->session, t);
    v.span = node->name_span;
    env_add(env, node->name, v, node->name_span);
    return v;
}
