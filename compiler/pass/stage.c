// Kernels and stages: an equation rewritten in a kernel's axes; who writes and reads a tensor.
// Needs: equations with at most MAX_AXES indices. Guarantees: equal kernels of different tensors hold the
// same indices.
#include "pass/algebra.h"
#include "pass/schedule.h"

#include <stdio.h>
#include <string.h>

// ---- who writes, who reads --------------------------------------------------------------------------------

Uses uses_create(Arena *arena, const Program *p, const Schedule *s) {
    Uses u = {.arena = arena, .uses = arena_array(arena, Use, p->tensors.count + 1)};
    every (k, s->kernels) uses_add(&u, k);
    return u;
}

void uses_add_stage(Uses *u, Kernel *k, const Stage *s) {
    Use *w = &u->uses[s->equation->tensor->id];
    if (!w->writers.count || w->writers.data[w->writers.count - 1] != k) vec_push(u->arena, &w->writers, k);
    every_read (read, s) {
        Use *use = &u->uses[read->tensor->id];
        if (!use->readers.count || use->readers.data[use->readers.count - 1] != k)
            vec_push(u->arena, &use->readers, k);
    }
}

void uses_add(Uses *u, Kernel *k) {
    every_at (s, k->stages) uses_add_stage(u, k, s);
}

const Stage *kernel_maker(const Kernel *k, const Expr *read) {
    every_at (s, k->stages) {
        const Equation *q = s->equation;
        if (q->tensor == read->tensor && forms_equal(q->out, read->forms, q->out_count)) return s;
    }
    return NULL;
}

// ---- kernels ----------------------------------------------------------------------------------------------

int equation_space(const Equation *q, const Index **indices, int *result_count) {
    int n = *result_count = equation_result_indices(q, indices, MAX_TILE_AXES);
    for (int i = 0; i < q->index_count && n < MAX_SPACE; i++) indices[n++] = q->indices[i];
    return n;
}

// The one index with this number, size and name among all kernels, so that equal stages are equal
// expressions.
static Index *axis_index(Kernels *ks, int axis, const Index *like) {
    char key[64];
    snprintf(key, sizeof key, "%d/%lld/%d/%.32s", axis, (long long)like->size, like->batch, like->name);
    Index *x = map_get(ks->axis_indices, key);
    if (x) return x;
    x = index_add(ks->program, like->name, like->size, like->batch);
    x->axis = (int8_t)axis;
    map_set(ks->axis_indices, string_copy(ks->program->arena, key, strlen(key)), x);
    return x;
}

Kernel *kernel_new(Kernels *ks) {
    Kernel *k = arena_new(ks->program->arena, Kernel);
    k->vector_axis = k->sum_vector_axis = k->ahead = k->owned_axis = k->split_axis = k->loop = k->time =
        k->row_axis = -1;
    return k;
}

int kernel_add_axis(Kernels *ks, Kernel *k, const Index *x, bool tile) {
    int a = k->axis_count++;
    k->axes[a] = (Axis){axis_index(ks, a, x), x->size, tile, x->batch, 1};
    if (tile) k->tile[k->tile_count] = a;
    if (tile) k->order[k->tile_count++] = a;
    return a;
}

Kernel *kernel_create(Kernels *ks, Schedule *s, const Equation *q) {
    Kernel *k = kernel_new(ks);
    const Index *indices[MAX_SPACE];
    int results, n = equation_space(q, indices, &results), map[MAX_SPACE];
    for (int i = 0; i < n; i++) map[i] = kernel_add_axis(ks, k, indices[i], i < results);
    k->id = s->kernels.count;
    vec_push(ks->program->arena, &s->kernels, k);
    kernel_add_stage(ks, k, q, map);
    return k;
}

// The equation without the indices that have one value: there they are 0.
const Equation *equation_trim(Program *p, const Equation *q) {
    const Index *indices[MAX_SPACE];
    int results, n = equation_space(q, indices, &results), ones = 0;
    Binding bindings[MAX_SPACE];
    for (int i = 0; i < n; i++)
        if (indices[i]->size == 1 && !indices[i]->batch)
            bindings[ones++] = (Binding){indices[i], affine_constant(p, 0)};
    if (!ones) return q;
    Equation *r = equation_bind(p, q, q->tensor, bindings, ones);
    if (!r->index_count && reduction_is_position(q->reduction)) r->e = expr_int(p, 0);
    return r;
}

static const Equation *rewrite(Kernels *ks, const Kernel *k, const Equation *q, const Index **from,
                               const int *map, int count) {
    Program *p = ks->program;
    Binding bindings[MAX_SPACE];
    for (int i = 0; i < count; i++) bindings[i] = (Binding){from[i], affine_index(p, k->axes[map[i]].index)};
    return equation_bind(p, q, q->tensor, bindings, count);
}

Kernel *kernel_fill(Kernels *ks, Schedule *s, Tensor *target, Tensor *value) {
    Program *p = ks->program;
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < target->rank; d++)
        forms[d] = affine_index(p, index_add(p, "i", target->dims[d], target->batch_dims >> d & 1));
    const Expr *e = value ? expr_read(p, value, forms, target->origin) : expr_const(p, 0);
    return kernel_create(ks, s, equation_trim(p, equation_map(p, target, forms, e, target->origin)));
}

// The kernel is run for one step of this axis at a time.
void kernel_enter_loop(Kernel *k, int loop) {
    const Equation *q = k->stages.data[0].equation;
    k->loop = loop;
    k->time = equation_time(q)->axis;
    k->stages.data[0].work /= (double)k->axes[k->time].size;
    k->axes[k->time].size = 1;
}

double kernel_runs(const Schedule *s, const Kernel *k) {
    return k->loop < 0 || k->strip ? 1 : (double)s->loops.data[k->loop].size;
}

int loop_end(const Schedule *s, int kernel) {
    int end = kernel + 1, loop = s->kernels.data[kernel]->loop;
    while (loop >= 0 && end < s->kernels.count && s->kernels.data[end]->loop == loop) end++;
    return end;
}

void kernel_add_stage(Kernels *ks, Kernel *k, const Equation *q, const int *axis_of) {
    const Index *indices[MAX_SPACE];
    int results, n = equation_space(q, indices, &results), map[MAX_SPACE];
    for (int i = 0; i < n; i++)
        map[i] = axis_of[i] < 0 ? kernel_add_axis(ks, k, indices[i], false) : axis_of[i];
    Stage s = {.equation = rewrite(ks, k, q, indices, map, n), .work = 1};
    for (int i = 0; i < n; i++) {
        if (map[i] != k->time) s.work *= (double)indices[i]->size;
        if (!k->axes[map[i]].tile) s.inner[s.inner_count++] = map[i];
    }
    s.reads = s.equation->e->reads;
    s.read_count = s.equation->e->read_count;
    vec_push(ks->program->arena, &k->stages, s);
}

void kernel_put_stage(Kernels *ks, Kernel *k, const Equation *q) {
    const Index *indices[MAX_SPACE];
    int results, n = equation_space(q, indices, &results), map[MAX_SPACE];
    for (int i = 0; i < n; i++) map[i] = indices[i]->axis;
    kernel_add_stage(ks, k, q, map);
}

Kernel *kernel_part(Kernels *ks, const Kernel *k, int from, int to) {
    Kernel *part = kernel_new(ks);
    int axis[MAX_AXES];
    for (int a = 0; a < k->axis_count; a++) axis[a] = -1;
    for (int j = 0; j < k->tile_count; j++)
        axis[k->tile[j]] = kernel_add_axis(ks, part, k->axes[k->tile[j]].index, true);
    for (int s = from; s < to; s++) {
        const Stage *st = &k->stages.data[s];
        const Index *indices[MAX_SPACE];
        int results, n = equation_space(st->equation, indices, &results), map[MAX_SPACE];
        for (int i = 0; i < n; i++) {
            int *a = &axis[indices[i]->axis];
            if (*a < 0) *a = kernel_add_axis(ks, part, indices[i], false);
            map[i] = *a;
        }
        kernel_add_stage(ks, part, st->equation, map);
        part->stages.data[s - from].work = st->work;
    }
    return part;
}

void schedule_renew(Kernels *ks, Schedule *s, const KernelList *list) {
    s->kernels.count = 0;
    every (k, *list) {
        k->id = s->kernels.count;
        vec_push(ks->program->arena, &s->kernels, k);
    }
}

// ---- forms ------------------------------------------------------------------------------------------------

bool forms_depend(const Affine *const *forms, int count, int axis) {
    return axis >= 0 && (forms_axes(forms, count) >> axis & 1);
}

// The coefficient of the axis, where the form holds it as an index and in no other way; else 0.
int64_t affine_axis_coef(const Affine *f, int axis) {
    int64_t coef = 0;
    every_term (term, f) {
        if (term->atom->op == OP_INDEX && term->atom->index->axis == axis)
            coef = term->coef;
        else if (term->atom->axes >> axis & 1)
            return 0;
    }
    return f->denominator == 1 ? coef : 0;
}

bool forms_contiguous(const Layout *layout, const Affine *const *forms, int count, int axis) {
    if (axis < 0) return false;
    for (int d = 0; d < count; d++)
        if (forms_depend(&forms[d], 1, axis) && (d != layout->inner || affine_axis_coef(forms[d], axis) != 1))
            return false;
    return true;
}
