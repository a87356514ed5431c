// Kernels from text. What follows from the rest (models, classes of dimensions, who defines an input) is made
// anew.
#include "oracle/read.h"
#include "pass/kernel_text.h"

#include <string.h>

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

static Late *read_late(Reader *r) {
    Late *late = arena_new(r->p->arena, Late);
    late->seen = reader_tensor(r);
    reader_expect(r, "past");
    late->past = reader_tensor(r);
    late->ring = late->past->dims[0] - PAST_EXTREMES;
    while (reader_take(r, "number")) vec_push(r->p->arena, &late->numbers, read_expr(r));
    while (reader_take(r, "chosen")) vec_push(r->p->arena, &late->plans, reader_tensor(r));
    return late;
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
        } else if (reader_take(r, "zero")) {
            vec_push(ks->program->arena, &k->zero, read_expr(r));
        } else if (reader_take(r, "nonzero")) {
            vec_push(ks->program->arena, &k->nonzero, read_expr(r));
        } else if (reader_take(r, "late")) {
            k->late = read_late(r);
        } else if (reader_take(r, "says")) {
            k->product_text = reader_name(r);
        } else if (!read_field(r, kernel_fields, k)) {
            reader_fail(r, "no word of a kernel");
        }
    }
    if (k->time >= 0) k->axes[k->time].size = 1;
    if (k->time >= 0 || k->strip) {
        k->loop = s->loops.count - 1;
        if (k->loop < 0) reader_fail(r, "`recur` or `strips` stands before the kernels of a loop");
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
        if (reader_take(r, "plan")) given.plan = reader_tensor(r);
        reader_end_line(r);
    }
    const Equation *q = read_equation(r, false);
    if (!q) return;
    kernel_put_stage(ks, k, q);
    Stage *stage = &k->stages.data[k->stages.count - 1];
    if (given.work >= 0) stage->work = given.work;
    if (given.inner_count) memcpy(stage->inner, given.inner, sizeof given.inner);
    if (given.plan) stage_take_plan(ks->program, stage, given.plan);
    layout_of(ks, q->tensor);
    for (int i = 0; i < stage->read_count; i++) layout_of(ks, stage->reads[i]->tensor);
    vec_push(ks->program->arena, &s->function->equations, (Equation *)stage->equation);
}

static void read_line(Reader *r, Kernels *ks, Schedule *s) {
    Kernel *last = s->kernels.count ? s->kernels.data[s->kernels.count - 1] : NULL;
    bool element = r->word.kind == WORD_SHARED || r->source->text[r->at] == '[', strips = false;
    if (takes(r, "kernel")) {
        read_kernel(r, ks, s);
    } else if (takes(r, "recur") || (strips = takes(r, "strips"))) {
        KernelLoop loop = {.size = reader_integer(r), .strips = strips};
        loop.step = reader_take(r, "reversed") ? -1 : 1;
        loop.waits = reader_take(r, "waits");
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
        if (k->catches_up) kernel_read_late(ks->program, k);
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
