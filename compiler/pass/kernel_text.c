// Kernels as text and back: all that scheduling has decided, of every function, so that a pass over kernels
// can be run and tested alone. One table for each structure says what stands in its line; what is 0 (of
// places and axes: -1) is left out. Stages are equations among the kernel's axes. Guarantees: what was read
// prints the same; what follows from the rest (models, classes of dimensions, who defines an input) is made
// anew.
#include "ir/read.h"
#include "pass/schedule.h"

#include <stddef.h>
#include <string.h>

typedef enum { FLAG, INT, PLACE, AXIS, LONG, REAL } FieldKind;
typedef struct {
    const char *word;
    FieldKind kind;
    size_t at;
} Field;
enum { MOST_FIELDS = 16 };

#define FIELD(word, kind, member) {word, kind, offsetof(OF, member)}
#define OF Kernels
static const Field head_fields[MOST_FIELDS] = {FIELD("lanes", INT, machine.lanes),
                                               FIELD("registers", INT, machine.registers),
                                               FIELD("l1", REAL, machine.l1),
                                               FIELD("l2", REAL, machine.l2),
                                               FIELD("blas", INT, machine.blas),
                                               FIELD("arena", LONG, arena_size),
                                               FIELD("persistent", LONG, persistent_size)};
#undef OF
#define OF Layout
static const Field layout_fields[MOST_FIELDS] = {
    FIELD("stored", FLAG, stored), FIELD("sums", FLAG, partial_sums), FIELD("folded", FLAG, folded),
    FIELD("along", PLACE, inner),  FIELD("panels", LONG, panel),      FIELD("at", LONG, offset)};
#undef OF
#define OF Schedule
static const Field schedule_fields[MOST_FIELDS] = {
    FIELD("threaded", FLAG, threaded), FIELD("class", PLACE, owned_class), FIELD("rows", LONG, rows),
    FIELD("scratch", LONG, scratch)};
#undef OF
#define OF Kernel
static const Field kernel_fields[MOST_FIELDS] = {FIELD("time", AXIS, time),
                                                 FIELD("lanes", AXIS, vector_axis),
                                                 FIELD("across", AXIS, sum_vector_axis),
                                                 FIELD("registers", FLAG, rows_in_registers),
                                                 FIELD("ahead", AXIS, ahead),
                                                 FIELD("by", LONG, ahead_distance),
                                                 FIELD("divided", FLAG, divided),
                                                 FIELD("owned", AXIS, owned_axis),
                                                 FIELD("grain", LONG, owned_grain),
                                                 FIELD("zeros", FLAG, zeros),
                                                 FIELD("waits", FLAG, barrier_before),
                                                 FIELD("cycles", REAL, cycles)};
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
    text_add(p->out, "%s ", word);
    name_print(p->out, t->name);
    put_fields(p, layout_fields, l);
    for (int d = 0; d < t->rank; d++)
        if (dimension_bordered(l, d))
            text_add(p->out, " border %d:%lld+%lld", d, (long long)l->border_low[d],
                     (long long)l->border_high[d]);
    if (l->same) text_put(p->out, " over ");
    if (l->same) name_print(p->out, l->same->name);
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
    if (walks || plain->work != s->work) {
        text_add(p->out, "        stage %d work %s", number, string_of_double(p->out->arena, s->work));
        if (walks) put_axes(p, "walks", s->inner, s->inner_count);
        text_put(p->out, "\n");
    }
    equation_print_among(p->out, s->equation, "        ", p->axes, p->count);
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
    if (k->product) text_put(p->out, " product ");
    if (k->product) expr_print_among(p->out, k->product->a, p->axes, p->count);
    if (k->product) text_put(p->out, " by ");
    if (k->product) expr_print_among(p->out, k->product->b, p->axes, p->count);
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
    for (int i = 0; i < ks->schedules.count; i++) {
        const Schedule *s = ks->schedules.data[i];
        text_add(out, "\nfunction %s ", function_kind_word(s->function->kind));
        name_print(out, s->function->name);
        put_fields(&p, schedule_fields, s);
        text_put(out, "\n");
        for (int n = 0; n < s->kernels.count; n++) {
            const Kernel *k = s->kernels.data[n];
            if (k->loop >= 0 && (!n || s->kernels.data[n - 1]->loop != k->loop))
                text_add(out, "    recur %lld%s\n", (long long)s->loops.data[k->loop].size,
                         s->loops.data[k->loop].step < 0 ? " reversed" : "");
            put_kernel(&p, k);
        }
        function_print_ends(out, s->function);
    }
}

// ---- reading ----------------------------------------------------------------------------------------------

static int read_axis(Reader *r) {
    const char *name = reader_name(r);
    for (int i = 0; i < r->indices.count; i++)
        if (string_equal(r->indices.data[i]->name, name)) return i;
    reader_fail(r, "`%s` is no axis of this kernel", name);
    return 0;
}

static int read_axes(Reader *r, int *axes) {
    int count = 0;
    if (!reader_take(r, "[")) return axes[0] = read_axis(r), 1;
    do axes[count++] = read_axis(r);
    while (!r->failed && count < MAX_TILE_AXES && reader_take(r, ","));
    reader_expect(r, "]");
    return count;
}

static bool read_field(Reader *r, const Field *f, void *of) {
    while (f->word && !reader_take(r, f->word)) f++;
    if (!f->word) return false;
    void *at = (char *)of + f->at;
    switch (f->kind) {
    case FLAG: *(bool *)at = true; break;
    case INT:
    case PLACE: *(int *)at = (int)reader_integer(r); break;
    case AXIS: *(int *)at = read_axis(r); break;
    case LONG: *(int64_t *)at = reader_integer(r); break;
    case REAL: *(double *)at = reader_number(r); break;
    }
    return true;
}

static void read_fields(Reader *r, const Field *fields, void *of) {
    while (!r->failed && read_field(r, fields, of)) continue;
}

static void read_layout(Reader *r, Kernels *ks, bool copy) {
    Tensor *t = reader_tensor(r);
    if (!t) return;
    Layout *l = layout_of(ks, t);
    if (copy) {
        l = l->twin = arena_new(ks->program->arena, Layout);
        l->element_size = t->layout->element_size;
    }
    read_fields(r, layout_fields, l);
    while (!r->failed && reader_take(r, "border")) {
        int64_t d = reader_integer(r);
        if (d < 0 || d >= t->rank) reader_fail(r, "%s has no dimension %lld", t->name, (long long)d);
        if (r->failed) return;
        reader_expect(r, ":");
        l->border_low[d] = reader_integer(r);
        reader_expect(r, "+");
        l->border_high[d] = reader_integer(r);
    }
    if (reader_take(r, "over")) l->same = reader_tensor(r);
    if (l->inner >= t->rank) reader_fail(r, "%s has no dimension %d", t->name, l->inner);
    reader_end_line(r);
}

static void read_kernel_axes(Reader *r, Kernels *ks, Kernel *k) {
    bool tile = true;
    r->indices.count = 0;
    reader_expect(r, "[");
    while (!r->failed && !reader_take(r, "]")) {
        if (reader_take(r, "|")) tile = false;
        Index like = {.name = reader_name(r)};
        reader_expect(r, ":");
        like.batch = reader_take(r, "batch");
        like.size = reader_integer(r);
        if (k->axis_count == MAX_AXES || (tile && k->tile_count == MAX_TILE_AXES) || like.size < 1)
            reader_fail(r, "a kernel has at most %d axes, each of at least 1", MAX_AXES);
        if (r->failed) return;
        Axis *x = &k->axes[kernel_add_axis(ks, k, &like, tile)];
        x->step = reader_take(r, "/") ? (int)reader_integer(r) : 1;
        vec_push(ks->program->arena, &r->indices, x->index);
        reader_take(r, ",");
    }
}

static Kernel *read_kernel(Reader *r, Kernels *ks, Schedule *s) {
    Kernel *k = kernel_new(ks);
    k->id = (int)reader_integer(r);
    read_kernel_axes(r, ks, k);
    while (!r->failed && r->word.kind == WORD_NAME) {
        if (reader_take(r, "order")) {
            if (read_axes(r, k->order) != k->tile_count) reader_fail(r, "every tile axis has a loop");
        } else if (k->block_count < MAX_BLOCKS && reader_take(r, "block")) {
            Block *b = &k->blocks[k->block_count++];
            b->axis = read_axis(r);
            reader_expect(r, ":");
            b->size = reader_integer(r);
        } else if (reader_take(r, "product")) {
            k->product = arena_new(ks->program->arena, Product);
            k->product->a = read_expr(r);
            reader_expect(r, "by");
            k->product->b = read_expr(r);
        } else if (reader_take(r, "says")) {
            k->product_text = reader_name(r);
        } else if (!read_field(r, kernel_fields, k)) {
            reader_fail(r, "no word of a kernel");
        }
    }
    if (k->time >= 0) {
        k->axes[k->time].size = 1;
        k->loop = s->loops.count - 1;
        if (k->loop < 0) reader_fail(r, "`recur` stands before the kernels of a loop");
    }
    vec_push(ks->program->arena, &s->kernels, k);
    reader_end_line(r);
    return k;
}

// A word of this text, not the name of a tensor: a number follows.
static bool takes(Reader *r, const char *word) {
    uint32_t start = r->word.start;
    if (!reader_take(r, word)) return false;
    if (r->word.kind == WORD_NUMBER) return true;
    reader_seek(r, start);
    return false;
}

static void read_stage(Reader *r, Kernels *ks, Schedule *s, Kernel *k) {
    Stage given = {.work = -1};
    if (takes(r, "stage")) {
        reader_integer(r);
        reader_expect(r, "work");
        given.work = reader_number(r);
        if (reader_take(r, "walks")) given.inner_count = read_axes(r, given.inner);
        reader_end_line(r);
    }
    const Equation *q = read_equation(r, false);
    if (!q) return;
    kernel_put_stage(ks, k, q);
    Stage *stage = &k->stages.data[k->stages.count - 1];
    if (given.work >= 0) stage->work = given.work;
    if (given.inner_count) memcpy(stage->inner, given.inner, sizeof given.inner);
    layout_of(ks, q->tensor);
    for (int i = 0; i < stage->read_count; i++) layout_of(ks, stage->reads[i]->tensor);
    vec_push(ks->program->arena, &s->function->equations, (Equation *)stage->equation);
}

static void read_line(Reader *r, Kernels *ks, Schedule *s) {
    Kernel *last = s->kernels.count ? s->kernels.data[s->kernels.count - 1] : NULL;
    bool element = r->word.kind == WORD_SHARED || r->source->text[r->at] == '[';
    if (takes(r, "kernel")) {
        read_kernel(r, ks, s);
    } else if (takes(r, "recur")) {
        KernelLoop loop = {.size = reader_integer(r)};
        loop.step = reader_take(r, "reversed") ? -1 : 1;
        vec_push(ks->program->arena, &s->loops, loop);
        reader_end_line(r);
    } else if (last && (element || reader_is(r, "stage"))) {
        read_stage(r, ks, s, last);
    } else {
        read_statement(r, s->function);
    }
}

// What follows from the rest.
static void settle(Kernels *ks, Schedule *s) {
    for (int n = 0; n < s->kernels.count; n++) {
        Kernel *k = s->kernels.data[n];
        bool rows = k->rows_in_registers;
        bool plan = k->product && product_axes(k, &k->stages.data[0], k->product) && k->cycles > 0;
        if (plan) product_plan(ks, k, k->product);
        kernel_model(ks, k);
        k->rows_in_registers = rows;
    }
    s->classes = classes_create(ks->program->arena, ks->program, s).parent;
}

Kernels *kernels_read(Context *ctx, const Source *source) {
    Reader r = {.ctx = ctx, .source = source};
    reader_open(&r);
    Kernels *ks = kernels_create(r.p);
    Schedule *s = NULL;
    reader_expect(&r, "kernels");
    read_fields(&r, head_fields, ks);
    reader_end_line(&r);
    while (!r.failed && r.word.kind != WORD_END) {
        if (reader_take(&r, "function")) {
            s = arena_new(r.p->arena, Schedule);
            s->function = read_function(&r);
            s->owned_class = -1;
            vec_push(r.p->arena, &ks->schedules, s);
            read_fields(&r, schedule_fields, s);
            reader_end_line(&r);
        } else if (s) {
            read_line(&r, ks, s);
        } else if (reader_is(&r, "layout") || reader_is(&r, "copy")) {
            bool copy = reader_take(&r, "copy");
            if (!copy) reader_next(&r);
            read_layout(&r, ks, copy);
        } else if (!read_tensor(&r)) {
            reader_fail(&r, "a tensor, a layout or a function is expected here");
        }
    }
    for (int i = 0; !r.failed && i < ks->schedules.count; i++)
        for (int n = 0; n < ks->schedules.data[i]->kernels.count; n++)
            if (!ks->schedules.data[i]->kernels.data[n]->stages.count)
                reader_fail(&r, "a kernel has a stage");
    if (r.failed) return NULL;
    kernels_count_definers(ks);
    for (int i = 0; ks->arena_size && i < r.p->tensors.count; i++)
        layout_measure(ks, layout_of(ks, r.p->tensors.data[i]), r.p->tensors.data[i]);
    for (int i = 0; i < ks->schedules.count; i++) settle(ks, ks->schedules.data[i]);
    return ks;
}
