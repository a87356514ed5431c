// Expressions at the point of emission: each is computed once for every value of the axes it depends on (the
// memo).
//
// That one rule gives register tiles, hoisted loads, broadcasts and rows kept in registers. The memo is cut
// where a loop or a branch ends, so an entry always dominates its use.
#include "llvm/emit.h"

// ---- the memo ---------------------------------------------------------------------------------------------

uint64_t point_of(const Emitter *em, uint32_t axes) {
    uint64_t point = 1;
    for (uint32_t rest = axes; rest; rest &= rest - 1) {
        int a = __builtin_ctz(rest);
        const AxisState *s = &em->point.axis[a];
        point = hash_mix(point, ((uint64_t)a << 48) ^ (uint64_t)(s->fixed + s->inst));
        if (s->base) point = hash_mix(point, (uint64_t)(uintptr_t)s->base);
    }
    return point;
}

// Stages that compute in single and in double share nothing but integers.
static uint64_t precision_of(const Emitter *em) {
    return em->point.number == em->f64 ? 0x9e3779b97f4a7c15u : 0;
}

static int bucket_of(const void *what, uint64_t point, int lane) {
    return (int)(hash_mix((uint64_t)(uintptr_t)what + (uint64_t)(lane + 1), point) % MEMO_BUCKETS);
}

Operand memo_find(const Emitter *em, const void *what, uint64_t point, int lane) {
    for (int i = em->buckets[bucket_of(what, point, lane)]; i; i = em->memo.data[i - 1].next) {
        const Memo *m = &em->memo.data[i - 1];
        if (m->what == what && m->point == point && m->lane == lane) return m->value;
    }
    return NULL;
}

void memo_add(Emitter *em, const void *what, uint64_t point, int lane, Operand value) {
    int bucket = bucket_of(what, point, lane);
    Memo m = {.what = what,
              .point = point,
              .lane = lane,
              .bucket = bucket,
              .next = em->buckets[bucket],
              .value = value};
    vec_push(em->arena, &em->memo, m);
    em->buckets[bucket] = em->memo.count;
}

void memo_cut(Emitter *em, int mark) {
    while (em->memo.count > mark) {
        const Memo *m = &em->memo.data[--em->memo.count];
        em->buckets[m->bucket] = m->next;
    }
}

// ---- integers and guards ----------------------------------------------------------------------------------

static Operand index_value(Emitter *em, const Index *index) {
    int axis = index->axis;
    if (axis < 0 || axis >= MAX_AXES) die("index %s has no axis in its kernel", index->name);
    const AxisState *s = &em->point.axis[axis];
    Operand v = build_i32(em, s->fixed + s->inst);
    if (s->base) v = build_add(em, LLVMBuildTrunc(em->builder, s->base, em->i32, ""), v);
    if (axis == em->point.lane) v = build_add(em, build_splat(em, v), build_lane_numbers(em, 1));
    return v;
}

static Operand rows_value(Emitter *em) { return LLVMBuildTrunc(em->builder, em->rows, em->i32, ""); }

Operand emit_row_exists(Emitter *em, const Affine *row) {
    Operand a = emit_integer(em, row), b = rows_value(em);
    build_shapes(em, &a, &b);
    return build_icmp(em, LLVMIntSLT, a, b);
}

static Operand integer_atom(Emitter *em, const Expr *atom) {
    if (atom->op == OP_INDEX) return index_value(em, atom->index);
    return build_convert(em, emit_value(em, atom), em->i32);
}

static Operand sum_of_terms(Emitter *em, const Affine *form, int64_t constant) {
    Operand sum = build_i32(em, constant);
    every_term (term, form) {
        Operand x = integer_atom(em, term->atom);
        if (term->coef != 1) x = build_mul(em, x, build_i32(em, term->coef));
        sum = build_add(em, x, sum);
    }
    return sum;
}

static Operand divided(Emitter *em, Operand n, int64_t denominator) {
    Operand args[2] = {n, build_i32(em, denominator)};
    return emit_op(em, OP_FLOOR_DIV, args, 2, TYPE_INT);
}

Operand emit_integer(Emitter *em, const Affine *form) {
    Operand n = sum_of_terms(em, form, form->constant);
    return form->denominator == 1 ? n : divided(em, n, form->denominator);
}

// An integer without a lower limit is below one: constant and count are further than 32 bits reach.
static Operand below(Emitter *em, Guard guard) {
    Operand n = sum_of_terms(em, guard.form, 0);
    Operand limit = build_like(em, n, (double)(guard.count - guard.form->constant));
    return build_icmp(em, LLVMIntSLT, n, limit);
}

Operand emit_guard(Emitter *em, Guard guard) {
    if (guard.form->constant > INT32_MAX && guard.form->denominator == 1) return below(em, guard);
    Operand n = sum_of_terms(em, guard.form, guard.form->constant), whole = NULL;
    if (guard.form->denominator != 1) {
        Operand q = divided(em, n, guard.form->denominator);
        Operand back = build_mul(em, q, build_like(em, q, (double)guard.form->denominator));
        whole = build_icmp(em, LLVMIntEQ, back, n);
        n = q;
    }
    bool large = guard.count > INT32_MAX;
    Operand limit = build_like(em, n, large ? 0 : (double)guard.count);
    Operand inside = build_icmp(em, large ? LLVMIntSGE : LLVMIntULT, n, limit);
    return build_and(em, inside, whole);
}

static Operand guards_hold(Emitter *em, const Expr *e) {
    Operand all = NULL;
    for (int i = 0; i < e->guard_count; i++) all = build_and(em, all, emit_guard(em, e->guards[i]));
    return all ? all : LLVMConstInt(em->i1, 1, 0);
}

// ---- sums and products ------------------------------------------------------------------------------------

static bool is_integer(const Expr *e) { return e->type == TYPE_INT || e->type == TYPE_BOOL; }
static LLVMTypeRef number_type(const Emitter *em, const Expr *e) {
    return is_integer(e) ? em->i32 : em->point.number;
}

static Operand constant(const Emitter *em, LLVMTypeRef type, double value) {
    return type == em->i32 ? build_i32(em, (int64_t)value) : LLVMConstReal(type, value);
}

// As a number of at least the expression's type; constants exactly of the wanted type.
static Operand number(Emitter *em, const Expr *e, LLVMTypeRef type) {
    if (e->op == OP_CONST) return constant(em, type, e->value);
    return build_convert(em, emit_value(em, e), type);
}

static Operand times(Emitter *em, Operand a, Operand b) { return !a ? b : !b ? a : build_mul(em, a, b); }

static Operand power(Emitter *em, Operand x, int k) {
    Operand result = NULL;
    for (; k; k >>= 1) {
        if (k & 1) result = times(em, result, x);
        if (k > 1) x = build_mul(em, x, x);
    }
    return result;
}

static bool divides(const Expr *product) {
    for (int i = 0; i < product->count; i++)
        if (product->exponents[i] < 0) return true;
    return false;
}

// Scalars are multiplied among themselves before they meet vectors.
static Operand product_value(Emitter *em, const Expr *e) {
    LLVMTypeRef type = number_type(em, e);
    Operand above[2] = {NULL, NULL}, below[2] = {NULL, NULL};
    if (e->value != 1) above[0] = constant(em, type, e->value);
    for (int i = 0; i < e->count; i++) {
        Operand x = number(em, e->args[i], type);
        int k = e->exponents[i], v = is_vector(x);
        if (k > 0)
            above[v] = times(em, above[v], power(em, x, k));
        else
            below[v] = times(em, below[v], power(em, x, -k));
    }
    Operand a = times(em, above[0], above[1]), b = times(em, below[0], below[1]);
    if (!a) a = constant(em, type, 1);
    return b ? build_divide(em, a, b) : a;
}

// The factors of a product whose axes lie within `axes` (or not), multiplied.
static Operand part_of_product(Emitter *em, const Expr *e, uint32_t axes, bool within) {
    uint32_t mine = 0;
    for (int i = 0; i < e->count; i++)
        if (((e->args[i]->axes & ~axes) == 0) == within) mine |= e->args[i]->axes;
    const void *what = (const char *)e + (within ? 1 : 2);
    int lane = em->point.lane >= 0 && mine >> em->point.lane & 1 ? em->point.lane : -1;
    uint64_t point = point_of(em, mine) ^ precision_of(em);
    Operand known = memo_find(em, what, point, lane);
    if (known) return known;
    LLVMTypeRef type = number_type(em, e);
    Operand part = within && e->value != 1 ? constant(em, type, e->value) : NULL;
    for (int i = 0; i < e->count; i++)
        if (((e->args[i]->axes & ~axes) == 0) == within)
            part = times(em, part, power(em, number(em, e->args[i], type), e->exponents[i]));
    if (part) memo_add(em, what, point, lane, part);
    return part;
}

void emit_factors(Emitter *em, const Expr *e, Operand *a, Operand *b) {
    *b = NULL;
    if (e->op != OP_PRODUCT || is_integer(e) || divides(e)) {
        *a = emit_value(em, e);
        return;
    }
    if (e->count == 1 && e->exponents[0] == 2 && e->value == 1) {
        *a = *b = number(em, e->args[0], number_type(em, e));
        return;
    }
    *a = part_of_product(em, e, e->args[0]->axes, true);
    *b = part_of_product(em, e, e->args[0]->axes, false);
    if (!*b && e->count == 2 && e->exponents[0] == 1 && e->exponents[1] == 1 && e->value == 1) {
        *a = number(em, e->args[0], number_type(em, e));
        *b = number(em, e->args[1], number_type(em, e));
    }
}

static Operand add_term(Emitter *em, Operand sum, double coef, const Expr *term, LLVMTypeRef type) {
    bool unit = coef == 1 || coef == -1;
    if (unit && term->op == OP_PRODUCT && type != em->i32 && !is_integer(term) && !divides(term)) {
        Operand a, b;
        emit_factors(em, term, &a, &b);
        if (b) return build_fma(em, coef < 0 ? build_neg(em, a) : a, b, sum);
        return coef < 0 ? build_sub(em, sum, a) : build_add(em, sum, a);
    }
    Operand x = number(em, term, type);
    if (coef == 1) return build_add(em, sum, x);
    if (coef == -1) return build_sub(em, sum, x);
    return build_fma(em, constant(em, type, coef), x, sum);
}

static Operand sum_value(Emitter *em, const Expr *e) {
    LLVMTypeRef type = number_type(em, e);
    int first = -1;
    Operand sum = e->value != 0 ? constant(em, type, e->value) : NULL;
    for (int pass = 0; !sum && pass < 2; pass++)
        for (int i = 0; i < e->count && !sum; i++)
            if (pass || (e->coefs[i] == 1 && e->args[i]->op != OP_PRODUCT)) {
                sum = number(em, e->args[i], type);
                if (e->coefs[i] != 1) sum = build_mul(em, constant(em, type, e->coefs[i]), sum);
                first = i;
            }
    for (int i = 0; i < e->count; i++)
        if (i != first) sum = add_term(em, sum, e->coefs[i], e->args[i], type);
    return sum;
}

// ---- reads and all other forms ----------------------------------------------------------------------------

// The value a stage before made at this point, or NULL: a vector only if its lanes are those of the point.
static Operand made_here(Emitter *em, const Equation *maker, uint32_t axes) {
    Point *p = &em->point;
    int vector = p->kernel->vector_axis;
    if (vector >= 0 && !(axes >> vector & 1)) vector = -1;
    if (vector < 0 || vector == p->lane) return memo_find(em, maker, point_of(em, axes), vector);
    AxisState *s = &p->axis[vector];
    int64_t offset = s->inst % em->lanes;
    s->inst -= offset;
    Operand v = memo_find(em, maker, point_of(em, axes), vector);
    s->inst += offset;
    return v && is_vector(v) ? LLVMBuildExtractElement(em->builder, v, build_i32(em, offset), "") : v;
}

// Where the lanes are a sum's own, along an axis that the stage walked, they are put together.
static Operand from_stage(Emitter *em, const Expr *e) {
    const Stage *stage = kernel_maker(em->point.kernel, e);
    uint32_t axes = forms_axes(e->forms, e->guard_count);
    int lane = em->point.lane;
    if (!stage) return NULL;
    const Equation *maker = stage->equation;
    if (lane < 0 || lane == em->point.kernel->vector_axis || !(axes >> lane & 1))
        return made_here(em, maker, axes);
    AxisState *s = &em->point.axis[lane];
    int64_t inst = s->inst, count = em->point.kernel->axes[lane].size - s->fixed - inst;
    Operand all = NULL;
    em->point.lane = -1;
    for (int x = 0; x < em->lanes && x < count; x++) {
        s->inst = inst + x;
        Operand v = made_here(em, maker, axes);
        if (!v) {
            all = NULL;
            break;
        }
        if (!all) all = LLVMConstNull(vector_of(em, LLVMTypeOf(v)));
        all = LLVMBuildInsertElement(em->builder, all, v, build_i32(em, x), "");
    }
    s->inst = inst;
    em->point.lane = lane;
    return all;
}

static Operand read_value(Emitter *em, const Expr *e) {
    Operand v = from_stage(em, e);
    if (!v && em->point.replay) v = late_value(em, e);
    if (!v) v = emit_load(em, e->tensor, e->forms, e->guard_count);
    v = emit_settled(em, e->tensor, e->forms, v);
    return is_real(v) ? build_convert(em, v, em->point.number) : v;
}

// A whole number of a real keeps within the limits that the analysis states, whatever rounding made of them
// and of NaN (which converts to 0).
static Operand within_limits(Emitter *em, const Expr *e, Operand whole) {
    const int64_t exact = 1 << 24;
    int64_t low, high;
    if (!expr_integer_bounds(e, &low, &high) || (low <= 0 && low >= -exact && high >= 0 && high <= exact))
        return whole;
    Operand least = build_like(em, whole, (double)(low < INT32_MIN ? INT32_MIN : low)),
            most = build_like(em, whole, (double)(high > INT32_MAX ? INT32_MAX : high));
    Operand args[2] = {emit_op(em, OP_MAX, (Operand[]){whole, least}, 2, TYPE_INT), most};
    return emit_op(em, OP_MIN, args, 2, TYPE_INT);
}

// A row of the table. Constants beside reals are reals.
static Operand op_value(Emitter *em, const Expr *e) {
    Operand args[3];
    bool reals = false;
    if (e->count > 3) die("an operation with %d operands", e->count);
    for (int i = 0; i < e->count; i++)
        if (e->args[i]->op != OP_CONST) {
            args[i] = emit_value(em, e->args[i]);
            reals |= is_real(args[i]);
        }
    for (int i = 0; i < e->count; i++)
        if (e->args[i]->op == OP_CONST)
            args[i] = constant(em, reals ? em->point.number : number_type(em, e->args[i]), e->args[i]->value);
    Operand v = emit_op(em, (Op)e->op, args, e->count, (Type)e->type);
    return e->op == OP_FLOOR && reals ? within_limits(em, e, v) : v;
}

static Operand fresh_value(Emitter *em, const Expr *e) {
    switch (e->op) {
    case OP_CONST: return constant(em, number_type(em, e), e->value);
    case OP_INDEX: return index_value(em, e->index);
    case OP_AFFINE: return emit_integer(em, e->form);
    case OP_ROWS: return rows_value(em);
    case OP_READ: return read_value(em, e);
    case OP_WHERE:
        return build_select(em, guards_hold(em, e), emit_value(em, e->args[0]), emit_value(em, e->args[1]));
    case OP_DRAW: return emit_draw(em, e->draw);
    case OP_SUM: return sum_value(em, e);
    case OP_PRODUCT: return product_value(em, e);
    default: return op_value(em, e);
    }
}

Operand emit_value(Emitter *em, const Expr *e) {
    if (e->op == OP_CONST) return fresh_value(em, e);
    int lane = em->point.lane >= 0 && e->axes >> em->point.lane & 1 ? em->point.lane : -1;
    uint64_t point = point_of(em, e->axes) ^ precision_of(em);
    Operand v = memo_find(em, e, point, lane);
    if (!v) {
        v = fresh_value(em, e);
        memo_add(em, e, point, lane, v);
    }
    return v;
}

// ---- before a stage's loops -------------------------------------------------------------------------------

static bool computes(const Expr *e) {
    return e->op != OP_CONST && e->op != OP_INDEX && e->op != OP_AFFINE && e->op != OP_ROWS &&
           e->op != OP_READ && e->op != OP_DRAW;
}

static void emit_fixed(Emitter *em, const Expr *e, uint32_t varying, Table *seen) {
    if (table_get(seen, e)) return;
    table_set(em->arena, seen, e, e);
    if (e->axes & varying)
        for (int i = 0; i < e->count; i++) emit_fixed(em, e->args[i], varying, seen);
    else if (computes(e))
        emit_value(em, e);
}

void emit_invariants(Emitter *em, const Stage *stage, const Expr *e) {
    uint32_t varying = 0;
    for (int j = 0; j < stage->inner_count; j++) varying |= 1u << stage->inner[j];
    for (int i = 0; varying && i < em->point.instance_count; i++) {
        Table seen = {0};
        instance_set(em, i);
        emit_fixed(em, e, varying, &seen);
    }
}
