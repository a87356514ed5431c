// Why a derivative is as it is: under a line of `nnc grad --explain` stands each use of the chain rule that
// went into it, with the equation it started from. Needs the function as `differentiate` left it: what was
// simplified away since is followed to the rules that made it.
#include "grad/text.h"
#include "ir/algebra.h"
#include "pass/algebra.h"

#include <string.h>

typedef VEC(const char *) Words;

static void add_word(const Notation *n, Words *words, const char *word) {
    every (w, *words)
        if (!strcmp(w, word)) return;
    vec_push(n->arena, words, word);
}

static bool leads_to(const Expr *e, const Expr *read) {
    for (int i = 0; i < e->read_count; i++)
        if (e->reads[i] == read) return true;
    return e == read;
}

// "exp(u), the derivative of exp(u)", from the row of the table.
static const char *of_table(Notation *n, const Expr *e, int which) {
    static const char *const letters[] = {"u", "v", "w"};
    Program *p = n->program;
    const Expr *args[3];
    const char **words = arena_array(p->arena, const char *, p->tensors.count + 3);
    for (int i = 0; i < e->count; i++) { // nothing else is spoken of
        Tensor *t = tensor_add(p, letters[i], TENSOR_TEMP, TYPE_REAL, 0, NULL);
        words[t->id] = letters[i];
        args[i] = expr_read(p, t, NULL, NULL);
    }
    Notation own = *n;
    own.names.of_tensors = words;
    const Expr *self = expr_op(p, (Op)e->op, args, e->count),
               *by = op_info((Op)e->op)->derivative(p, args, self, which);
    return string_format(n->arena, "times %s, the derivative of %s%s%s",
                         by ? notation_expression(&own, by) : "0", notation_expression(&own, self),
                         e->count > 1 ? " by " : "", e->count > 1 ? letters[which] : "");
}

static const char *times(const Notation *n, double factor) {
    return factor == 1    ? NULL
           : factor == -1 ? "negative"
                          : string_format(n->arena, "times %s", string_of_double(n->arena, factor));
}

// What one operation on the way from an equation's value to what it reads does to the slope.
static const char *of_operation(Notation *n, const Expr *e, int which) {
    if (e->op == OP_WHERE) return which ? "where the condition does not hold" : "where the condition holds";
    if (e->op == OP_SELECT)
        return which == 2 ? "where the condition does not hold" : "where the condition holds";
    if (e->op == OP_SUM) return times(n, e->coefs[which]);
    if (e->op != OP_PRODUCT) return of_table(n, e, which);
    int k = e->exponents[which];
    if (k == 1) return e->count == 1 ? times(n, e->value) : "times the other factors";
    const char *others = e->count > 1 || e->value != 1 ? ", and the other factors" : "";
    if (k == 2) return string_format(n->arena, "times 2 * u, the derivative of u^2%s", others);
    return string_format(n->arena, "times %d * u^%d, the derivative of u^%d%s", k, k - 1, k, others);
}

static void add_operations(Notation *n, const Equation *q, const Expr *read, Words *rules) {
    Exprs nodes = {0};
    expr_nodes(n->arena, q->e, false, &nodes);
    every (e, nodes)
        for (int i = 0; i < e->count && e->op != OP_READ; i++) {
            const char *rule = leads_to(e->args[i], read) ? of_operation(n, e, i) : NULL;
            if (rule) add_word(n, rules, rule);
        }
}

// The indices over which a place of what is read is read again.
static const char *again(Notation *n, const Equation *q, const Expr *read) {
    const Index *loops[MAX_ENTRIES];
    int count = equation_loops(q, loops, MAX_ENTRIES), some = 0;
    Text out = {.arena = n->arena};
    for (int i = 0; i < count; i++) {
        bool alone = false;
        for (int d = 0; d < read->guard_count; d++)
            alone |= read->forms[d]->count == 1 && affine_coef(read->forms[d], loops[i]);
        if (!alone)
            text_add(&out, "%s%s", some++ ? ", " : "added up over ",
                     notation_expression(n, expr_index(n->program, loops[i])));
    }
    return some ? text_string(&out) : NULL;
}

static const char *of_reduction(Reduction r) {
    return r == REDUCE_MAX    ? "at the first of the largest"
           : r == REDUCE_MIN  ? "at the first of the smallest"
           : r == REDUCE_PROD ? "times the product of the others"
                              : NULL;
}

// The slope that a layer is given, which no rule made; NULL: one did.
static const Tensor *given_slope(const Notation *n, const ChainRule *rule) {
    const Derivative *d = n->names.why;
    for (int i = d->given_count; i < d->parameters.count; i++)
        if (expr_reads(rule->reader->e, d->parameters.data[i])) return d->parameters.data[i];
    return NULL;
}

static bool renames(const Equation *q) {
    bool same = q->reduction == REDUCE_NONE && q->e->op == OP_READ && q->e->guard_count == q->out_count;
    for (int d = 0; d < q->out_count && same; d++) same = q->e->forms[d] == q->out[d];
    return same;
}

// The derivative of what the reader makes; of what is derived it is 1.
static const char *slope_word(const Notation *n, const Function *f, const Tensor *made) {
    const ChainRule *only = NULL;
    every_at (rule, f->rules) {
        if (rule->read->tensor != made) continue;
        if (only) return tensor_word(n, only->to);
        only = rule;
    }
    if (!only) return "1";
    const Tensor *given = given_slope(n, only);
    if (given) return tensor_word(n, given);
    return renames(only->reader) ? slope_word(n, f, only->reader->tensor) : tensor_word(n, only->to);
}

// y[b, u] = sum[i] w[i, u] * x[b, i]: x[b, i] gets dy times the other factors, added up over u
static const char *rule_text(Notation *n, const Function *f, const ChainRule *rule) {
    const Equation *q = rule->reader;
    Notation own = *n;
    Text line = {.arena = n->arena}, out = {.arena = n->arena};
    own.out = &line;
    own.circle_count = 0;
    own.declared = true;
    own.indices.count = own.words.count = 0;
    notation_equation(&own, q);
    const char *text = text_string(&line);
    text += strspn(text, " ");
    Words rules = {0};
    const char *first = of_reduction(q->reduction), *last = again(&own, q, rule->read);
    if (first) add_word(n, &rules, first);
    add_operations(&own, q, rule->read, &rules);
    if (last) add_word(n, &rules, last);
    text_add(&out, "%.*s: %s gets", (int)strcspn(text, "\n"), text, notation_expression(&own, rule->read));
    const char *slope = slope_word(n, f, q->tensor);
    bool one = rules.count && !strcmp(slope, "1") && !strncmp(rules.data[0], "times ", 6);
    if (!one) text_add(&out, " %s", slope);
    for (int i = 0; i < rules.count; i++)
        text_add(&out, "%s%s", i ? ", " : " ", rules.data[i] + (one && !i ? 6 : 0));
    return text_string(&out);
}

typedef struct {
    Notation *n;
    const Function *f;
    const ChainRule *given; // the last whose slope is given
    bool *seen, *printed;   // by tensor id
    Words lines;
} Walk;

static void walk(Walk *w, const Tensor *t) {
    if (w->seen[t->id]) return;
    w->seen[t->id] = true;
    every_at (rule, w->f->rules) {
        if (rule->to != t) continue;
        if (given_slope(w->n, rule)) {
            w->given = rule;
            return;
        }
        if (!renames(rule->reader)) add_word(w->n, &w->lines, rule_text(w->n, w->f, rule));
    }
    every (q, w->n->names.why->derived)
        for (int i = 0; i < q->e->read_count && q->tensor == t; i++)
            if (!w->printed[q->e->reads[i]->tensor->id]) walk(w, q->e->reads[i]->tensor);
}

void explain_tensor(Notation *n, const Function *f, const Tensor *t) {
    if (!n->names.why) return;
    int count = n->program->tensors.count;
    Walk w = {n, f, NULL, arena_array(n->arena, bool, count), arena_array(n->arena, bool, count), {0}};
    every (q, f->equations) w.printed[q->tensor->id] = true;
    walk(&w, t);
    if (!w.lines.count)
        add_word(n, &w.lines, w.given ? rule_text(n, f, w.given) : "a value of the forward pass");
    for (int i = 0; i < w.lines.count; i++)
        text_add(n->out, "%s    # %s\n", n->circle_count ? "    " : "", w.lines.data[i]);
}
