// Walks over whole expressions: substitution of indices, replacement of reads. Each shared part is visited
// once.

#include "ir/tables.h"

const Expr *expr_rebuild(Program *p, const Expr *e, const Expr *const *args) {
    switch (e->op) {
    case OP_SUM: return expr_sum(p, e->value, e->coefs, args, e->count);
    case OP_PRODUCT: return expr_product(p, e->value, e->exponents, args, e->count);
    case OP_WHERE: return expr_where(p, e->guards, e->guard_count, args[0], args[1]);
    default: return e->count == 0 ? e : expr_op(p, (Op)e->op, args, e->count);
    }
}

const Expr *expr_map_args(Program *p, const Expr *e, ExprMap *each, void *data) {
    const Expr *small[SMALL], **args = scratch_array(p, const Expr *, small, e->count);
    bool changed = false;
    for (int i = 0; i < e->count; i++) {
        args[i] = each(data, e->args[i]);
        changed |= args[i] != e->args[i];
    }
    return changed ? expr_rebuild(p, e, args) : e;
}

static void add_nodes(Arena *arena, const Expr *e, bool subscripts, Table *seen, Exprs *nodes) {
    if (table_get(seen, e)) return;
    table_set(arena, seen, e, e);
    vec_push(arena, nodes, e);
    const Affine *form;
    for (int i = 0; subscripts && (form = expr_form(e, i)); i++)
        for (int k = 0; k < form->count; k++) add_nodes(arena, form->terms[k].atom, true, seen, nodes);
    for (int i = 0; i < e->count; i++) add_nodes(arena, e->args[i], subscripts, seen, nodes);
}

void expr_nodes(Arena *arena, const Expr *e, bool subscripts, Exprs *nodes) {
    add_nodes(arena, e, subscripts, &(Table){0}, nodes);
}

typedef struct {
    Program *p;
    Scratch *memo;
    const Binding *bindings; // a substitution ...
    int count;
    ExprMap *leaf; // ... or a replacement of reads
    void *data;
    const Expr *from, *to; // ... or of one part, but not in subscripts
} Walk;

static const Expr *walk(void *data, const Expr *e);

static bool touched(const Walk *w, const Expr *e) {
    if (w->leaf) return e->read_count > 0;
    if (w->from) return true;
    for (int i = 0; i < w->count; i++)
        if (expr_depends(e, w->bindings[i].from)) return true;
    return false;
}

static const Affine *walk_form(Walk *w, const Affine *a) {
    bool any = false;
    for (int i = 0; i < a->count; i++) any |= touched(w, a->terms[i].atom);
    if (!any) return a;
    const Affine *sum = affine_constant(w->p, a->constant);
    every_term (term, a) {
        const Expr *atom = walk(w, term->atom);
        if (atom->op != OP_CONST && !expr_is_integer(atom)) atom = expr_unary(w->p, OP_FLOOR, atom);
        sum = affine_add(w->p, sum, affine_scale(w->p, affine_atom(w->p, atom), term->coef, 1));
    }
    return affine_scale(w->p, sum, 1, a->denominator);
}

// Of an integer's terms, one of which became a number.
static const Expr *walk_affine(Walk *w, const Affine *a) {
    Expr const *small[SMALL], **atoms = scratch_array(w->p, const Expr *, small, a->count);
    double numbers[SMALL], *coefs = scratch_array(w->p, double, numbers, a->count);
    bool whole = a->denominator == 1;
    for (int i = 0; i < a->count; i++) {
        atoms[i] = walk(w, a->terms[i].atom);
        coefs[i] = (double)a->terms[i].coef / (double)a->denominator;
        whole = whole && (expr_is_integer(atoms[i]) || atoms[i]->op == OP_CONST);
    }
    if (whole || !w->from) return expr_affine(w->p, walk_form(w, a));
    return expr_sum(w->p, (double)a->constant / (double)a->denominator, coefs, atoms, a->count);
}

static const Expr *walk_index(const Walk *w, const Expr *e) {
    for (int i = 0; i < w->count; i++)
        if (w->bindings[i].from == e->index) return expr_affine(w->p, w->bindings[i].to);
    return e;
}

static const Expr *walk_read(Walk *w, const Expr *e) {
    const Affine *forms[MAX_RANK] = {0};
    bool changed = false;
    for (int i = 0; i < e->guard_count; i++) {
        forms[i] = walk_form(w, e->forms[i]);
        changed |= forms[i] != e->forms[i];
    }
    const Expr *read = changed ? expr_read(w->p, e->tensor, forms, e->origin) : e;
    return w->leaf ? w->leaf(w->data, read) : read;
}

static const Expr *walk_where(Walk *w, const Expr *e) {
    Guard small[SMALL], *guards = scratch_array(w->p, Guard, small, e->guard_count);
    for (int i = 0; i < e->guard_count; i++)
        guards[i] = (Guard){walk_form(w, e->guards[i].form), e->guards[i].count};
    return expr_where(w->p, guards, e->guard_count, walk(w, e->args[0]), walk(w, e->args[1]));
}

static const Expr *walk(void *data, const Expr *e) {
    Walk *w = data;
    if (!touched(w, e)) return e;
    if (e == w->from) return w->to;
    const Expr *known = scratch_get(w->memo, e);
    if (known) return known;
    const Expr *result;
    switch (e->op) {
    case OP_INDEX: result = walk_index(w, e); break;
    case OP_AFFINE: result = walk_affine(w, e->form); break;
    case OP_READ: result = w->from ? e : walk_read(w, e); break;
    case OP_WHERE: result = walk_where(w, e); break;
    case OP_DRAW: {
        if (w->from) return e;
        Draw draw = *e->draw;
        draw.element = walk_form(w, draw.element);
        result = expr_draw(w->p, draw);
        break;
    }
    default: result = expr_map_args(w->p, e, walk, w);
    }
    scratch_set(w->p, w->memo, e, result);
    return result;
}

static const Expr *walk_all(Walk w, const Expr *e) {
    w.memo = scratch_open(w.p);
    const Expr *result = walk(&w, e);
    scratch_close(w.p, w.memo);
    return result;
}

const Expr *expr_substitute(Program *p, const Expr *e, const Binding *bindings, int count) {
    return walk_all((Walk){.p = p, .bindings = bindings, .count = count}, e);
}

const Affine *affine_substitute(Program *p, const Affine *a, const Binding *bindings, int count) {
    Walk w = {.p = p, .memo = scratch_open(p), .bindings = bindings, .count = count};
    const Affine *result = walk_form(&w, a);
    scratch_close(p, w.memo);
    return result;
}

const Expr *expr_map_reads(Program *p, const Expr *e, ExprMap *leaf, void *data) {
    return walk_all((Walk){.p = p, .leaf = leaf, .data = data}, e);
}

const Expr *expr_replace(Program *p, const Expr *e, const Expr *from, const Expr *to) {
    return walk_all((Walk){.p = p, .from = from, .to = to}, e);
}
