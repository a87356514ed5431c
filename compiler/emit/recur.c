// Loops (rule 13): tensors that a block's lines make step by step, because they read what earlier steps have
// made. What is read before its line stands is a tensor from the beginning on, which the lines define.
// Guarantees: every tensor of the block that has the loop's time says which way it is made.
#include "emit/write.h"

#include <string.h>

static bool reads(const Phrase *p, const Slot *slot) {
    if (!p) return false;
    if (p->kind == PHRASE_SLOT && p->slot == slot) return true;
    for (int i = 0; i < p->count; i++)
        if (reads(p->part[i], slot)) return true;
    return false;
}

static const Phrase *beginning_of(const Phrase *recur, const Slot *slot) {
    for (int i = 0; i < recur->node->count; i++)
        if (recur->part[i]->slot == slot) return recur->part[i]->part[0];
    return NULL;
}

// Does a line read what itself or one after it gives?
static bool is_carried(const Phrase *recur, int line) {
    const Phrase *block = recur->part[recur->count - 1], *p = block->part[line];
    if (p->kind != PHRASE_GIVE || !p->slot || !p->binders) return false;
    bool read = beginning_of(recur, p->slot) != NULL;
    for (int i = 0; i <= line && !read; i++) read = reads(block->part[i], p->slot);
    return read;
}

static Operand begin(At at, const Phrase *value, const Slot *slot) {
    Operand v = operand_forced(at, operand_plain(at, operand_of(at, value), value->span));
    const char *name = string_format(at.m->arena, "%s.begin", path_in(at.m, at.frame, slot->name));
    return operand_store(at, v, name, value->span);
}

// The place of the loop's time among the dimensions of what the line gives; behind them: it is a step's own.
static int place_of_time(const Case *c, const Loop *loop, const Phrase *line) {
    int d = 0;
    for (int i = 0; i < line->binders; i++) {
        const Binder *b = &line->binder[i];
        if (b->kind == BINDER_INDEX && string_equal(b->index->name, loop->slot->name)) break;
        d += b->kind == BINDER_DOTS ? c->dot_count : 1;
    }
    return d;
}

// Has what it begins with the dimensions of a step? False after a message.
static bool begin_fits(At at, const Carried *c, Shape line, const Phrase *value, const char *name) {
    if (c->begin.kind != OPERAND_TENSOR) return true;
    const Array *from = c->begin.array;
    Extent step[MAX_RANK];
    Shape wanted = {.kind = SHAPE_TENSOR, .dims = step}, given = {.kind = SHAPE_TENSOR};
    for (int d = 0; d < line.rank; d++)
        if (d != c->along) step[wanted.rank++] = line.dims[d];
    bool fits = from->rank == wanted.rank;
    for (int d = 0; fits && d < from->rank; d++)
        fits = from->dims[d].size == step[d].size && from->dims[d].batch == step[d].batch;
    given.dims = from->dims;
    given.rank = (uint8_t)from->rank;
    return fits || report_false(at, RECUR_BEGINNING, value->span, name, shape_text(at.m->arena, wanted),
                                shape_text(at.m->arena, given));
}

// Makes the tensor that the line gives. `outside`: where what it begins with stands.
static void carry(At at, Loop *loop, const Phrase *line, const Phrase *value, At outside) {
    Program *p = at.m->p;
    Shape v = at.frame->of->slot[line->slot->number];
    Carried *c = &loop->carried[loop->count];
    c->along = place_of_time(at.frame->of, loop, line);
    if (value) c->begin = begin(outside, value, line->slot);
    if (c->begin.kind == OPERAND_WRONG || !begin_fits(outside, c, v, value, line->slot->name)) {
        at.frame->slot[line->slot->number] = operand_wrong();
        return;
    }
    const Affine *out[MAX_RANK];
    for (int d = 0; d < v.rank; d++)
        out[d] = affine_index(p, index_over(at.m, name_of_dimension(d), v.dims[d]));
    for (const Loop *of = loop; of; of = of->outer) {
        int d = place_of_time(at.frame->of, of, line);
        if (d < v.rank) out[d] = affine_index(p, of->time);
    }
    Reduced first = {.e = expr_const(p, 0)};
    if (c->begin.kind == OPERAND_TENSOR) {
        first.e = c->begin.array->e;
        for (int d = 0; d < c->begin.array->rank; d++)
            first.indices[first.count++] = c->begin.array->indices[d];
    } else if (c->begin.kind == OPERAND_SCALAR) {
        first.e = c->begin.e;
    }
    const char *path = path_in(at.m, at.frame, line->slot->name);
    Operand made = pieces_open(at, path, v.dims, v.rank, out, &first, line->node->target->span);
    at.frame->slot[line->slot->number] = made;
    if (made.kind != OPERAND_TENSOR) return;
    c->array = made.array;
    loop->count++;
}

// What a step needs of its own or a later one must be made before.
static void check_steps(At at, int from) {
    const Tensor *read;
    const Equation *q = function_early(at.m->p, at.to->function, from, &read);
    if (!q) return;
    const char *dot = strrchr(read->name, '.');
    report(at, RECUR_CIRCLE, q->origin->span, dot ? dot + 1 : read->name);
}

void recur_write(At at, const Phrase *p) {
    const Phrase *block = p->part[p->count - 1];
    const Slot *slot = p->binder[0].index;
    Index *time = index_bind(at, slot);
    time->time = true;
    Loop loop = {.time = time, .slot = slot, .block = block, .outer = at.loop};
    loop.way = at.frame->of->way[p->number];
    loop.carried = arena_array(at.m->arena, Carried, block->count + 1);
    int from = at.to->function->equations.count;
    At inside = at;
    inside.loop = &loop;
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (is_carried(p, i) && at.frame->slot[line->slot->number].kind == OPERAND_ABSENT)
            carry(inside, &loop, line, beginning_of(p, line->slot), at);
    }
    for (int i = 0; i < block->count && !at.m->stopped; i++) statement_write(inside, block->part[i]);
    check_steps(at, from);
    at.to->loops = true;
}
