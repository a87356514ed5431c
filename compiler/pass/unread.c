// What nobody reads is not written: where a tensor is defined under guards that bound loops, and every read
// of it stands under guards that imply them, its elements outside of them have no value.
// Needs: borders in place (they take guards from reads). Guarantees: `partly` only for a temp of one stage.
#include "pass/algebra.h"
#include "pass/schedule.h"

// The tensor's one definition so far, its guards, and whether that is all.
typedef struct {
    const Equation *q;
    bool partly;
} Written;

static bool may_be_partly(const Kernel *k, const Stage *s) {
    const Equation *q = s->equation;
    if (q->tensor->kind != TENSOR_TEMP || q->tensor->step || !guards_bound(k, s)) return false;
    for (int d = 0; d < q->out_count; d++)
        if (!affine_only(q->out[d])) return false;
    return true;
}

static void note_definitions(const Kernels *ks, Written *written) {
    every (s, ks->schedules) {
        every (k, s->kernels)
            every_at (st, k->stages) {
                Written *w = &written[st->equation->tensor->id];
                w->partly = !w->q && may_be_partly(k, st);
                w->q = st->equation;
            }
        every (t, s->function->outputs) written[t->id].partly = false;
        every (e, s->function->effects) written[e.value->id].partly = false;
    }
}

// Do the guards imply those under which the element that is read has a value?
static bool reads_within(Program *p, const Equation *q, const Expr *read, const Expr *where) {
    Binding there[MAX_RANK];
    for (int d = 0; d < q->out_count; d++) there[d] = (Binding){affine_only(q->out[d]), read->forms[d]};
    for (int i = 0; i < q->e->guard_count; i++) {
        Guard g = {affine_substitute(p, q->e->guards[i].form, there, q->out_count), q->e->guards[i].count};
        if (!where || !guards_imply(p, where->guards, where->guard_count, g)) return false;
    }
    return true;
}

static void note_read(Program *p, Written *written, const Expr *read, const Expr *where) {
    Written *w = &written[read->tensor->id];
    if (w->partly) w->partly = reads_within(p, w->q, read, where);
}

static void note_reads(Program *p, Written *written, const Stage *s) {
    const Expr *e = s->equation->e;
    if (s->equation->reduction == REDUCE_ORDER || s->plan || e->op != OP_WHERE) {
        every_read (read, s) note_read(p, written, read, NULL);
        return;
    }
    every_read (read, e->args[0]) note_read(p, written, read, e);
    every_read (read, e->args[1]) note_read(p, written, read, NULL);
    for (int i = 0; i < e->guard_count; i++) // what integers in subscripts read
        every_term (term, e->guards[i].form)
            every_read (read, term->atom) note_read(p, written, read, NULL);
}

void kernels_note_unread(Kernels *ks) {
    Program *p = ks->program;
    Written *written = arena_array(p->arena, Written, p->tensors.count + 1);
    note_definitions(ks, written);
    every (s, ks->schedules)
        every (k, s->kernels)
            every_at (st, k->stages) note_reads(p, written, st);
    for (int i = 0; i < p->tensors.count; i++) layout_of(ks, p->tensors.data[i])->partly = written[i].partly;
}
