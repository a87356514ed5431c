// What an object's predict_raw takes: the columns of the source that inputs are made of, each once, as
// numbers or as texts. What is read by number side by side stands in one argument.
//
// A column is text where any reader wants the cells' texts: numbers can be read of them, not the other way.
#include "abi.h"
#include "llvm/interface.h"
#include "shape/shape.h"

#include <string.h>

bool column_texts(const Column *c) {
    static const ColumnKind kinds[] = {COLUMN_TEXT_EQUALS, COLUMN_CARRIED, COLUMN_DATE,   COLUMN_WORDS,
                                       COLUMN_COUNT_WORDS, COLUMN_PIXELS,  COLUMN_SAMPLES};
    bool any = c->is_class || c->groups != NN_GROUPS_NONE;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) any |= c->kind == kinds[i];
    return any;
}

bool column_array(const DataBlock *d, const Column *c) {
    bool one = c->kind == COLUMN_NUMBER || c->kind == COLUMN_TEXT_EQUALS || c->kind == COLUMN_CARRIED ||
               c->kind == COLUMN_DATE;
    return d->source && string_equal(d->source, "jsonl") && c->name_count == 1 && c->elements > 1 && one;
}

static bool raw_wanted(const Column *c) {
    return !c->part && c->for_input && !c->aside && c->kind != COLUMN_CARRIED && c->groups != NN_GROUPS_SPLIT;
}

const char *raw_refused(const Module *m) {
    bool any = false;
    if (!module_outputs(m)) return "nothing is predicted of rows alone";
    every_at (o, m->outputs)
        if (o->tensor && !(o->tensor->batch_dims & 1)) return "a result is of all rows together";
    if (!m->data.source || source_kind(m->data.source) != NN_SOURCE_CELLS)
        return "the source has no columns of cells";
    every_at (c, m->data.columns) {
        if (!raw_wanted(c)) continue;
        any = true;
        if (c->kind == COLUMN_PIXELS || c->kind == COLUMN_SAMPLES)
            return "cells name files, which a call does not read";
        if (c->kind == COLUMN_WORDS || c->kind == COLUMN_COUNT_WORDS)
            return "cells are cut into words, which only trainers do";
    }
    return any ? NULL : "no input is made of a column";
}

bool data_has_windows(const Module *m) {
    every_at (f, m->data.fields)
        if (f->window) return true;
    return false;
}

// ---- the list ---------------------------------------------------------------------------------------------

static void add_named(Interface *h, const Column *c) {
    Arena *arena = h->module->program->arena;
    int64_t count = column_array(&h->module->data, c) ? c->elements : 1;
    for (int k = 0; k < c->name_count; k++) {
        RawColumn *same = NULL;
        every_at (r, h->columns)
            if (string_equal(r->name, c->names[k])) same = r;
        if (!same) {
            vec_push(arena, &h->columns, ((RawColumn){.name = c->names[k], .count = count}));
            same = &h->columns.data[h->columns.count - 1];
        }
        same->count = same->count < count ? count : same->count;
        same->texts |= column_texts(c);
    }
}

// The first number behind `at` where some reader begins or ends; `at` itself: there is none.
static int64_t next_border(const Module *m, int64_t at) {
    int64_t next = at;
    every_at (c, m->data.columns) {
        if (!raw_wanted(c) || c->name_count) continue;
        int64_t borders[] = {c->first, c->last + 1};
        for (int k = 0; k < 2; k++)
            if (borders[k] > at && (next == at || borders[k] < next)) next = borders[k];
    }
    return next;
}

// Numbers with the same readers are one argument.
static void add_numbered(Interface *h) {
    const Module *m = h->module;
    for (int64_t at = -1, end; (end = next_border(m, at)) != at; at = end) {
        bool read = false, texts = false;
        every_at (c, m->data.columns) {
            if (!raw_wanted(c) || c->name_count || c->first > at || c->last < at) continue;
            read = true;
            texts |= column_texts(c);
        }
        RawColumn r = {.first = at, .count = end - at, .texts = texts};
        if (read) vec_push(m->program->arena, &h->columns, r);
    }
}

static bool taken(const Interface *h, const RawColumn *of, const char *name) {
    static const char *const own[] = {"m", "rows", "samples", "double", "char", "int64_t", "NULL"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(name, own[i])) return true;
    for (const RawColumn *r = h->columns.data; r < of; r++) {
        size_t n = strlen(r->parameter);
        if (!strncmp(r->parameter, name, n) && (!name[n] || !strcmp(name + n, "_count"))) return true;
    }
    for (int i = h->fields; i < h->arguments.count; i++)
        if (!strcmp(h->arguments.data[i].parameter, name)) return true;
    return c_keyword(name) || !strcmp(name, h->p);
}

void columns_find(Interface *h) {
    Arena *arena = h->module->program->arena;
    h->no_raw = raw_refused(h->module);
    if (h->no_raw) return;
    every_at (c, h->module->data.columns)
        if (raw_wanted(c)) add_named(h, c);
    add_numbered(h);
    every_at (r, h->columns) {
        r->parameter = r->name        ? c_parameter(arena, r->name)
                       : r->count > 1 ? string_format(arena, "columns_%lld_%lld", (long long)r->first,
                                                      (long long)(r->first + r->count - 1))
                                      : string_format(arena, "column_%lld", (long long)r->first);
        while (taken(h, r, r->parameter)) r->parameter = string_format(arena, "%s_", r->parameter);
    }
}

bool words_of(const Argument *a) { return !a->field && ((const ModelOutput *)a->of)->words >= 0; }
