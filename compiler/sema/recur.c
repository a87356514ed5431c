// Loops (rule 13): tensors that a block's lines make step by step, because they read what earlier steps have
// made. What the lines carry has its dimensions, and a tensor, before any line is looked at; a line is
// written out as soon as all that it reads is known. Guarantees: every tensor of the block that has the
// loop's index says which way it is made; what reads itself reads earlier steps only.
#include <string.h>

#include "sema/values.h"

typedef struct {
    Elaborator *el;
    Env *env, *inside; // around the loop; of its block
    const Node *node;
    Name *time;
    bool *done; // by line
} Loop;

static const Node *line_target(const Node *line) {
    const Node *target = line->kind == AST_ASSIGN ? line->target : NULL;
    return target && target->kind == AST_INDEX && target->base->kind == AST_NAME ? target->base : target;
}

// ---- what begins with a value ----

static const Node *beginning_of(const Loop *l, const char *name) {
    for (int i = 0; i < l->node->count; i++)
        if (string_equal(l->node->items[i]->name, name)) return l->node->items[i];
    return NULL;
}

static bool begin(Loop *l, Carried *c, const Node *init) {
    Elaborator *el = l->el;
    Span span = init->value->span;
    SemaValue v = value_plain(el, l->env, value_of(el, l->env, init->value), span);
    if (v.kind != SEMA_NUMBER && v.kind != SEMA_TENSOR) {
        const Expr *e = value_as_scalar(el, v, span);
        if (!e) return false;
        v = value_scalar(e);
    }
    const char *path = env_path(l->env, el->session->arena, init->name);
    c->begin = value_store(el, l->env, v, string_format(el->session->arena, "%s.begin", path), span);
    return c->begin.kind != SEMA_ERROR;
}

const Expr *carried_begin(Elaborator *el, const Carried *c, const Affine *const *forms, int rank) {
    if (c->begin.kind != SEMA_TENSOR) return value_expr(el, c->begin, true);
    const Affine *rest[MAX_RANK];
    for (int d = 0, at = 0; d < rank; d++)
        if (d != c->along) rest[at++] = forms[d];
    return array_at(el, c->begin.array, rest);
}

// ---- names ----

// Does a line read what itself or one after it gives?
static bool is_carried(const Loop *l, const char *name, int line) {
    const Node *block = l->node->range_block;
    bool read = beginning_of(l, name) != NULL;
    for (int i = 0; i <= line && !read; i++) {
        const Node *s = block->items[i];
        read = s->kind == AST_ASSIGN ? node_names(s->assigned, name) : i < line && node_names(s, name);
    }
    return read;
}

static void add_pending(Loop *l, const char *name, Span span) {
    const Name *n = env_name(l->env, name);
    if (!map_get(l->inside->names, name) && !(n && n->slot))
        env_add(l->inside, name, value_absent(span), span)->pending = true;
}

static void add_names(Loop *l, const Node *block) {
    for (int i = 0; i < block->count; i++) {
        const Node *name = line_target(block->items[i]);
        if (name) add_pending(l, name->name, name->span);
        if (block->items[i]->kind == AST_RECUR) add_names(l, block->items[i]->range_block);
    }
}

static bool is_pending(const Loop *l, const char *name) {
    const Name *n = map_get(l->inside->names, name);
    return n && n->pending;
}

static bool reads_pending(const Loop *l, const Node *block, const Node *e) {
    for (int i = 0; i < block->count; i++) {
        const Node *line = block->items[i], *name = line_target(line);
        if (name && is_pending(l, name->name) && node_names(e, name->name)) return true;
        if (line->kind == AST_RECUR && line != e && reads_pending(l, line->range_block, e)) return true;
    }
    return false;
}

// ---- the range of the loop's index ----

static bool stands_alone(const Node *item, const char *name) {
    const Node *stated;
    const char *own = index_name(item, &stated);
    return own && string_equal(own, name);
}

static bool declared_time(const Loop *l, const char *name, Dim *dim, bool *right) {
    const Node *block = l->node->range_block;
    for (int i = 0; i < block->count; i++) {
        const Node *base = line_target(block->items[i]);
        const Node *result = base ? map_get(l->env->frame->declared, base->name) : NULL;
        if (!result || !result->brackets || block->items[i]->target->kind != AST_INDEX) continue;
        Dim dims[MAX_RANK];
        int rank = 0;
        if (!dims_of(l->el, l->env, result->items, result->count, dims, &rank)) return !(*right = false);
        const Node *target = block->items[i]->target;
        for (int d = 0, at = 0; d < target->count && at < rank; d++) {
            if (stands_alone(target->items[d], name)) {
                *dim = dims[at];
                return true;
            }
            at += target->items[d]->kind == AST_DOTS ? l->env->frame->dots : 1;
        }
    }
    return false;
}

typedef VEC(const Node *) Texts;

static void add_texts(const Loop *l, const Node *block, Texts *texts) {
    for (int i = 0; i < block->count; i++) {
        const Node *line = block->items[i];
        if (line->kind == AST_ASSIGN) vec_push(l->el->session->arena, texts, line->assigned);
        if (line->kind == AST_RECUR) add_texts(l, line->range_block, texts);
    }
}

static bool bind_time(Loop *l) {
    Elaborator *el = l->el;
    const Node *block = l->node->range_block, *stated;
    const char *name = index_name(l->node->range, &stated);
    Texts texts = {.count = 0};
    add_texts(l, block, &texts);
    env_add(l->inside, name, value_error(), l->node->range->span)->pending = true;
    l->time = map_get(l->inside->names, name);
    Dim dim;
    bool right = true;
    if (stated)
        right = dim_of(el, l->env, stated, &dim);
    else if (!declared_time(l, name, &dim, &right))
        right = range_of(el, l->inside, texts.data, texts.count, name, l->node->range->span, &dim);
    if (!right) return false;
    Index *time = index_of(el, name, dim);
    time->time = true;
    l->time->index = time;
    l->time->loop = true;
    l->time->pending = false;
    return true;
}

// ---- the tensors that lines carry ----

typedef struct {
    const Index *loop[MAX_RANK]; // of the loop whose index stands there
    Dim dims[MAX_RANK];
    int rank, along;
    bool declared;
} LineShape;

// What one entry of the left side says; false: nothing yet.
static bool entry_dim(Loop *l, const Node *line, const Node *item, Env *env, Dim *dim) {
    const Node *stated;
    const char *name = index_name(item, &stated);
    const Node *text = line->assigned;
    if (!name) return false;
    if (stated) return dim_of(l->el, l->env, stated, dim);
    return range_given(l->el, env, &text, 1, name) && range_of(l->el, env, &text, 1, name, item->span, dim);
}

static bool dims_of_line(Loop *l, const Node *line, const Carried *c, LineShape *out) {
    const Frame *frame = l->env->frame;
    const Node *target = line->target, *result = map_get(frame->declared, target->base->name);
    const Array *from = c->begin.kind == SEMA_TENSOR ? c->begin.array : NULL;
    out->declared = result && result->brackets;
    if (out->declared && !dims_of(l->el, l->env, result->items, result->count, out->dims, &out->rank))
        return false;
    Env *env = env_inner(l->inside);
    const Node *stated;
    for (int i = 0; i < target->count; i++) {
        const char *name = index_name(target->items[i], &stated);
        if (name && !map_get(env->names, name) && env_name(env, name) != l->time)
            env_add(env, name, value_error(), target->items[i]->span)->pending = true;
    }
    int at = 0, taken = 0;
    for (int i = 0; i < target->count && at < MAX_RANK; i++) {
        const Node *item = target->items[i];
        bool time = stands_alone(item, recur_index(l->node->range)->name);
        int count = item->kind == AST_DOTS ? frame->dots : 1;
        const char *own = index_name(item, &stated);
        const Name *loop = own ? env_name(l->inside, own) : NULL;
        if (time) out->along = at;
        if (loop && loop->loop && at < MAX_RANK) out->loop[at] = loop->index;
        for (int k = 0; k < count && at < MAX_RANK; k++, at++) {
            if (out->declared) continue;
            if (time)
                out->dims[at] = (Dim){l->time->index->size, l->time->index->batch};
            else if (from && taken < from->rank)
                out->dims[at] = from->dims[taken++];
            else if (item->kind == AST_DOTS)
                out->dims[at] = frame->dims[k];
            else if (!entry_dim(l, line, item, env, &out->dims[at]))
                return false;
        }
    }
    if (!out->declared) out->rank = at;
    return true;
}

static bool begin_fits(Loop *l, const Node *line, const Carried *c, const LineShape *shape) {
    if (c->begin.kind != SEMA_TENSOR) return true;
    const Array *from = c->begin.array;
    bool fits = from->rank == shape->rank - 1;
    for (int d = 0; fits && d < from->rank; d++)
        fits = dims_same(from->dims[d], shape->dims[d + (d >= c->along)]);
    if (fits) return true;
    Dim wanted[MAX_RANK];
    int rank = 0;
    for (int d = 0; d < shape->rank; d++)
        if (d != c->along) wanted[rank++] = shape->dims[d];
    const Node *init = beginning_of(l, line->target->base->name);
    return fail_false(l->el, l->env, RECUR_BEGINNING, init->value->span, init->name,
                      dims_text(l->el, wanted, rank), value_shape_text(l->el->session, c->begin));
}

static bool is_total(const Loop *l, SemaValue v) {
    return (v.kind == SEMA_TENSOR || v.kind == SEMA_SCALAR) && value_is_total(l->el, v);
}

// Do the lines read what is made of totals? Then what they carry is.
static bool reads_totals(const Loop *l, const Carried *c) {
    Context *ctx = l->el->session->ctx;
    bool any = is_total(l, c->begin);
    for (const Env *env = l->env; l->el->totals && env && env->frame == l->env->frame; env = env->outer)
        for (int i = 0; i < map_count(env->names) && !any; i++) {
            const char *key = map_key(env->names, i), *name = context_intern(ctx, key, strlen(key));
            const Name *n = map_value(env->names, i);
            any = node_names(l->node->range_block, name) && is_total(l, n->value);
        }
    return any;
}

// Makes the tensor that a line gives, if its dimensions are known. False after a message.
static bool close(Loop *l, const Node *line, bool *closed) {
    Elaborator *el = l->el;
    Program *p = el->session->program;
    const Node *base = line->target->base;
    Name *n = map_get(l->inside->names, base->name);
    LineShape shape = {.along = -1};
    int errors = el->session->ctx->errors;
    *closed = dims_of_line(l, line, n->carried, &shape);
    if (!*closed) return el->session->ctx->errors == errors;
    n->carried->along = shape.along;
    if (!begin_fits(l, line, n->carried, &shape)) return false;
    const Affine *out[MAX_RANK];
    for (int d = 0; d < shape.rank; d++)
        out[d] =
            affine_index(p, shape.loop[d] ? shape.loop[d] : index_of(el, dimension_name(d), shape.dims[d]));
    SemaValue from = n->carried->begin;
    Reduced first = {.e = from.kind == SEMA_TENSOR   ? from.array->e
                          : from.kind == SEMA_SCALAR ? from.e
                                                     : expr_const(p, 0)};
    for (int d = 0; from.kind == SEMA_TENSOR && d < from.array->rank; d++)
        first.indices[first.count++] = from.array->indices[d];
    n->value = pieces_create(el, l->inside, env_path(l->inside, el->session->arena, base->name), shape.dims,
                             shape.rank, out, &first, base->span);
    n->pieces = true;
    n->pending = false;
    if (n->value.kind == SEMA_ERROR) return false;
    if (reads_totals(l, n->carried)) tensor_is_total(el, n->value.array->e->tensor);
    return true;
}

// ---- lines ----

static bool carry(Loop *l) {
    const Node *block = l->node->range_block;
    for (int i = 0; i < block->count; i++) {
        const Node *base = line_target(block->items[i]);
        if (!base || block->items[i]->target->kind != AST_INDEX || !is_carried(l, base->name, i)) continue;
        Name *n = map_get(l->inside->names, base->name);
        if (n->carried) continue;
        n->carried = arena_new(l->el->session->arena, Carried);
        n->carried->begin = value_absent(base->span);
        n->carried->along = -1;
        const Node *init = beginning_of(l, base->name);
        if (init && !begin(l, n->carried, init)) return false;
    }
    return true;
}

static bool write_line(Loop *l, int i) {
    const Node *line = l->node->range_block->items[i], *base = line_target(line);
    SemaValue v = line->kind == AST_ASSIGN ? elaborate_assignment(l->el, l->inside, line)
                                           : elaborate_statement(l->el, l->inside, line);
    l->done[i] = true;
    if (v.kind == SEMA_ERROR && base) env_add(l->inside, base->name, v, base->span);
    return v.kind != SEMA_ERROR;
}

// The first index of a line's left side without a range. False: there is none.
static bool report_index(Loop *l, const Node *line) {
    const Node *text = line->assigned, *stated;
    Dim dim;
    for (int k = 0; k < line->target->count; k++) {
        const Node *item = line->target->items[k];
        const char *name = index_name(item, &stated);
        bool given = !name || stated || env_name(l->inside, name) == l->time;
        if (!given && !range_of(l->el, l->inside, &text, 1, name, item->span, &dim)) return true;
    }
    return false;
}

// What other lines wait for has no dimensions: what is carried first.
static void report_open(Loop *l) {
    const Node *block = l->node->range_block;
    for (int carried = 1; carried >= 0; carried--)
        for (int i = 0; i < block->count; i++) {
            const Node *line = block->items[i], *base = line_target(line);
            const Name *n = base ? map_get(l->inside->names, base->name) : NULL;
            bool open = n && n->pending && !l->done[i] && line->target->kind == AST_INDEX;
            if (open && (n->carried != NULL) == carried && report_index(l, line)) return;
        }
    const Node *index = recur_index(l->node->range);
    Dim dim;
    range_of(l->el, l->inside, NULL, 0, index->name, index->span, &dim);
}

static bool write_lines(Loop *l) {
    const Node *block = l->node->range_block;
    bool again = true, left = true;
    while (again) {
        again = left = false;
        for (int i = 0; i < block->count; i++) {
            const Node *line = block->items[i], *base = line_target(line);
            const Name *n = base ? map_get(l->inside->names, base->name) : NULL;
            bool closed = false;
            if (!l->done[i] && n && n->carried && n->pending && !close(l, line, &closed)) return false;
            again = again || closed;
        }
        for (int i = 0; i < block->count; i++) {
            if (l->done[i]) continue;
            const Node *line = block->items[i], *base = line_target(line);
            const Name *n = base ? map_get(l->inside->names, base->name) : NULL;
            bool waits = (n && n->carried && n->pending) ||
                         reads_pending(l, block, line->kind == AST_ASSIGN ? line->assigned : line);
            left = left || waits;
            if (waits) continue;
            if (!write_line(l, i)) return false;
            again = true;
        }
    }
    if (left) report_open(l);
    return !left;
}

// ---- which way it runs ----

typedef struct {
    const Function *f;
    int from;
    int8_t *along; // by equation: the dimension that the loop's index walks; -1: none, or a loop inside has
                   // made it
} Steps;

static void set_way(const Steps *s, int8_t way) {
    for (int i = s->from; i < s->f->equations.count; i++) {
        Tensor *t = s->f->equations.data[i]->tensor;
        if (s->along[i - s->from] < 0) continue;
        t->step = way;
        t->along = s->along[i - s->from];
    }
}

static Steps steps_of(const Loop *l, const Function *f, int from) {
    int count = f->equations.count - from;
    Steps s = {.f = f, .from = from, .along = arena_array(l->el->session->arena, int8_t, count)};
    for (int i = 0; i < count; i++) {
        const Equation *q = f->equations.data[from + i];
        s.along[i] = -1;
        for (int d = 0; d < q->tensor->rank && !q->tensor->step; d++)
            if (affine_only(q->out[d]) == l->time->index) s.along[i] = (int8_t)d;
    }
    return s;
}

static bool choose_way(Loop *l, const Function *f, int from) {
    if (!f || f->equations.count == from) return true;
    Steps s = steps_of(l, f, from);
    const Tensor *read = NULL, *first = NULL;
    const Equation *q = NULL;
    for (int8_t way = l->node->reversed ? -1 : 1; way >= -1; way = (int8_t)(way - 2)) {
        set_way(&s, way);
        const Equation *early = function_early(l->el->session->program, f, from, &read);
        if (!early) return true;
        if (!q) first = read;
        if (!q) q = early;
    }
    const char *dot = strrchr(first->name, '.');
    return fail_false(l->el, l->inside, RECUR_CIRCLE, q->origin->span, dot ? dot + 1 : first->name);
}

// ---- the loop ----

// What has the loop's index on its left is seen after the loop, as any tensor.
static void leave(Loop *l, const Node *block, bool right) {
    for (int i = 0; i < block->count; i++) {
        const Node *line = block->items[i], *base = line_target(line);
        if (line->kind == AST_RECUR) leave(l, line->range_block, right);
        if (!base || !line_of_steps(line, recur_index(l->node->range))) continue;
        const Name *n = map_get(l->inside->names, base->name);
        if (!n) continue;
        Name *after = env_add(l->env, base->name, right ? n->value : value_error(), n->span);
        after->pieces = n->pieces && !n->carried;
    }
}

void elaborator_sort(Elaborator *el) {
    Function *functions[] = {el->function, el->second, el->totals ? el->totals->end : NULL};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (functions[i] && el->tables->looped && !el->session->ctx->errors)
            function_sort(el->session->program, functions[i]);
}

SemaValue elaborate_recur(Elaborator *el, Env *env, const Node *recur) {
    Loop l = {.el = el, .env = env, .inside = env_inner(env), .node = recur};
    l.done = arena_array(el->session->arena, bool, recur->range_block->count + 1);
    Function *functions[] = {el->function, el->second, el->totals ? el->totals->end : NULL};
    enum { FUNCTIONS = sizeof functions / sizeof *functions };
    int from[FUNCTIONS];
    for (int i = 0; i < FUNCTIONS; i++) from[i] = functions[i] ? functions[i]->equations.count : 0;
    add_names(&l, recur->range_block);
    el->tables->looped = true;
    el->tables->loops++;
    bool right = carry(&l) && bind_time(&l) && write_lines(&l);
    el->tables->loops--;
    for (int i = 0; i < FUNCTIONS; i++) right = right && choose_way(&l, functions[i], from[i]);
    leave(&l, recur->range_block, right);
    return right ? value_absent(recur->span) : value_error();
}
