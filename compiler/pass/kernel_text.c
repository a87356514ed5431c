// Kernels as text: all that scheduling has decided, of every function, so that a pass over kernels can be run
// and tested alone. Stages are equations among the kernel's axes. Guarantees: what is read back prints the
// same; what follows from the rest (models, classes of dimensions, who defines an input) is not in it.
#include "pass/kernel_text.h"

#include <stddef.h>
#include <string.h>

#define FIELD(word, kind, member) {word, kind, offsetof(OF, member)}
#define END {NULL, FLAG, 0} // in its place, so that the compiler sees a table that has no room for it
#define OF Kernels
const Field head_fields[MOST_FIELDS] = {FIELD("lanes", INT, machine.lanes),
                                        FIELD("registers", INT, machine.registers),
                                        FIELD("l1", REAL, machine.l1),
                                        FIELD("l2", REAL, machine.l2),
                                        FIELD("blas", INT, machine.blas),
                                        FIELD("arena", LONG, arena_size),
                                        FIELD("persistent", LONG, persistent_size),
                                        END};
#undef OF
#define OF Layout
const Field layout_fields[MOST_FIELDS] = {
    FIELD("stored", FLAG, stored), FIELD("sums", FLAG, partial_sums), FIELD("folded", FLAG, folded),
    FIELD("partly", FLAG, partly), FIELD("steps", INT, steps),        FIELD("along", PLACE, inner),
    FIELD("panels", LONG, panel),  FIELD("at", LONG, offset),         END};
#undef OF
#define OF Schedule
const Field schedule_fields[MOST_FIELDS] = {FIELD("threaded", FLAG, threaded),
                                            FIELD("class", PLACE, owned_class), FIELD("rows", LONG, rows),
                                            FIELD("scratch", LONG, scratch), END};
#undef OF
#define OF Kernel
const Field kernel_fields[MOST_FIELDS] = {FIELD("time", AXIS, time),
                                          FIELD("lanes", AXIS, vector_axis),
                                          FIELD("across", AXIS, sum_vector_axis),
                                          FIELD("registers", FLAG, rows_in_registers),
                                          FIELD("ahead", AXIS, ahead),
                                          FIELD("by", LONG, ahead_distance),
                                          FIELD("divided", FLAG, divided),
                                          FIELD("split", AXIS, split_axis),
                                          FIELD("strip", FLAG, strip),
                                          FIELD("owned", AXIS, owned_axis),
                                          FIELD("grain", LONG, owned_grain),
                                          FIELD("zeros", FLAG, zeros),
                                          FIELD("plans", LONG, plan_rows),
                                          FIELD("rows", AXIS, row_axis),
                                          FIELD("touched", FLAG, touched),
                                          FIELD("catches", FLAG, catches_up),
                                          FIELD("waits", FLAG, barrier_before),
                                          FIELD("cycles", REAL, cycles),
                                          END};
#undef OF

// ---- printing ---------------------------------------------------------------------------------------------

typedef struct {
    Kernels *ks;
    Text *out;
    const Index *axes[MAX_AXES]; // of the kernel at hand
    int count;
} Printer;

static void put_axis(Printer *p, int axis) {
    Expr e = {.op = OP_INDEX, .index = p->axes[axis]};
    expr_print_among(p->out, &e, p->axes, p->count);
}

// An axis, or several in brackets.
static void put_axes(Printer *p, const char *word, const int *axes, int count) {
    text_add(p->out, count == 1 ? " %s " : " %s [", word);
    for (int i = 0; i < count; i++) {
        text_put(p->out, i ? ", " : "");
        put_axis(p, axes[i]);
    }
    text_put(p->out, count == 1 ? "" : "]");
}

static void put_expr(Printer *p, const char *word, const Expr *e) {
    text_add(p->out, " %s ", word);
    expr_print_among(p->out, e, p->axes, p->count);
}

static void put_fields(Printer *p, const Field *f, const void *of) {
    for (; f->word; f++) {
        const void *at = (const char *)of + f->at;
        const int place = f->kind == FLAG || f->kind == LONG || f->kind == REAL ? -1 : *(const int *)at;
        if (f->kind == FLAG && *(const bool *)at) text_add(p->out, " %s", f->word);
        if (f->kind == LONG && *(const int64_t *)at)
            text_add(p->out, " %s %lld", f->word, (long long)*(const int64_t *)at);
        if (f->kind == REAL && *(const double *)at != 0)
            text_add(p->out, " %s %s", f->word, string_of_double(p->out->arena, *(const double *)at));
        if ((f->kind == INT && place) || (f->kind == PLACE && place >= 0))
            text_add(p->out, " %s %d", f->word, place);
        if (f->kind == AXIS && place >= 0) put_axes(p, f->word, &place, 1);
    }
}

static void put_layout(Printer *p, const char *word, const Tensor *t, const Layout *l) {
    text_add(p->out, "%s %s", word, name_text(p->out->arena, t->name));
    put_fields(p, layout_fields, l);
    for (int d = 0; d < t->rank; d++)
        if (dimension_bordered(l, d))
            text_add(p->out, " border %d:%lld+%lld", d, (long long)l->border_low[d],
                     (long long)l->border_high[d]);
    if (l->same) text_add(p->out, " over %s", name_text(p->out->arena, l->same->name));
    text_put(p->out, "\n");
    if (l->twin) put_layout(p, "copy", t, l->twin);
}

// Work and walked axes, where they are not what follows from the equation.
static void put_stage(Printer *p, const Kernel *k, int number) {
    const Stage *s = &k->stages.data[number];
    Kernel alone = *k;
    memset(&alone.stages, 0, sizeof alone.stages);
    kernel_put_stage(p->ks, &alone, s->equation);
    const Stage *plain = &alone.stages.data[0];
    bool walks = memcmp(plain->inner, s->inner, sizeof s->inner) != 0;
    if (walks || plain->work != s->work || s->plan) {
        text_add(p->out, "        stage %d work %s", number, string_of_double(p->out->arena, s->work));
        if (walks) put_axes(p, "walks", s->inner, s->inner_count);
        if (s->plan) text_add(p->out, " plan %s", name_text(p->out->arena, s->plan->name));
        text_put(p->out, "\n");
    }
    equation_print_among(p->out, s->equation, "        ", p->axes, p->count);
}

static void put_late(Printer *p, const Late *late) {
    text_add(p->out, " late %s", name_text(p->out->arena, late->seen->name));
    text_add(p->out, " past %s", name_text(p->out->arena, late->past->name));
    for (int i = 0; i < late->numbers.count; i++) put_expr(p, "number", late->numbers.data[i]);
    for (int i = 0; i < late->plans.count; i++)
        text_add(p->out, " chosen %s", name_text(p->out->arena, late->plans.data[i]->name));
}

static void put_kernel(Printer *p, const Kernel *k) {
    p->count = k->axis_count;
    for (int a = 0; a < k->axis_count; a++) p->axes[a] = k->axes[a].index;
    text_add(p->out, "    kernel %d [", k->id);
    for (int a = 0; a < k->axis_count; a++) {
        text_put(p->out, a == k->tile_count ? " | " : a ? ", " : "");
        put_axis(p, a);
        text_add(p->out, k->axes[a].batch ? ":batch %lld" : ":%lld", (long long)k->axes[a].index->size);
        if (k->axes[a].step != 1) text_add(p->out, "/%d", k->axes[a].step);
    }
    text_put(p->out, "]");
    if (k->tile_count) put_axes(p, "order", k->order, k->tile_count);
    put_fields(p, kernel_fields, k);
    for (int b = 0; b < k->block_count; b++) {
        put_axes(p, "block", &k->blocks[b].axis, 1);
        text_add(p->out, ":%lld", (long long)k->blocks[b].size);
    }
    for (int i = 0; i < k->zero.count; i++) put_expr(p, "zero", k->zero.data[i]);
    for (int i = 0; i < k->nonzero.count; i++) put_expr(p, "nonzero", k->nonzero.data[i]);
    if (k->late) put_late(p, k->late);
    if (k->product) put_expr(p, "product", k->product->a);
    if (k->product) put_expr(p, "by", k->product->b);
    if (k->product_text) text_add(p->out, " says `%s`", k->product_text);
    text_put(p->out, "\n");
    for (int s = 0; s < k->stages.count; s++) put_stage(p, k, s);
}

void kernels_write(Text *out, Kernels *ks) {
    const Program *program = ks->program;
    Printer p = {.ks = ks, .out = out};
    text_add(out, "program batch %lld precision %s\nkernels", (long long)program->batch,
             precision_word(program->precision));
    put_fields(&p, head_fields, ks);
    text_put(out, "\n");
    for (int i = 0; i < program->tensors.count; i++) tensor_print(out, program, program->tensors.data[i]);
    for (int i = 0; i < program->tensors.count; i++)
        if (program->tensors.data[i]->layout)
            put_layout(&p, "layout", program->tensors.data[i], program->tensors.data[i]->layout);
    every (s, ks->schedules) {
        text_add(out, "\nfunction %s %s", function_kind_word(s->function->kind),
                 name_text(out->arena, s->function->name));
        put_fields(&p, schedule_fields, s);
        text_put(out, "\n");
        for (int n = 0; n < s->kernels.count; n++) {
            const Kernel *k = s->kernels.data[n];
            if (k->loop >= 0 && (!n || s->kernels.data[n - 1]->loop != k->loop))
                text_add(out, "    %s %lld%s%s\n", k->strip ? "strips" : "recur",
                         (long long)s->loops.data[k->loop].size,
                         s->loops.data[k->loop].step < 0 ? " reversed" : "",
                         s->loops.data[k->loop].waits ? " waits" : "");
            put_kernel(&p, k);
        }
        function_print_ends(out, s->function);
    }
}
