// Windows over rows, window(e, at): what each of a window's rows gives, and the lines of a data block that
// say where windows lie: `stride`, `within`, and a split that keeps groups whole. Guarantees: a field of
// windows has the shape of one row behind the length of the window, is read by nothing else in the block, and
// no part of the data has rows in another part's windows.
#include "shape/look.h"

const Phrase *line_window(const Phrase *line) {
    const Phrase *value = line->part[line->count - 1];
    bool window = value->kind == PHRASE_BUILTIN && string_equal(value->builtin->name, "window");
    return window && value->part[1] ? value : NULL;
}

const Phrase *data_stream(const Definition *data) {
    const Phrase *order = data_setting_phrase(data, "order");
    return order && order->kind != PHRASE_BUILTIN ? order : NULL;
}

const Phrase *line_value(const Phrase *line) {
    const Phrase *window = line_window(line);
    return window ? window->part[0] : line->part[line->count - 1];
}

Shape window_shape(Place at, const Phrase *p) {
    Shaper *s = at.s;
    if (!p->part[1]) return fail_shape(s, WINDOW_AT, p->span, "");
    if (s->line->part[s->line->count - 1] != p) return fail_shape(s, WINDOW_PLACE, p->span, "");
    Shape field = s->field, row = field;
    if (field.rank) row = shape_tensor(s, field.dims + 1, field.rank - 1, (Type)field.type);
    s->field = row;
    Shape v = shape_plain(at, forced(s, shape_first(shape_at(at, p->part[0]))), p->part[0]->span);
    s->field = field;
    if (v.kind == SHAPE_WRONG) return v;
    if (v.kind == SHAPE_TENSOR && (v.rank != row.rank || v.dims != row.dims)) {
        Diagnostic *d = fail(s, WINDOW_SHAPE, p->part[0]->span, extents_text(s->arena, v.dims, v.rank),
                             s->line->slot->name);
        diagnostic_note(s->ctx, d, s->line->node->target->span,
                        "its first dimension is the window's length, the others are those of a row");
        return shape_wrong();
    }
    return field;
}

// ---- the block ----

static const Phrase *first_window(const Phrase *block) {
    const Phrase *found = NULL;
    for (int i = 0; i < block->count && !found; i++)
        if (block->part[i] && block->part[i]->kind == PHRASE_GIVE && block->part[i]->slot)
            found = line_window(block->part[i]);
    return found;
}

static bool is_slot(const void *of, const Phrase *p) { return p->kind == PHRASE_SLOT && p->slot == of; }

// A window's rows stay where they are, so there is no field of its own that another could be made of.
static void look_at_readers(Place at, const Phrase *block, const Slot *window) {
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (!line || line->kind != PHRASE_GIVE || !line->slot || line->slot == window) continue;
        const Phrase *reads = phrase_find(line, is_slot, window);
        if (!reads) continue;
        Diagnostic *d = fail(at.s, WINDOW_READ, reads->span, window->name);
        diagnostic_help(
            at.s->ctx, d,
            "a window takes the expression of a row, `window(column(\"t\") / 10, -8)`; what reads "
            "several rows is a line of the model or of `train`");
        return;
    }
}

bool group_fits(Place at, const Phrase *p) {
    bool column = phrase_is(p, "column"), reads = column || phrase_is(p, "file");
    if (!reads || (column && p->part[1])) return fail_false(at.s, GROUP_NAMES, p->span, "");
    return reads_source(at, p) && arguments_fit(at, p);
}

// A part of its own has its groups from the same column of its file; of arrays nothing says them.
static void look_at_own_parts(Place at, const Phrase *block, const Phrase *within) {
    for (int i = 0; i < block->count; i++) {
        const Phrase *part = block->part[i];
        if (!part || part->kind != PHRASE_PART || phrase_is(within, "column")) continue;
        Diagnostic *d = fail(at.s, WITHIN_PART, part->node->name_span, part->text);
        diagnostic_note(at.s->ctx, d, within->span, "groups are told here, of the block's own rows");
    }
}

// `random` and `folds` divide whole groups, or rows of each class.
static void look_at_whole_groups(Place at, const Phrase *split, const Phrase *within, const Phrase *window) {
    if (phrase_is(split, "ordered")) return;
    const Phrase *stratify = word_argument(split, "stratify"), *group = word_argument(split, "group");
    if (stratify && (group || within)) {
        fail(at.s, STRATIFY_GROUP, stratify->span, "");
    } else if (window && !within) {
        Diagnostic *d = fail(at.s, WINDOW_SPLIT, split->span, split->builtin->name);
        diagnostic_note(at.s->ctx, d, window->span, "a window stands here");
        diagnostic_help(at.s->ctx, d,
                        "say `split = ordered(test = 20%%)`: the last rows are held out; or `within = "
                        "column(\"station\")`: whole groups are");
    }
}

void look_at_windows(Place at, const Phrase *block) {
    Shaper *s = at.s;
    const Phrase *split = data_setting_phrase(at.c->define, "split"),
                 *stride = data_setting_phrase(at.c->define, "stride"),
                 *within = data_setting_phrase(at.c->define, "within"), *window = first_window(block);
    for (int i = 0; i + 1 < block->count; i++) {
        const Phrase *line = block->part[i];
        if (!line || line->kind != PHRASE_GIVE || !line->slot || !line_window(line)) continue;
        look_at_readers(at, block, line->slot);
    }
    bool text = string_equal(s->source->builtin->name, "text");
    if (stride && !window && !text) fail(s, STRIDE_ROWS, stride->span, "");
    if (within && group_fits(at, within)) look_at_own_parts(at, block, within);
    if (within && !window && !split) fail(s, WITHIN_NOTHING, within->span, "");
    if (split) look_at_whole_groups(at, split, within, window);
}
