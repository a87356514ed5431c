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

const char *name_text(Arena *arena, const char *name) {
    bool reserved = false; // `sum[n] …` begins a reduction
    for (int i = 1; reduction_word((Reduction)i); i++)
        reserved |= string_equal(name, reduction_word((Reduction)i));
    return name_is_plain(name) && !reserved ? name : string_format(arena, "`%s`", name);
}

void tensor_print(Text *out, const Program *p, const Tensor *t) {
    text_add(out, "%s %s[", tensor_kind_word(t->kind), name_text(p->arena, t->name));
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

void function_print(Text *out, const Function *f) {
    text_add(out, "function %s %s", function_kind_word(f->kind), name_text(out->arena, f->name));
    if (f->from) text_add(out, " from %s", name_text(out->arena, f->from->name));
    text_put(out, f->training ? " training\n" : "\n");
    every (q, f->equations) {
        equation_print_lines(out, q, "    ");
        text_put(out, "\n");
    }
    function_print_ends(out, f);
}

static const char *tensor_text(const Text *out, const Tensor *t) { return name_text(out->arena, t->name); }

void function_print_ends(Text *out, const Function *f) {
    every (g, f->gradients)
        text_add(out, "    %s = gradient %s by %s\n", tensor_text(out, g.result), tensor_text(out, g.of),
                 tensor_text(out, g.by));
    every (e, f->effects)
        text_add(out, "    %s := %s\n", tensor_text(out, e.target), tensor_text(out, e.value));
    every (t, f->outputs) text_add(out, "    output %s\n", tensor_text(out, t));
    every_at (m, f->measures) {
        text_add(out, "    measure %s %s of %s", name_text(out->arena, m->name), measure_word(m->kind),
                 tensor_text(out, m->value));
        if (m->output) text_add(out, " into %s", tensor_text(out, m->output));
        text_put(out, "\n");
    }
}

static void mark_used(const Function *f, bool *used) {
    every (q, f->equations) {
        used[q->tensor->id] = true;
        every_read (read, q->e) used[read->tensor->id] = true;
    }
    every (e, f->effects) used[e.target->id] = used[e.value->id] = true;
    every_at (g, f->gradients) used[g->of->id] = used[g->by->id] = used[g->result->id] = true;
    for (int i = 0; i < f->outputs.count; i++) used[f->outputs.data[i]->id] = true;
    for (int i = 0; i < f->measures.count; i++) used[f->measures.data[i].value->id] = true;
}

// Temporaries that no function speaks of any more are left out.
void program_print(Text *out, const Program *p) {
    bool *used = arena_array(p->arena, bool, p->tensors.count + 1);
    every (f, p->functions) mark_used(f, used);
    text_add(out, "program batch %lld precision %s\n", (long long)p->batch, precision_word(p->precision));
    every (t, p->tensors)
        if (used[t->id] || t->kind != TENSOR_TEMP) tensor_print(out, p, t);
    every (f, p->functions) {
        text_put(out, "\n");
        function_print(out, f);
    }
}
