// Guards of a stage's body that bound its loops: `j <= i` under a loop over j. Where a tile has several
// results, lanes among them, the loop has a middle, in which all take part, and edges, in which each asks;
// beyond them is nothing to do. A guard that holds no index of a loop leaves out whole tiles.
//
// A result takes its points in the same order whichever of them are edges, so its bits do not depend on the
// tile.
#include "llvm/emit.h"

// ---- which guards -----------------------------------------------------------------------------------------

// Where a tile has one result in all that the guard holds, the loop has no edges.
static bool has_one_bound(const Emitter *em, const Stage *stage, Guard g) {
    bool summed = false;
    if (g.form->denominator != 1 || stage->equation->reduction != REDUCE_SUM) return false;
    every_term (term, g.form) {
        if (term->atom->op != OP_INDEX || term->atom->index->axis == em->point.lane) return false;
        int64_t k = term->coef;
        for (int j = 0; j < stage->inner_count; j++)
            summed |= (k == 1 || k == -1) && stage->inner[j] == term->atom->index->axis &&
                      !axis_short(em, stage->inner[j]);
        if (em->point.kernel->axes[term->atom->index->axis].tile &&
            em->point.axis[term->atom->index->axis].length > 1)
            return false;
    }
    return summed;
}

static bool have_one_bound(const Emitter *em, const Stage *stage, const Expr *e) {
    if (em->point.kernel->rows_in_registers || !is_identity(stage->equation->reduction, e->args[1]))
        return false;
    for (int i = 0; i < e->guard_count; i++)
        if (!has_one_bound(em, stage, e->guards[i])) return false;
    return true;
}

// Lanes along an axis that is walked are of one result.
static bool holds_walked_lanes(const Emitter *em, const Stage *stage, const Expr *e) {
    bool holds = false;
    for (int j = 0; j < stage->inner_count; j++)
        for (int i = 0; i < e->guard_count; i++)
            holds |=
                stage->inner[j] == em->point.lane && forms_depend(&e->guards[i].form, 1, stage->inner[j]);
    return holds;
}

void clips_find(Emitter *em, const Stage *stage) {
    Point *p = &em->point;
    const Expr *e = p->body = stage->equation->e;
    p->clip_count = 0;
    p->skips = NULL;
    if (stage->plan) {
        p->skips = e;
        p->body = e->args[0];
        return;
    }
    int room = (int)(sizeof p->clips / sizeof *p->clips);
    if (e->op != OP_WHERE || e->guard_count > room || holds_walked_lanes(em, stage, e)) return;
    if (!guards_bound(p->kernel, stage) && !have_one_bound(em, stage, e)) return;
    for (int i = 0; i < e->guard_count; i++)
        p->clips[p->clip_count++] = (Clip){e->guards[i].form, e->guards[i].count};
    p->body = e->args[0];
}

bool clips_hold(const Emitter *em, int axis) {
    for (int c = 0; c < em->point.clip_count; c++)
        if (affine_coef(em->point.clips[c].form, em->point.kernel->axes[axis].index)) return true;
    return false;
}

static bool holds_no_loop(const Emitter *em, const Clip *clip) {
    every_term (term, clip->form)
        if (!em->point.kernel->axes[term->atom->index->axis].tile) return false;
    return true;
}

// ---- bounds -----------------------------------------------------------------------------------------------

// The form without one index: the least and the most that it is for a result of the tile. Do they differ?
static bool range_of_rest(Emitter *em, const Clip *clip, const Index *without, Operand *least,
                          Operand *most) {
    Point *p = &em->point;
    int64_t down = 0, up = 0, inst[MAX_AXES];
    int lane = p->lane;
    every_term (term, clip->form) {
        int axis = term->atom->index->axis;
        AxisState *s = &p->axis[axis];
        inst[axis] = s->inst;
        if (!p->kernel->axes[axis].tile) continue;
        int64_t spread = s->length > 1 ? term->coef * (s->length - 1) : 0;
        *(spread < 0 ? &down : &up) += spread;
        s->inst = 0;
    }
    p->lane = -1;
    Operand rest = emit_rest(em, clip->form, without);
    p->lane = lane;
    every_term (term, clip->form) p->axis[term->atom->index->axis].inst = inst[term->atom->index->axis];
    *least = down ? build_add(em, rest, build_i64(em, down)) : rest;
    *most = up ? build_add(em, rest, build_i64(em, up)) : rest;
    return down || up;
}

// 0 <= rest + k * x < count, k = 1 or -1: x of some result of the tile, and of all.
static void narrow(Emitter *em, const Clip *clip, const Index *index, Bounds *b) {
    Operand least, most, n = build_i64(em, clip->count), one = build_i64(em, 1), zero = build_i64(em, 0);
    bool up = affine_coef(clip->form, index) == 1;
    bool below = clip->form->low < 0,
         above = clip->form->high >= clip->count; // can it leave the range there?
    bool wide = range_of_rest(em, clip, index, &least, &most);
    if (up ? below : above) {
        Operand some = up ? build_sub(em, zero, most) : build_add(em, build_sub(em, least, n), one);
        Operand all = up ? build_sub(em, zero, least) : build_add(em, build_sub(em, most, n), one);
        b->low = build_larger(em, some, b->low);
        b->middle_low = build_larger(em, all, b->middle_low);
        b->edge_low |= wide;
        b->cut_low = true;
    }
    if (up ? above : below) {
        Operand some = up ? build_sub(em, n, least) : build_add(em, most, one);
        Operand all = up ? build_sub(em, n, most) : build_add(em, least, one);
        b->high = build_smaller(em, some, b->high);
        b->middle_high = build_smaller(em, all, b->middle_high);
        b->edge_high |= wide;
        b->cut_high = true;
    }
}

Bounds clips_bound(Emitter *em, const int *axes, int j, int count, Operand low, Operand high) {
    Bounds b = {.low = low, .high = high, .middle_low = low, .middle_high = high};
    const Kernel *k = em->point.kernel;
    for (int c = 0; c < em->point.clip_count; c++) {
        const Clip *clip = &em->point.clips[c];
        bool last = affine_coef(clip->form, k->axes[axes[j]].index) != 0;
        for (int z = j + 1; z < count; z++) last &= !affine_coef(clip->form, k->axes[axes[z]].index);
        if (last) narrow(em, clip, k->axes[axes[j]].index, &b);
    }
    b.middle_low = build_larger(em, b.middle_low, b.low);
    return b;
}

// The middle in steps: what is left of them belongs to the edges.
void bounds_round(Emitter *em, Bounds *b, int64_t step) {
    if (step == 1) return;
    Operand mask = build_i64(em, -step);
    if (b->cut_low)
        b->middle_low = build_and(em, build_add(em, b->middle_low, build_i64(em, step - 1)), mask);
    if (b->cut_high) b->middle_high = build_and(em, b->middle_high, mask);
    b->edge_low |= b->cut_low;
    b->edge_high |= b->cut_high;
}

// ---- whole tiles ------------------------------------------------------------------------------------------

// Does some result of the tile take part, by the guards that hold no index of a loop? NULL: each does.
Operand clips_some(Emitter *em) {
    Operand some = NULL, least, most;
    for (int c = 0; c < em->point.clip_count; c++) {
        const Clip *clip = &em->point.clips[c];
        if (!holds_no_loop(em, clip)) continue;
        range_of_rest(em, clip, NULL, &least, &most);
        some = build_and(em, some, build_icmp(em, LLVMIntSGE, most, build_i64(em, 0)));
        some = build_and(em, some, build_icmp(em, LLVMIntSLT, least, build_i64(em, clip->count)));
    }
    return some;
}

// The value of a result, by these guards.
Operand clips_apply(Emitter *em, Operand value, Operand otherwise) {
    Operand all = NULL;
    for (int c = 0; c < em->point.clip_count; c++)
        if (holds_no_loop(em, &em->point.clips[c]))
            all = build_and(em, all,
                            emit_guard(em, (Guard){em->point.clips[c].form, em->point.clips[c].count}));
    return all ? build_select(em, all, value, otherwise) : value;
}
