// Programs as text: names, tensors, functions. Expressions and equations are printed by print.c.

#include "ir/tables.h"

bool name_is_plain(const char *name) {
    if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || *name == '_')) return false;
    for (const char *c = name; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_' ||
              *c == '.'))
            return false;
    return true;
}

void name_print(Text *out, const char *name) {
    bool reserved = false; // `sum[n] …` begins a reduction
    for (int i = 1; reduction_word((Reduction)i); i++)
        reserved |= string_equal(name, reduction_word((Reduction)i));
    if (name_is_plain(name) && !reserved)
        text_put(out, name);
    else
        text_add(out, "`%s`", name);
}

void tensor_print(Text *out, const Program *p, const Tensor *t) {
    text_add(out, "%s ", tensor_kind_word(t->kind));
    name_print(out, t->name);
    text_put(out, "[");
    for (int d = 0; d < t->rank; d++) {
        text_put(out, d ? ", " : "");
        bool batch = t->batch_dims >> d & 1;
        text_put(out, batch ? "batch" : "");
        if (!batch || t->dims[d] != p->batch) text_add(out, batch ? " %lld" : "%lld", (long long)t->dims[d]);
    }
    text_put(out, "]");
    if (t->type != TYPE_REAL) text_add(out, " %s", type_word(t->type));
    if (t->bounded) text_add(out, " in %lld..%lld", (long long)t->low, (long long)t->high);
    if (t->trainable) text_put(out, " trainable");
    if (t->given) text_put(out, " given");
    if (t->step) text_add(out, " along %d%s", t->along, t->step < 0 ? " reversed" : "");
    if (t->start != 0) text_add(out, " = %s", string_of_double(p->arena, t->start));
    text_put(out, "\n");
}

static void print_measure(Text *out, const Measure *m) {
    text_put(out, "    measure ");
    name_print(out, m->name);
    text_add(out, " %s of ", measure_word(m->kind));
    name_print(out, m->value->name);
    if (m->output) text_put(out, " into ");
    if (m->output) name_print(out, m->output->name);
    text_put(out, "\n");
}

void function_print(Text *out, const Program *p, const Function *f) {
    (void)p;
    text_add(out, "function %s ", function_kind_word(f->kind));
    name_print(out, f->name);
    if (f->from) text_put(out, " from ");
    if (f->from) name_print(out, f->from->name);
    if (f->training) text_put(out, " training");
    text_put(out, "\n");
    for (int i = 0; i < f->equations.count; i++) {
        equation_print_lines(out, f->equations.data[i], "    ");
        text_put(out, "\n");
    }
    function_print_ends(out, f);
}

void function_print_ends(Text *out, const Function *f) {
    for (int i = 0; i < f->gradients.count; i++) {
        text_put(out, "    ");
        name_print(out, f->gradients.data[i].result->name);
        text_put(out, " = gradient ");
        name_print(out, f->gradients.data[i].of->name);
        text_put(out, " by ");
        name_print(out, f->gradients.data[i].by->name);
        text_put(out, "\n");
    }
    for (int i = 0; i < f->effects.count; i++) {
        text_put(out, "    ");
        name_print(out, f->effects.data[i].target->name);
        text_put(out, " := ");
        name_print(out, f->effects.data[i].value->name);
        text_put(out, "\n");
    }
    for (int i = 0; i < f->outputs.count; i++) {
        text_put(out, "    output ");
        name_print(out, f->outputs.data[i]->name);
        text_put(out, "\n");
    }
    for (int i = 0; i < f->measures.count; i++) print_measure(out, &f->measures.data[i]);
}

static void mark_used(const Function *f, bool *used) {
    for (int i = 0; i < f->equations.count; i++) {
        const Equation *q = f->equations.data[i];
        used[q->tensor->id] = true;
        for (int k = 0; k < q->e->read_count; k++) used[q->e->reads[k]->tensor->id] = true;
    }
    for (int i = 0; i < f->effects.count; i++)
        used[f->effects.data[i].target->id] = used[f->effects.data[i].value->id] = true;
    for (int i = 0; i < f->gradients.count; i++) {
        const GradientRequest *g = &f->gradients.data[i];
        used[g->of->id] = used[g->by->id] = used[g->result->id] = true;
    }
    for (int i = 0; i < f->outputs.count; i++) used[f->outputs.data[i]->id] = true;
    for (int i = 0; i < f->measures.count; i++) used[f->measures.data[i].value->id] = true;
}

// Temporaries that no function speaks of any more are left out.
void program_print(Text *out, const Program *p) {
    bool *used = arena_array(p->arena, bool, p->tensors.count + 1);
    for (int i = 0; i < p->functions.count; i++) mark_used(p->functions.data[i], used);
    text_add(out, "program batch %lld precision %s\n", (long long)p->batch, precision_word(p->precision));
    for (int i = 0; i < p->tensors.count; i++)
        if (used[i] || p->tensors.data[i]->kind != TENSOR_TEMP) tensor_print(out, p, p->tensors.data[i]);
    for (int i = 0; i < p->functions.count; i++) {
        text_put(out, "\n");
        function_print(out, p, p->functions.data[i]);
    }
}
