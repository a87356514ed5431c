// Where an element lies at the point of emission, and its loads, stores and prefetches.
//
// An address is the arena, plus a run-time part, plus a constant that ends in the instruction's displacement.
// A read may name an element that is not there: under a guard that does not hold, in a row beyond the true
// number, in a lane beyond an axis's end. Its value is then not used, but it must not fault. So the integers
// that stand in subscripts keep within their tensors' limits wherever they are read (emit_settled), which
// makes the bounds of forms true everywhere; and a form that could leave the arena and its margin by these
// bounds is brought back inside.
#include "llvm/emit.h"

#include "abi.h"

// An index form taken apart at the point.
typedef struct {
    int64_t known;    // the constant part
    int64_t grain;    // run is a multiple of it
    int64_t per_lane; // coefficient of the axis that lanes run along
    Operand run;      // i64, or NULL
    Operand lanes;    // what else differs between lanes: a vector of i32, or NULL
} Parts;

typedef struct {
    Operand base;  // pointer
    Operand run;   // elements, i64, or NULL
    int64_t known; // elements
    Operand lanes; // elements, a vector of `offset`: a gather; NULL: one run of elements, or a scalar
    LLVMTypeRef element, offset;
    int element_size;
    bool along; // one element for each lane
    int every;  // every second element of two runs, from the first (1) or the second (2); 0: all of one
} Place;

static Operand plus(Emitter *em, Operand a, Operand b) { return !a ? b : !b ? a : build_add(em, a, b); }

static Operand scaled(Emitter *em, Operand a, int64_t k) {
    return !a || k == 1 ? a : build_mul(em, a, build_i64(em, k));
}

static void add_index(Emitter *em, Parts *parts, int axis, int64_t coef) {
    const AxisState *s = &em->point.axis[axis];
    parts->known += coef * (s->fixed + s->inst);
    if (s->base) {
        parts->run = plus(em, parts->run, scaled(em, s->base, coef));
        parts->grain = gcd_of(parts->grain, coef * s->grain);
    }
    if (axis == em->point.lane) parts->per_lane += coef;
}

static void add_atom(Emitter *em, Parts *parts, Operand x, int64_t coef) {
    if (is_vector(x)) {
        Operand v = build_mul(em, x, build_like(em, x, (double)coef));
        parts->lanes = parts->lanes ? build_add(em, parts->lanes, v) : v;
        return;
    }
    parts->run = plus(em, parts->run, scaled(em, build_convert(em, x, em->i64), coef));
    parts->grain = 1;
}

static Parts take_apart(Emitter *em, const Affine *form, const Index *without) {
    Parts parts = {.known = form->constant};
    if (form->denominator != 1) {
        parts.known = 0;
        add_atom(em, &parts, emit_integer(em, form), 1);
        return parts;
    }
    every_term (term, form) {
        if (term->atom->op == OP_INDEX && term->atom->index == without) continue;
        if (term->atom->op == OP_INDEX)
            add_index(em, &parts, term->atom->index->axis, term->coef);
        else if (term->atom->op == OP_ROWS)
            add_atom(em, &parts, em->rows, term->coef);
        else
            add_atom(em, &parts, build_convert(em, emit_value(em, term->atom), em->i32), term->coef);
    }
    return parts;
}

Operand emit_rest(Emitter *em, const Affine *form, const Index *without) {
    Parts parts = take_apart(em, form, without);
    if (parts.lanes || parts.per_lane) die("the bound of a loop differs between lanes");
    return plus(em, parts.run, build_i64(em, parts.known));
}

// ---- staying inside ---------------------------------------------------------------------------------------

static Operand lane_mask(const Emitter *em) {
    if (em->point.active_sum && is_vector(em->point.active_sum)) return em->point.active_sum;
    return em->point.active && is_vector(em->point.active) ? em->point.active : NULL;
}

// The values of a form, those beyond the end of a short axis included that the lanes of its last tile stand
// for.
static void bounds(const Emitter *em, const Kernel *k, const Affine *form, int64_t *low, int64_t *high) {
    *low = form->low, *high = form->high;
    every_term (term, form) {
        if (term->atom->op != OP_INDEX || term->atom->index->axis != k->vector_axis || !em->partial ||
            !term->atom->index->batch)
            continue;
        int64_t more = (em->lanes - 1) * term->coef;
        *low += more < 0 ? more : 0;
        *high += more > 0 ? more : 0;
    }
}

// Can an element that these forms name lie outside the arena and its margin?
bool reads_may_leave(const Emitter *em, const Kernel *k, const Tensor *t, const Affine *const *forms) {
    const Layout *layout = layout_shared(t);
    if (t->kind == TENSOR_SOURCE) return true;
    int64_t low = layout->zero, high = layout->zero + layout->panel_stride + em->lanes;
    for (int d = 0; d < t->rank; d++) {
        int64_t a, b, stride = layout->stride[d];
        bounds(em, k, forms[d], &a, &b);
        if (a < -(INT64_C(1) << 40) || b > INT64_C(1) << 40) return true;
        if (d == layout->inner) stride = layout->panel ? layout->panel_stride / layout->panel + 1 : 1;
        low += a * stride;
        high += b * stride;
    }
    int64_t size = layout->element_size, arena = em->kernels->arena_size;
    return layout->offset + low * size < -(NN_MARGIN - 256) ||
           layout->offset + high * size > arena + NN_MARGIN - 256;
}

// A batch index may stand for a row beyond the true number.
static bool is_short_row(const Emitter *em, const Affine *form) {
    const Index *index = affine_only(form);
    return em->partial && index && index->batch;
}

// Does the subscript name an element that is there, or a border's? Of the rows of a source only the run
// knows.
static bool stays_inside(const Emitter *em, const Affine *form, const Tensor *t, int d) {
    int64_t low, high;
    if (t->kind == TENSOR_SOURCE && d == 0) return !is_short_row(em, form);
    const Layout *layout = layout_shared(t);
    bounds(em, em->point.kernel, form, &low, &high);
    return low >= -layout->border_low[d] && high < t->dims[d] + layout->border_high[d];
}

// May the form, within an axis by its bounds, stand for a lane beyond the axis's end?
static bool has_lane_beyond(const Emitter *em, const Affine *form) {
    return em->point.lane >= 0 && lane_mask(em) && forms_depend(&form, 1, em->point.lane);
}

Operand emit_settled(Emitter *em, const Tensor *t, const Affine *const *forms, Operand value) {
    Operand there = NULL;
    if (t->type != TYPE_INT && t->type != TYPE_BOOL) return value;
    for (int d = 0; d < t->rank; d++) {
        bool source_row = t->kind == TENSOR_SOURCE && d == 0;
        if (is_short_row(em, forms[d])) {
            there = build_and(em, there, emit_row_exists(em, forms[d]));
        } else if (!source_row && (has_lane_beyond(em, forms[d]) || !stays_inside(em, forms[d], t, d))) {
            const Layout *l = layout_shared(t);
            Guard g = {affine_offset(em->program, forms[d], l->border_low[d]),
                       l->border_low[d] + t->dims[d] + l->border_high[d]};
            there = build_and(em, there, emit_guard(em, g));
        }
    }
    Operand least = build_like(em, value, t->bounded ? (double)t->low : 0);
    return there ? build_select(em, there, value, least) : value;
}

// The subscript: an i64, or where it differs between lanes a vector of i32.
static Operand subscript(Emitter *em, const Parts *parts) {
    Operand v = plus(em, parts->run, build_i64(em, parts->known));
    if (!parts->lanes && !parts->per_lane) return v;
    v = build_splat(em, LLVMBuildTrunc(em->builder, v, em->i32, ""));
    v = build_add(em, v, build_lane_numbers(em, parts->per_lane));
    return parts->lanes ? build_add(em, v, parts->lanes) : v;
}

// The dimension's subscript brought into 0 .. size - 1.
static void clamp(Emitter *em, Parts *parts, Operand size) {
    Operand v = subscript(em, parts);
    bool lanes = is_vector(v);
    if (lanes) size = build_splat(em, build_convert(em, size, em->i32));
    v = build_select(em, build_icmp(em, LLVMIntULT, v, size), v, build_like(em, v, 0));
    *parts = lanes ? (Parts){.lanes = v} : (Parts){.run = v, .grain = 1};
}

// ---- checked code -----------------------------------------------------------------------------------------

// The program ends where this is false, in a lane that counts.
static void require(Emitter *em, Operand holds, Operand mask) {
    if (is_vector(holds)) {
        if (mask) holds = build_or(em, holds, LLVMBuildNot(em->builder, build_splat(em, mask), ""));
        holds = build_unary(em, "llvm.vector.reduce.and", holds);
    }
    BasicBlock wrong = build_block(em), right = build_block(em);
    LLVMBuildCondBr(em->builder, holds, right, wrong);
    build_at(em, wrong);
    build_intrinsic(em, "llvm.trap", NULL, 0, NULL, 0);
    LLVMBuildUnreachable(em->builder);
    build_at(em, right);
}

// A subscript lies where the analysis says that it does, or in its tensor; of a store, in the
// tensor alone.
static void check(Emitter *em, const Tensor *t, int d, const Affine *form, const Parts *parts, bool stored) {
    int64_t low = 0, high = t->dims[d] - 1, least, most;
    bounds(em, em->point.kernel, form, &least, &most);
    if (!stored && least < low) low = least;
    if (!stored && most > high) high = most;
    if (low <= -INT32_MAX / 2 || high >= INT32_MAX / 2 || (t->kind == TENSOR_SOURCE && d == 0)) return;
    Operand v = subscript(em, parts), mask = stored ? em->point.active : lane_mask(em);
    v = build_sub(em, v, build_like(em, v, (double)low));
    require(em, build_icmp(em, LLVMIntULE, v, build_like(em, v, (double)(high - low))), mask);
}

// ---- places -----------------------------------------------------------------------------------------------

// What differences between lanes are counted in. 32 bits hold those of most tensors; of the rows of a source
// only the run knows how many there are.
static LLVMTypeRef offset_type(const Emitter *em, const Tensor *t, const Layout *layout, const Parts *parts) {
    bool many_rows = t->kind == TENSOR_SOURCE && layout->inner != 0 && (parts[0].lanes || parts[0].per_lane);
    return many_rows || layout->size > INT32_MAX - NN_MARGIN ? em->i64 : em->i32;
}

static Operand offsets(Emitter *em, const Place *place, Operand subscripts, int64_t stride) {
    Operand v = build_convert(em, subscripts, place->offset);
    return build_mul(em, v, build_like(em, v, (double)stride));
}

static void add_lanes(Emitter *em, Place *place, Operand v) {
    place->lanes = place->lanes ? build_add(em, place->lanes, v) : v;
}

// The inner dimension in panels.
static void add_panelled(Emitter *em, Place *place, const Layout *layout, Parts parts) {
    int64_t width = layout->panel, stride = layout->panel_stride;
    int shift = __builtin_ctzll((unsigned long long)width);
    if (parts.lanes || (parts.per_lane && place->lanes)) {
        Operand v = subscript(em, &parts);
        Operand high = LLVMBuildAShr(em->builder, v, build_like(em, v, shift), "");
        Operand low = build_and(em, v, build_like(em, v, (double)(width - 1)));
        low = build_convert(em, low, place->offset);
        add_lanes(em, place, build_add(em, offsets(em, place, high, stride), low));
        return;
    }
    int64_t k = parts.known;
    bool multiple = parts.grain % width == 0 && k >= 0;
    if (!parts.run || multiple) {
        int64_t block = k >= 0 ? k / width : -((-k + width - 1) / width);
        place->known += block * stride + (k - block * width);
        place->run = plus(em, place->run, scaled(em, parts.run, multiple ? stride / width : 1));
        if (parts.run && stride % width)
            die("a panel's stride of %lld is no multiple of its width %lld", (long long)stride,
                (long long)width);
        return;
    }
    Operand x = parts.run;
    if (parts.grain && width % parts.grain == 0 && k >= 0 && k < parts.grain)
        place->known += k;
    else
        x = plus(em, x, build_i64(em, k));
    Operand high = LLVMBuildAShr(em->builder, x, build_i64(em, shift), "");
    place->run = plus(em, place->run, scaled(em, high, stride));
    place->run = plus(em, place->run, build_and(em, x, build_i64(em, width - 1)));
}

// Vectors may be loaded whole: stride 1 along the lanes, and no vector crosses a panel's end.
static bool in_one_run(const Emitter *em, const Layout *layout, const Parts *parts, int rank) {
    const Point *p = &em->point;
    int64_t count = em->lanes;
    if (p->lane >= 0 && p->lane == p->kernel->vector_axis && p->axis[p->lane].length < count)
        count = p->axis[p->lane].length;
    for (int d = 0; d < rank; d++) {
        if (parts[d].lanes || (parts[d].per_lane && (d != layout->inner || parts[d].per_lane != 1)))
            return false;
        if (!parts[d].per_lane || !layout->panel) continue;
        int64_t known_of = parts[d].run ? gcd_of(layout->panel, parts[d].grain) : layout->panel;
        int64_t start = (parts[d].known % known_of + known_of) % known_of;
        if (start + count > known_of) return false;
    }
    return true;
}

// Are the lanes every second element of a run that lies in one piece? Then the run is loaded whole; `parts`
// become where it begins. 1: from its first element, 2: from its second; 0: they are not.
static int in_two_runs(const Emitter *em, const Tensor *t, const Layout *layout, Parts *parts) {
    const Point *p = &em->point;
    Parts *x = layout->inner >= 0 ? &parts[layout->inner] : NULL;
    if (!x || x->per_lane != 2 || t->kind == TENSOR_SOURCE || lane_mask(em)) return 0;
    if (p->lane == p->kernel->vector_axis && p->axis[p->lane].length < em->lanes) return 0;
    for (int d = 0; d < t->rank; d++)
        if (parts[d].lanes || (d != layout->inner && parts[d].per_lane)) return 0;
    int odd = (x->run && x->grain % 2) || x->known < 0 ? 0 : (int)(x->known % 2);
    if (layout->panel) {
        int64_t known_of = x->run ? gcd_of(layout->panel, x->grain) : layout->panel;
        int64_t start = ((x->known - odd) % known_of + known_of) % known_of;
        if (start + 2 * em->lanes > known_of) return 0;
    }
    x->known -= odd;
    x->per_lane = 1;
    return 1 + odd;
}

static LLVMTypeRef memory_type(const Emitter *em, const Tensor *t) {
    return t->type == TYPE_REAL ? em->real : t->type == TYPE_DOUBLE ? em->f64 : em->i32;
}

static void split_rows(Emitter *em, const Tensor *t, const Affine *const *forms, Parts *parts) {
    bool leaves = reads_may_leave(em, em->point.kernel, t, forms);
    for (int d = 0; d < t->rank; d++) {
        parts[d] = take_apart(em, forms[d], NULL);
        bool masked =
            t->kind == TENSOR_SOURCE && d == 0 && lane_mask(em) && (parts[d].lanes || parts[d].per_lane);
        if (leaves && !masked && !stays_inside(em, forms[d], t, d))
            clamp(em, &parts[d], t->dims[d] ? build_i64(em, t->dims[d]) : em->rows);
    }
}

static Operand base_of(const Emitter *em, const Layout *layout) {
    for (int i = 0; i < em->base_count; i++)
        if (em->bases[i] == layout) return em->base_pointers[i];
    die("a shared kernel lacks the place of one of its tensors");
}

static Place locate_in(Emitter *em, const Tensor *t, const Layout *layout, const Parts *parts) {
    bool source = t->kind == TENSOR_SOURCE;
    Place place = {.base = source ? emit_source(em, t) : em->arena_pointer, .element = memory_type(em, t)};
    place.element_size = layout->element_size;
    place.known = layout->zero;
    if (!source && em->base_count)
        place.base = base_of(em, layout);
    else if (!source)
        place.known += layout->offset / layout->element_size;
    place.offset = offset_type(em, t, layout, parts);
    bool run = in_one_run(em, layout, parts, t->rank);
    for (int d = 0; d < t->rank; d++) place.along = place.along || parts[d].per_lane || parts[d].lanes;
    if (place.along && !run) place.lanes = LLVMConstNull(vector_of(em, place.offset));
    for (int d = 0; d < t->rank; d++) {
        if (d == layout->inner && layout->panel) {
            add_panelled(em, &place, layout, parts[d]);
            continue;
        }
        int64_t stride = d == layout->inner ? 1 : layout->stride[d];
        place.known += stride * parts[d].known;
        place.run = plus(em, place.run, scaled(em, parts[d].run, stride));
        if (!run && parts[d].per_lane)
            add_lanes(em, &place, offsets(em, &place, build_lane_numbers(em, 1), stride * parts[d].per_lane));
        if (parts[d].lanes) add_lanes(em, &place, offsets(em, &place, parts[d].lanes, stride));
    }
    return place;
}

// The tensor's first copy, or its twin where lanes lie together only there.
static Place locate(Emitter *em, const Tensor *t, const Affine *const *forms, bool read) {
    const Layout *layout = layout_shared(t);
    Parts parts[MAX_RANK];
    if (!layout) die("%s has no layout", t->name);
    split_rows(em, t, forms, parts);
    for (int d = 0; em->checked && d < t->rank; d++) check(em, t, d, forms[d], &parts[d], false);
    if (read && layout->twin && !in_one_run(em, layout, parts, t->rank) &&
        in_one_run(em, layout->twin, parts, t->rank))
        layout = layout->twin;
    int every = read ? in_two_runs(em, t, layout, parts) : 0;
    Place place = locate_in(em, t, layout, parts);
    place.every = every;
    return place;
}

static Operand pointer(Emitter *em, const Place *place) {
    Operand p = place->base, run = place->run;
    LLVMTypeRef step = place->element;
    if (run) p = LLVMBuildGEP2(em->builder, step, p, &run, 1, "");
    Operand known = build_i64(em, place->known);
    return place->known ? LLVMBuildGEP2(em->builder, step, p, &known, 1, "") : p;
}

// ---- loads and stores -------------------------------------------------------------------------------------

// Of the lanes of a mask (NULL: all), each where it lies or all in one run: a load, or with a value its
// store.
static Operand masked(Emitter *em, const Place *place, Operand mask, Operand value) {
    static const char *const names[2][2] = {{"llvm.masked.load", "llvm.masked.gather"},
                                            {"llvm.masked.store", "llvm.masked.scatter"}};
    Operand at = pointer(em, place), lanes = place->lanes, size = build_i32(em, place->element_size);
    if (lanes) at = LLVMBuildGEP2(em->builder, place->element, at, &lanes, 1, "");
    if (!mask) mask = build_mask(em, em->lanes);
    LLVMTypeRef type = value ? LLVMTypeOf(value) : vector_of(em, place->element);
    Operand load[4] = {at, size, mask, LLVMConstNull(type)}, store[4] = {value, at, size, mask};
    return build_intrinsic(em, names[value != NULL][lanes != NULL], (LLVMTypeRef[]){type, LLVMTypeOf(at)}, 2,
                           value ? store : load, 4);
}

// ---- reading ahead ----------------------------------------------------------------------------------------

static void prefetch(Emitter *em, const Place *place, int nearness) {
    Operand args[4] = {pointer(em, place), build_i32(em, 0), build_i32(em, nearness), build_i32(em, 1)};
    LLVMTypeRef type = em->pointer;
    build_intrinsic(em, "llvm.prefetch", &type, 1, args, 4);
}

bool is_far(const Emitter *em, const Tensor *t) {
    const Layout *l = layout_shared(t);
    return t->kind != TENSOR_SOURCE && l &&
           (double)(l->size * l->element_size) >= em->kernels->machine.l2 / 4;
}

// How many elements further the same place of the next turn lies, 0: not to be read ahead.
static int64_t distance_ahead(const Emitter *em, const Tensor *t, const Affine *const *forms) {
    const Kernel *k = em->point.kernel;
    const Layout *l = layout_shared(t);
    for (int d = 0; d < t->rank; d++) {
        int64_t n = affine_coef(forms[d], k->axes[k->ahead].index) * k->ahead_distance;
        if (!n) continue;
        if (d != l->inner || !l->panel) return n * (d == l->inner ? 1 : l->stride[d]);
        return n % l->panel ? 0 : n / l->panel * l->panel_stride;
    }
    return 0;
}

// Scalars once for each body that is written out.
static bool first_of_body(const Emitter *em) {
    for (int j = 0; j < em->point.stage->inner_count; j++)
        if (em->point.axis[em->point.stage->inner[j]].inst) return false;
    return true;
}

static void read_ahead(Emitter *em, const Tensor *t, const Affine *const *forms, Place place) {
    const Kernel *k = em->point.kernel;
    if (!em->point.in_sum || k->ahead < 0 || k->sum_vector_axis >= 0 || em->partial || !is_far(em, t)) return;
    int64_t distance = place.along || first_of_body(em) ? distance_ahead(em, t, forms) : 0;
    place.known += distance;
    if (distance) prefetch(em, &place, 2);
}

void emit_prefetch(Emitter *em, const Tensor *t, const Affine *const *forms) {
    Place place = locate(em, t, forms, true);
    if (!place.lanes && place.along) prefetch(em, &place, 3);
}

Operand emit_pointer(Emitter *em, const Tensor *t, const Affine *const *forms) {
    Place place = locate(em, t, forms, false);
    return pointer(em, &place);
}

static Operand load(Emitter *em, const Place *place) {
    LLVMTypeRef type = place->along ? vector_of(em, place->element) : place->element;
    Operand v = LLVMBuildLoad2(em->builder, type, pointer(em, place), "");
    LLVMSetAlignment(v, (unsigned)place->element_size);
    return v;
}

static Operand every_second(Emitter *em, const Place *place) {
    Operand order[MAX_LANES];
    Place next = *place;
    next.known += em->lanes;
    for (int i = 0; i < em->lanes; i++) order[i] = build_i32(em, 2 * i + place->every - 1);
    Operand a = load(em, place), b = load(em, &next);
    return LLVMBuildShuffleVector(em->builder, a, b, LLVMConstVector(order, (unsigned)em->lanes), "");
}

Operand emit_load(Emitter *em, const Tensor *t, const Affine *const *forms, int count) {
    if (count != t->rank) die("a read of %s with %d subscripts", t->name, count);
    Place place = locate(em, t, forms, true);
    if (place.lanes || (place.along && t->kind == TENSOR_SOURCE && lane_mask(em)))
        return masked(em, &place, lane_mask(em), NULL);
    read_ahead(em, t, forms, place);
    return place.every ? every_second(em, &place) : load(em, &place);
}

static void store_at(Emitter *em, const Place *place, Operand value) {
    Operand mask = em->point.active;
    if (mask && !is_vector(mask) && !place->lanes) {
        Operand old = LLVMBuildLoad2(em->builder, LLVMTypeOf(value), pointer(em, place), "");
        LLVMSetAlignment(old, (unsigned)place->element_size);
        value = build_select(em, mask, value, old);
        mask = NULL;
    } else if (mask)
        mask = build_splat(em, mask);
    if (place->lanes || (place->along && mask))
        masked(em, place, mask, value);
    else
        LLVMSetAlignment(LLVMBuildStore(em->builder, value, pointer(em, place)),
                         (unsigned)place->element_size);
}

void emit_store(Emitter *em, const Tensor *t, const Affine *const *forms, int count, Operand value) {
    if (count != t->rank || !t->layout) die("a store to %s with %d subscripts", t->name, count);
    Parts parts[MAX_RANK];
    for (int d = 0; d < count; d++) {
        parts[d] = take_apart(em, forms[d], NULL);
        if (em->checked) check(em, t, d, forms[d], &parts[d], true);
    }
    if (t->type == TYPE_BOOL) value = build_condition(em, value);
    value = build_convert(em, value, memory_type(em, t));
    for (const Layout *layout = layout_shared(t); layout; layout = layout->twin) {
        Place place = locate_in(em, t, layout, parts);
        Operand v = value;
        if (place.along)
            v = build_splat(em, v);
        else if (is_vector(v))
            v = LLVMBuildExtractElement(em->builder, v, build_i32(em, 0), "");
        store_at(em, &place, v);
    }
}
