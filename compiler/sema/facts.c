// The conditions under which the text being elaborated is reached: guards for rule 7's proof, others for what
// is lifted out.
#include "sema/values.h"

FactMark facts_mark(const Elaborator *el) {
    return (FactMark){el->tables->facts.count, el->tables->conditions.count};
}

void facts_reset(Elaborator *el, FactMark mark) {
    el->tables->facts.count = mark.facts;
    el->tables->conditions.count = mark.conditions;
}

static void know(Elaborator *el, Guard guard) {
    if (el->tables->facts.count < MAX_FACTS) vec_push(el->session->arena, &el->tables->facts, guard);
}

void facts_assume(Elaborator *el, const Expr *condition, bool truth) {
    Program *p = el->session->program;
    if (condition->op == OP_NOT) {
        facts_assume(el, condition->args[0], !truth);
        return;
    }
    if (condition->op == (truth ? OP_AND : OP_OR)) {
        facts_assume(el, condition->args[0], truth);
        facts_assume(el, condition->args[1], truth);
        return;
    }
    Guard guards[16], other;
    int count = 0;
    if (expr_as_guards(p, condition, guards, 16, &count)) {
        if (truth) {
            for (int i = 0; i < count; i++) know(el, guards[i]);
            return;
        }
        if (count == 1 && guard_complement(p, guards[0], &other)) {
            know(el, other);
            return;
        }
    }
    if (!condition->free_count && !condition->read_count) return;
    vec_push(el->session->arena, &el->tables->conditions,
             truth ? condition : expr_unary(p, OP_NOT, condition));
}
