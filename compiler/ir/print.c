// Equations as text: what `read.c` reads, goldens pin and messages show.
// Arguments of sums and products are printed in an order that depends on names alone, so that a program read
// back prints the same. Expressions with large shared parts give these names (%1, %2) on lines of their own.

#include "ir/tables.h"

#include <math.h>
#include <string.h>

static const double tree_limit = 400; // larger when written out: shared parts get names

typedef struct {
    uint64_t hash; // structural, over printed names
    int uses;
    double tree; // nodes when written out
    int name;    // %name, or 0
} Mark;

typedef struct {
    Text *out;
    Arena *arena;
    const Index *indices[64];
    const char *names[64];
    int index_count;
    Table marks; // Mark by expression
    bool naming;
    int last_name;
} Printer;

// How tightly the place binds: what is looser stands in parentheses.
typedef enum { LOOSE, TERM, FACTOR } Place;

static void print(Printer *r, const Expr *e, Place place);
static void print_form(Printer *r, const Affine *a, bool with_constant);
static uint64_t hash_of(Printer *r, const Expr *e);

// ---- names of indices ----

static const char *index_name(Printer *r, const Index *index) {
    static const char *const RESERVED[] = {"rows", "inf", "nan", "if",  "else",
                                           "and",  "or",  "in",  "not", "batch"};
    int known = index_find(r->indices, r->index_count, index);
    if (known >= 0) return r->names[known];
    const char *base = name_is_plain(index->name) && !strchr(index->name, '.') ? index->name : "i",
               *name = base;
    bool taken = true;
    for (int k = 1; taken; k++) {
        name = k == 1 ? base : string_format(r->arena, "%s_%d", base, k);
        taken = false;
        for (int i = 0; i < r->index_count; i++) taken |= string_equal(r->names[i], name);
        for (size_t i = 0; i < sizeof RESERVED / sizeof *RESERVED; i++)
            taken |= string_equal(RESERVED[i], name);
    }
    if (r->index_count < 64) {
        r->indices[r->index_count] = index;
        r->names[r->index_count++] = name;
    }
    return name;
}

static void name_indices(Printer *r, const Index *const *indices, int count) {
    for (int i = 0; i < count; i++) index_name(r, indices[i]);
}

// ---- marks: hashes over names, and how often a part is used ----

static Mark *mark_of(Printer *r, const Expr *e) {
    Mark *mark = table_get(&r->marks, e);
    if (!mark) table_set(r->arena, &r->marks, e, mark = arena_new(r->arena, Mark));
    return mark;
}

static uint64_t hash_form(Printer *r, const Affine *a) {
    uint64_t h = hash_mix((uint64_t)a->constant, (uint64_t)a->denominator), sum = 0;
    every_term (term, a) sum += hash_mix(hash_of(r, term->atom), (uint64_t)term->coef);
    return hash_mix(h, sum);
}

static uint64_t hash_of(Printer *r, const Expr *e) {
    uint64_t known = mark_of(r, e)->hash;
    if (known) return known;
    uint64_t h = hash_mix(e->op, bits_of(e->value)), sum = 0;
    double tree = 1;
    bool commutes =
        e->op == OP_SUM || e->op == OP_PRODUCT || (op_info((Op)e->op) && op_info((Op)e->op)->commutative);
    for (int i = 0; i < e->count; i++) {
        uint64_t part = hash_of(r, e->args[i]);
        Mark *m = mark_of(r, e->args[i]);
        m->uses++;
        tree += m->tree;
        if (e->op == OP_SUM)
            part = hash_mix(part, bits_of(e->coefs[i]));
        else if (e->op == OP_PRODUCT)
            part = hash_mix(part, (uint64_t)(int64_t)e->exponents[i]);
        if (commutes)
            sum += part;
        else
            h = hash_mix(h, part);
    }
    h = hash_mix(h, sum);
    if (e->op == OP_INDEX)
        h = hash_mix(h, hash_bytes(index_name(r, e->index), strlen(index_name(r, e->index)), 3));
    else if (e->op == OP_AFFINE)
        h = hash_mix(h, hash_form(r, e->form));
    else if (e->op == OP_DRAW)
        h = hash_mix(h, hash_mix(e->draw->place, hash_form(r, e->draw->element)));
    if (e->op == OP_READ) {
        h = hash_mix(h, hash_bytes(e->tensor->name, strlen(e->tensor->name), 5));
        for (int i = 0; i < e->guard_count; i++) h = hash_mix(h, hash_form(r, e->forms[i]));
    }
    for (int i = 0; e->op == OP_WHERE && i < e->guard_count; i++)
        sum += hash_mix(hash_form(r, e->guards[i].form), (uint64_t)e->guards[i].count);
    h = hash_mix(h, sum);
    Mark *own = mark_of(r, e);
    own->hash = h ? h : 1;
    own->tree = tree;
    return own->hash;
}

// ---- orders by name ----

static int class_of(const Expr *e) {
    return e->op == OP_INDEX ? 0 : e->op == OP_ROWS ? 1 : e->op == OP_AFFINE ? 2 : e->op == OP_READ ? 3 : 4;
}

static bool before(Printer *r, const Expr *a, const Expr *b) {
    if (class_of(a) != class_of(b)) return class_of(a) < class_of(b);
    if (a->op == OP_INDEX) {
        int x = index_find(r->indices, r->index_count, a->index),
            y = index_find(r->indices, r->index_count, b->index);
        return x >= 0 && y >= 0 ? x < y : a->index->id < b->index->id;
    }
    if (a->op == OP_READ && a->tensor != b->tensor) return strcmp(a->tensor->name, b->tensor->name) < 0;
    return hash_of(r, a) < hash_of(r, b);
}

// The order of printing: positions of `args`, `last` ones (in products the divisors) at the end.
static int *order_of(Printer *r, const Expr *const *args, const int *exponents, int count) {
    int *order = arena_array(r->arena, int, count > 0 ? count : 1);
    for (int i = 0; i < count; i++) {
        int k = i;
        for (; k > 0; k--) {
            bool divides = exponents && exponents[i] < 0, other = exponents && exponents[order[k - 1]] < 0;
            if (divides != other ? divides : !before(r, args[i], args[order[k - 1]])) break;
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    return order;
}

// ---- affine forms and guards ----

// Behind what stands there.
static void put_constant(Printer *r, int64_t constant) {
    if (constant)
        text_add(r->out, constant < 0 ? " - %lld" : " + %lld",
                 (long long)(constant < 0 ? -constant : constant));
}

static void print_term(Printer *r, int64_t coef, const Expr *atom, bool first) {
    if (coef < 0)
        text_put(r->out, first ? "-" : " - ");
    else if (!first)
        text_put(r->out, " + ");
    int64_t size = coef < 0 ? -coef : coef;
    if (size != 1) text_add(r->out, "%lld*", (long long)size);
    print(r, atom, FACTOR);
}

static int *terms_order(Printer *r, const Affine *a) {
    const Expr **atoms = arena_array(r->arena, const Expr *, a->count > 0 ? a->count : 1);
    for (int i = 0; i < a->count; i++) atoms[i] = a->terms[i].atom;
    return order_of(r, atoms, NULL, a->count);
}

static void print_form(Printer *r, const Affine *a, bool with_constant) {
    int *order = terms_order(r, a);
    if (a->denominator != 1) text_put(r->out, "{");
    for (int i = 0; i < a->count; i++)
        print_term(r, a->terms[order[i]].coef, a->terms[order[i]].atom, i == 0);
    if (a->count == 0)
        text_add(r->out, "%lld", with_constant ? (long long)a->constant : 0LL);
    else if (with_constant)
        put_constant(r, a->constant);
    if (a->denominator != 1) text_add(r->out, "}/%lld", (long long)a->denominator);
}

// `i + p in 1..28`: whole forms carry their constant in the range, the first coefficient is positive.
static void print_guard(Printer *r, Guard g) {
    const Affine *f = g.form;
    int sign = f->count > 0 && f->terms[terms_order(r, f)[0]].coef < 0 ? -1 : 1;
    int64_t constant = sign < 0 ? exact_mul(g.count - 1, f->denominator) - f->constant : f->constant;
    int64_t shift = f->denominator == 1 ? constant : 0;
    int *order = terms_order(r, f);
    if (f->denominator != 1) text_put(r->out, "{");
    for (int i = 0; i < f->count; i++)
        print_term(r, sign * f->terms[order[i]].coef, f->terms[order[i]].atom, i == 0);
    if (f->denominator != 1) {
        put_constant(r, constant);
        text_add(r->out, "}/%lld", (long long)f->denominator);
    }
    if (g.count == 1)
        text_add(r->out, " == %lld", (long long)-shift);
    else
        text_add(r->out, " in %lld..%lld", (long long)-shift, (long long)(g.count - 1 - shift));
}

static bool guard_before(Printer *r, Guard a, Guard b) {
    int da = affine_read_depth(a.form), db = affine_read_depth(b.form);
    return da != db ? da < db : hash_form(r, a.form) < hash_form(r, b.form);
}

static void print_where(Printer *r, const Expr *e) {
    int *order = arena_array(r->arena, int, e->guard_count);
    for (int i = 0; i < e->guard_count; i++) {
        int k = i;
        for (; k > 0 && guard_before(r, e->guards[i], e->guards[order[k - 1]]); k--) order[k] = order[k - 1];
        order[k] = i;
    }
    print(r, e->args[0], TERM);
    for (int i = 0; i < e->guard_count; i++) {
        text_put(r->out, i ? " and " : " if ");
        print_guard(r, e->guards[order[i]]);
    }
    text_put(r->out, " else ");
    print(r, e->args[1], TERM);
}

// ---- expressions ----

static void put_number(Printer *r, double value) { text_put(r->out, string_of_double(r->arena, value)); }

static void print_const(Printer *r, const Expr *e) {
    const char *text = string_of_double(r->arena, e->value);
    bool whole = strspn(text, "-0123456789") == strlen(text);
    text_put(r->out, text);
    if (e->type != TYPE_INT && whole) text_put(r->out, ".0");
}

static void print_sum(Printer *r, const Expr *e) {
    int *order = order_of(r, e->args, NULL, e->count);
    for (int i = 0; i < e->count; i++) {
        double coef = e->coefs[order[i]];
        if (coef < 0)
            text_put(r->out, i ? " - " : "-");
        else if (i)
            text_put(r->out, " + ");
        double size = coef < 0 ? -coef : coef;
        if (size != 1) {
            put_number(r, size);
            text_put(r->out, " * ");
        }
        print(r, e->args[order[i]], size != 1 || coef < 0 ? FACTOR : TERM);
    }
    if (e->value != 0) {
        text_put(r->out, e->value < 0 ? " - " : " + ");
        put_number(r, e->value < 0 ? -e->value : e->value);
    }
}

static void print_product(Printer *r, const Expr *e) {
    int *order = order_of(r, e->args, e->exponents, e->count);
    bool first = true;
    if (e->value != 1 || e->exponents[order[0]] < 0) {
        put_number(r, e->value);
        first = false;
    }
    for (int i = 0; i < e->count; i++) {
        int k = e->exponents[order[i]];
        if (!first || k < 0) text_put(r->out, k < 0 ? " / " : " * ");
        first = false;
        print(r, e->args[order[i]], FACTOR);
        if (k > 1 || k < -1) text_add(r->out, "^%d", k < 0 ? -k : k);
    }
}

static void print_draw(Printer *r, const Draw *d) {
    static const char *const WORDS[] = {"draw_uniform", "draw_normal", "draw_bits"};
    text_add(r->out, "%s(%u, ", WORDS[d->kind], d->place);
    if (d->kind == DRAW_BITS) text_add(r->out, "%lld, ", (long long)d->limit);
    if (d->initial) text_put(r->out, "initial, ");
    print_form(r, d->element, true);
    text_put(r->out, ")");
}

static void print_operation(Printer *r, const Expr *e) {
    const OpInfo *info = op_info((Op)e->op);
    const char *word = e->op == OP_DIV ? "div" : e->op == OP_POW ? "pow" : info->spelling;
    bool infix = e->count == 2 && !name_is_plain(word) && e->op != OP_DIV && e->op != OP_POW;
    infix |= e->op == OP_AND || e->op == OP_OR;
    int first = info->commutative && before(r, e->args[1], e->args[0]) ? 1 : 0;
    if (!infix) text_put(r->out, word);
    text_put(r->out, "(");
    for (int i = 0; i < e->count; i++) {
        if (i && infix)
            text_add(r->out, " %s ", word);
        else if (i)
            text_put(r->out, ", ");
        print(r, e->args[e->count == 2 ? (i + first) % 2 : i], infix ? FACTOR : LOOSE);
    }
    text_put(r->out, ")");
}

static void print_read(Printer *r, const Expr *e) {
    text_add(r->out, "%s[", name_text(r->arena, e->tensor->name));
    for (int i = 0; i < e->guard_count; i++) {
        if (i) text_put(r->out, ", ");
        print_form(r, e->forms[i], true);
    }
    text_put(r->out, "]");
}

static void print(Printer *r, const Expr *e, Place place) {
    if (r->naming && mark_of(r, e)->name) {
        text_add(r->out, "%%%d", mark_of(r, e)->name);
        return;
    }
    bool enclosed = place == FACTOR && (e->op == OP_PRODUCT || (e->op == OP_CONST && signbit(e->value)));
    enclosed |= place == TERM && e->op == OP_PRODUCT && signbit(e->value); // `a + -1 * b` is not read
    enclosed |= place >= TERM && (e->op == OP_SUM || e->op == OP_AFFINE || e->op == OP_WHERE);
    if (enclosed) text_put(r->out, "(");
    switch (e->op) {
    case OP_CONST: print_const(r, e); break;
    case OP_INDEX: text_put(r->out, index_name(r, e->index)); break;
    case OP_AFFINE: print_form(r, e->form, true); break;
    case OP_ROWS: text_put(r->out, "rows"); break;
    case OP_READ: print_read(r, e); break;
    case OP_WHERE: print_where(r, e); break;
    case OP_DRAW: print_draw(r, e->draw); break;
    case OP_SUM: print_sum(r, e); break;
    case OP_PRODUCT: print_product(r, e); break;
    default: print_operation(r, e);
    }
    if (enclosed) text_put(r->out, ")");
}

// Shared parts of a large expression get names, innermost first.
static void name_parts(Printer *r, const Expr *e, const char *indent) {
    int *order = e->op == OP_SUM || e->op == OP_PRODUCT ? order_of(r, e->args, NULL, e->count) : NULL;
    for (int i = 0; i < e->count; i++) {
        const Expr *part = e->args[order ? order[i] : i];
        if (mark_of(r, part)->name || mark_of(r, part)->tree < 3) continue;
        name_parts(r, part, indent);
        if (mark_of(r, part)->uses < 2 || mark_of(r, part)->name) continue;
        int name = ++r->last_name;
        text_add(r->out, "%s%%%d = ", indent, name);
        print(r, part, LOOSE);
        text_put(r->out, "\n");
        mark_of(r, part)->name = name;
    }
}

static void prepare(Printer *r, const Expr *e, const char *indent) {
    hash_of(r, e);
    r->naming = mark_of(r, e)->tree > tree_limit;
    if (r->naming) name_parts(r, e, indent);
}

void expr_print(Text *out, const Expr *e) {
    Printer r = {.out = out, .arena = out->arena};
    name_indices(&r, e->free, e->free_count);
    prepare(&r, e, "");
    print(&r, e, LOOSE);
}

void expr_print_among(Text *out, const Expr *e, const Index *const *indices, int count) {
    Printer r = {.out = out, .arena = out->arena};
    name_indices(&r, indices, count);
    print(&r, e, LOOSE);
}

void affine_print(Text *out, const Affine *form) {
    Printer r = {.out = out, .arena = out->arena};
    print_form(&r, form, true);
}

// Every index of the equation in the order of ids.
static int all_indices(const Equation *q, const Index **all, int room) {
    int n = equation_result_indices(q, all, room);
    n = n < room ? n : room;
    for (int pass = 0; pass < 2; pass++) {
        int count = pass ? q->e->free_count : q->index_count;
        for (int i = 0; i < count && n < room; i++) {
            const Index *index = pass ? q->e->free[i] : q->indices[i];
            if (index_find(all, n, index) < 0) all[n++] = index;
        }
    }
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && all[k]->id < all[k - 1]->id; k--) {
            const Index *swap = all[k];
            all[k] = all[k - 1];
            all[k - 1] = swap;
        }
    return n;
}

static void print_equation(Printer *r, const Equation *q, const char *indent) {
    Text *out = r->out;
    prepare(r, q->e, indent);
    text_add(out, "%s%s[", indent, name_text(r->arena, q->tensor->name));
    for (int d = 0; d < q->out_count; d++) {
        text_put(out, d ? ", " : "");
        print_form(r, q->out[d], true);
    }
    text_put(out, "] = ");
    if (q->reduction != REDUCE_NONE) {
        text_add(out, "%s[", reduction_word(q->reduction));
        for (int i = 0; i < q->index_count; i++)
            text_add(out, "%s%s", i ? ", " : "", index_name(r, q->indices[i]));
        text_put(out, "] ");
    }
    print(r, q->e, LOOSE);
}

void equation_print_lines(Text *out, const Equation *q, const char *indent) {
    Printer r = {.out = out, .arena = out->arena};
    const Index *all[64];
    int count = all_indices(q, all, 64);
    name_indices(&r, all, count);
    print_equation(&r, q, indent);
    for (int i = 0; i < count; i++) {
        text_add(out, "%s%s:", i ? " " : "    | ", index_name(&r, all[i]));
        if (all[i]->batch)
            text_put(out, "batch");
        else
            text_add(out, "%lld", (long long)all[i]->size);
    }
}

void equation_print_among(Text *out, const Equation *q, const char *indent, const Index *const *indices,
                          int count) {
    Printer r = {.out = out, .arena = out->arena};
    name_indices(&r, indices, count);
    print_equation(&r, q, indent);
    text_put(out, "\n");
}

void equation_print(Text *out, const Equation *q) { equation_print_lines(out, q, ""); }
