// What is said of phrases: kind, phase, draws, the parameters they depend on; and which parameters decide
// something when compiling (rule 15).
// Guarantees: it depends on the parts, slots and definitions of a phrase alone, and only grows when these do,
// so that it can be said again where definitions need each other in a circle.
#include "bind/scope.h"

#include <string.h>

// ---- joining ----

static uint8_t kind_join(uint8_t a, uint8_t b) {
    if (a == b) return a;
    if (a == KIND_WRONG || b == KIND_WRONG) return KIND_WRONG;
    bool tensor = a == KIND_TENSOR || b == KIND_TENSOR || a == KIND_TUPLE || b == KIND_TUPLE;
    if (tensor) return KIND_TENSOR;
    return a == KIND_NUMBER && b == KIND_NUMBER ? KIND_NUMBER : KIND_ANY;
}

static Sort sort_join(Sort a, Sort b) {
    return (Sort){.kind = kind_join(a.kind, b.kind),
                  .phase = a.phase > b.phase ? a.phase : b.phase,
                  .draws = a.draws || b.draws,
                  .parameters = a.parameters | b.parameters};
}

bool sort_is_input(Sort s) {
    return s.kind == KIND_TENSOR || s.kind == KIND_TUPLE || s.kind == KIND_WRONG ||
           (s.kind == KIND_NUMBER && s.phase == PHASE_ROWS);
}

// All that a phrase depends on through its parts; its kind is left to the caller.
static Sort sort_of_parts(const Phrase *p, int from) {
    Sort s = {.kind = KIND_NUMBER};
    for (int i = from; i < p->count; i++) {
        if (!p->part[i]) continue;
        uint8_t kind = s.kind;
        s = sort_join(s, p->part[i]->sort);
        s.kind = kind;
    }
    return s;
}

static uint8_t kind_of_parts(const Phrase *p, int from, int to) {
    uint8_t kind = KIND_NUMBER;
    for (int i = from; i < to && i < p->count; i++)
        if (p->part[i]) kind = kind_join(kind, p->part[i]->sort.kind);
    return kind;
}

// ---- calls ----

// What a definition gives: where it is only being bound, going by its signature.
static uint8_t result_kind(const Definition *d) {
    const Node *results = d->node->results;
    if (results && results->count > 1) return KIND_TUPLE;
    if (results && results->count == 1) return results->items[0]->brackets ? KIND_TENSOR : KIND_NUMBER;
    if (is_layer_define(d->node)) return KIND_TENSOR;
    return d->state == BOUND ? d->result.kind : KIND_ANY;
}

static Sort sort_of_call(const Phrase *p) {
    const Definition *d = p->definition;
    Sort s = {.kind = result_kind(d), .phase = d->result.phase, .draws = false};
    bool mapped = false, any = false;
    for (int i = 0; i < p->count; i++) {
        if (!p->part[i]) continue;
        Sort given = p->part[i]->sort;
        s.draws |= given.draws;
        bool reads = i >= 64 || d->result.parameters >> i & 1 || is_layer_define(d->node);
        if (reads && given.phase > s.phase) s.phase = given.phase;
        s.parameters |= given.parameters;
        bool number = i < d->parameters && !d->node->items[i]->brackets;
        mapped |= number && (given.kind == KIND_TENSOR || given.kind == KIND_TUPLE);
        any |= number && given.kind == KIND_ANY;
    }
    if (is_define(d->node, DEFINE_FN)) s.draws |= d->draws;
    if (is_layer_define(d->node)) s.phase = PHASE_ROWS;
    if (is_define(d->node, DEFINE_WATCH) && s.phase < PHASE_CLOCK) s.phase = PHASE_CLOCK;
    if (s.kind == KIND_NUMBER || s.kind == KIND_ANY) {
        if (mapped) s.kind = KIND_TENSOR;
        if (any && !mapped) s.kind = KIND_ANY;
    }
    return s;
}

// A setting, a layer with a name: what it gives is known where it is given, or by what it is applied to.
static Sort sort_of_applied(const Phrase *p) {
    Sort s = sort_of_parts(p, 0);
    s.kind = p->part[0] && p->part[0]->sort.kind == KIND_CALLABLE ? KIND_TENSOR : KIND_ANY;
    for (int i = 1; i < p->count; i++)
        if (p->part[i] && sort_is_input(p->part[i]->sort)) s.kind = KIND_TENSOR;
    if (s.kind == KIND_TENSOR) s.phase = PHASE_ROWS;
    return s;
}

static Sort sort_of_builtin(const Phrase *p) {
    Sort s = sort_of_parts(p, 0);
    const Builtin *b = p->builtin;
    if (!p->count) {
        s.kind = KIND_CALLABLE;
    } else if (b->group == GROUP_SCALAR) {
        s.kind = kind_of_parts(p, 0, p->count);
    } else if (b->group == GROUP_REDUCTION || string_equal(b->name, "size")) {
        s.kind = KIND_NUMBER;
    } else if (b->group == GROUP_TENSOR || b->group == GROUP_READER || b->group == GROUP_MEASURE) {
        s.kind = KIND_TENSOR;
        s.phase = PHASE_ROWS;
    } else if (b->group == GROUP_RUN && s.phase < PHASE_CLOCK) {
        s.phase = PHASE_CLOCK;
    }
    return s;
}

static Sort sort_of_word(const Phrase *p) {
    Sort s = {.kind = KIND_NUMBER};
    const Builtin *b = p->builtin;
    if (!b || b->group == GROUP_TRAIN) s.phase = PHASE_CLOCK;
    if (b && b->group == GROUP_RUN) s.phase = string_equal(b->name, "training") ? PHASE_ROWS : PHASE_CLOCK;
    if (b && b->group == GROUP_READER) s.kind = KIND_TENSOR, s.phase = PHASE_ROWS;
    return s;
}

// ---- one phrase ----

static Sort sort_of(const Phrase *p) {
    Sort s = sort_of_parts(p, 0);
    switch ((int)p->kind) {
    case PHRASE_TEXT: s.kind = KIND_TEXT; break;
    case PHRASE_LIST: s.kind = KIND_LIST; break;
    case PHRASE_SLOT:
        s = p->slot->sort;
        s.draws = false; // drawn where it is given
        break;
    case PHRASE_DEFINITION:
        s = p->definition->result;
        s.draws = false;
        s.parameters = 0;
        break;
    case PHRASE_WORD: return sort_of_word(p);
    case PHRASE_BINARY:
    case PHRASE_UNARY: s.kind = kind_of_parts(p, 0, p->count); break;
    case PHRASE_IF:
        s.kind = p->part[2] ? kind_join(p->part[0]->sort.kind, p->part[2]->sort.kind) : p->part[0]->sort.kind;
        break;
    case PHRASE_MEMBER: s.kind = p->part[0] ? KIND_TENSOR : KIND_NUMBER; break;
    case PHRASE_READ: {
        bool whole = false;
        for (int i = 1; i < p->count; i++)
            whole |= p->part[i] && (p->part[i]->kind == PHRASE_WHOLE || p->part[i]->kind == PHRASE_DOTS);
        s.kind = whole ? KIND_TENSOR : KIND_NUMBER;
        s.phase = PHASE_ROWS;
        break;
    }
    case PHRASE_APPLY: return p->definition ? sort_of_call(p) : sort_of_applied(p);
    case PHRASE_MAKE:
        s = p->definition ? sort_of_call(p) : s;
        s.kind = KIND_CALLABLE;
        break;
    case PHRASE_PIPE: {
        uint8_t head = p->part[0]->sort.kind, stage = p->part[1] ? p->part[1]->sort.kind : KIND_WRONG;
        s.kind = head == KIND_CALLABLE || head == KIND_ANY || head == KIND_WRONG ? head : KIND_TENSOR;
        if (head == KIND_ANY && stage == KIND_WRONG) s.kind = KIND_WRONG;
        break;
    }
    case PHRASE_REPEAT: s.kind = KIND_CALLABLE; break;
    case PHRASE_BUILTIN: return sort_of_builtin(p);
    case PHRASE_DRAW: s.draws = true, s.phase = PHASE_ROWS; break;
    case PHRASE_GRAD: s.kind = KIND_TENSOR, s.phase = PHASE_ROWS; break;
    case PHRASE_WRONG: s.kind = KIND_WRONG; break;
    case PHRASE_GIVE:
        s.kind = p->node->target->kind == AST_INDEX ? KIND_TENSOR : p->part[p->count - 1]->sort.kind;
        break;
    case PHRASE_NAMED:
    case PHRASE_RESULT:
    case PHRASE_BEGIN: s.kind = p->part[0]->sort.kind; break;
    default: break;
    }
    return s;
}

// ---- what decides ----

// Nothing is decided when compiling by what is known later.
static bool is_known(const Phrase *p) { return p && p->sort.phase == PHASE_KNOWN; }

static uint64_t condition_decides(const Phrase *c) {
    bool parts = (c->kind == PHRASE_BINARY && (c->op == OPERATOR_AND || c->op == OPERATOR_OR)) ||
                 (c->kind == PHRASE_UNARY && c->op == OPERATOR_NOT);
    if (!parts) return is_known(c) ? c->sort.parameters : 0;
    uint64_t all = 0;
    for (int i = 0; i < c->count; i++) all |= c->part[i] ? condition_decides(c->part[i]) : 0;
    return all;
}

static uint64_t parameters_of(const Phrase *p) { return p ? p->sort.parameters : 0; }

static uint64_t phrase_decides(const Phrase *p) {
    uint64_t all = 0;
    switch ((int)p->kind) {
    case PHRASE_DECLARE:
        for (int i = 0; i + 1 < p->count; i++) all |= parameters_of(p->part[i]);
        break;
    case PHRASE_IF: all = condition_decides(p->part[1]); break;
    case PHRASE_REPEAT: all = parameters_of(p->part[0]); break;
    case PHRASE_APPLY:
    case PHRASE_MAKE:
        for (int i = 0; p->definition && i < p->count && i < 64; i++)
            if ((p->definition->decides | p->definition->in_epochs) >> i & 1 && is_known(p->part[i]))
                all |= parameters_of(p->part[i]);
        break;
    case PHRASE_DRAW:
        if (string_equal(p->builtin->name, "integer"))
            all = parameters_of(p->part[0]) | parameters_of(p->part[1]);
        break;
    default: break;
    }
    for (int i = 0; i < p->binders; i++)
        all |= parameters_of(p->binder[i].limit) | parameters_of(p->binder[i].form) |
               parameters_of(p->binder[i].filter);
    return all;
}

// The definition's own parameters that are passed on to a watch as they are.
static uint64_t phrase_in_epochs(const Phrase *p) {
    uint64_t all = 0;
    bool call = (p->kind == PHRASE_APPLY || p->kind == PHRASE_MAKE) && p->definition;
    for (int i = 0; call && i < p->count && i < 64; i++)
        if (p->definition->in_epochs >> i & 1 && p->part[i] && p->part[i]->kind == PHRASE_SLOT &&
            p->part[i]->slot->kind == SLOT_SETTING)
            all |= p->part[i]->sort.parameters;
    return all;
}

// ---- making phrases ----

Phrase *phrase_new(Bind *b, PhraseKind kind, const Node *node, int parts) {
    Phrase *p = arena_new(b->ctx->arena, Phrase);
    p->kind = kind;
    p->op = node->op;
    p->span = node->span;
    p->node = node;
    p->under = b->under;
    p->count = parts;
    p->part = arena_array(b->ctx->arena, Phrase *, parts);
    return p;
}

void phrase_room(Bind *b, Phrase *p, int more) {
    Phrase **parts = arena_array(b->ctx->arena, Phrase *, p->count + more);
    for (int i = 0; i < p->count; i++) parts[i] = p->part[i];
    p->part = parts;
    p->count += more;
}

void phrase_add(Bind *b, Phrase *p, Phrase *part) {
    phrase_room(b, p, 1);
    p->part[p->count - 1] = part;
}

Phrase *phrase_wrong(Bind *b, const Node *node) {
    return phrase_done(b, phrase_new(b, PHRASE_WRONG, node, 0));
}

const Phrase *phrase_find(const Phrase *p, bool (*holds)(const void *of, const Phrase *p), const void *of) {
    if (!p || holds(of, p)) return p;
    const Phrase *found = NULL;
    for (int i = 0; i < p->count && !found; i++) found = phrase_find(p->part[i], holds, of);
    return found;
}

static bool is_dots(const void *reduced, const Phrase *p) {
    (void)reduced;
    return p->kind == PHRASE_DOTS;
}

bool phrase_over_dots(const Phrase *p) {
    bool binds = false, over = false;
    for (int i = 0; i < p->binders; i++) binds |= p->binder[i].kind == BINDER_DOTS;
    if (p->kind == PHRASE_REDUCE && !binds) return phrase_find(p, is_dots, NULL) != NULL;
    for (int i = 0; i < p->count && !binds && !over; i++) over = p->part[i] && phrase_over_dots(p->part[i]);
    return over;
}

bool phrase_measures(const Phrase *p) {
    if (p->kind == PHRASE_BUILTIN) return p->builtin->group == GROUP_MEASURE;
    return (p->kind == PHRASE_APPLY || p->kind == PHRASE_MAKE) && p->definition && p->definition->measures;
}

static void say_of(Definition *d, Phrase *p) {
    p->sort = sort_of(p);
    d->draws |= p->sort.draws;
    d->totals |= p->kind == PHRASE_BUILTIN && p->builtin->group == GROUP_RULE;
    d->measures |= phrase_measures(p);
    d->decides |= phrase_decides(p);
    d->in_epochs |= phrase_in_epochs(p);
}

Phrase *phrase_done(Bind *b, Phrase *p) {
    p->number = b->definition->phrases.count;
    say_of(b->definition, p);
    ((Node *)p->node)->binding = p;
    vec_push(b->ctx->arena, &b->definition->phrases, p);
    return p;
}

void slot_take(Slot *slot, Sort value) {
    if (slot->kind != SLOT_LOCAL && slot->kind != SLOT_RESULT) return;
    bool brackets = slot->kind == SLOT_RESULT && slot->declared->brackets;
    uint8_t kind = brackets ? KIND_TENSOR : slot->given ? slot->sort.kind : value.kind;
    slot->sort = slot->given ? sort_join(slot->sort, value) : value;
    slot->sort.kind = kind;
    slot->given = true;
}

void definition_result(Definition *d) {
    const Phrase *body = d->body, *last = body;
    if (body && body->kind == PHRASE_BLOCK) last = body->count ? body->part[body->count - 1] : NULL;
    bool value = last && (body->kind != PHRASE_BLOCK || last->kind == PHRASE_RESULT);
    Sort s = value ? last->sort : (Sort){.kind = KIND_WRONG};
    if (gives_state(d->node)) s.kind = KIND_NUMBER;
    for (int i = 0, first = 1; i < d->slots.count && !value; i++) {
        const Slot *slot = d->slots.data[i];
        if (slot->kind != SLOT_RESULT) continue;
        s = first ? slot->sort : sort_join(s, slot->sort);
        first = 0;
    }
    d->result = s;
}

// ---- circles ----

static bool say_again(Definition *d) {
    uint64_t decides = d->decides, in_epochs = d->in_epochs, parameters = d->result.parameters;
    uint8_t phase = d->result.phase;
    bool draws = d->draws, measures = d->measures;
    for (int i = 0; i < d->phrases.count; i++) {
        Phrase *p = d->phrases.data[i];
        uint8_t kind = p->sort.kind;
        say_of(d, p);
        p->sort.kind = kind; // what was made of it stands
        if (p->kind == PHRASE_GIVE && p->slot) slot_take(p->slot, p->sort);
    }
    definition_result(d);
    return decides != d->decides || in_epochs != d->in_epochs || parameters != d->result.parameters ||
           phase != d->result.phase || draws != d->draws || measures != d->measures;
}

void definitions_settle(Definition *const *definitions, int count) {
    bool grew = true;
    for (int sweep = 0; grew; sweep++) { // there and back, so that a long row takes two
        grew = false;
        for (int i = 0; i < count; i++) grew |= say_again(definitions[sweep % 2 ? count - 1 - i : i]);
    }
}

// ---- numbers in the order of the text ----

typedef struct {
    Arena *arena;
    uint64_t calls;
    Map *layers; // name -> how many have a number
} Count;

static void number_text(Count *c, const Node *e);

static void number_inside(Count *c, const Node *e) {
    for (int i = 0; i < 3; i++) number_text(c, e->kid[i]);
    for (int i = 0; i < e->count; i++) number_text(c, e->items[i]);
}

// Calls, for the places of draws; layers without a name of their own, those of a pipe with a name by
// themselves.
static void number_text(Count *c, const Node *e) {
    if (!e) return;
    Phrase *p = e->binding;
    c->calls += e->kind == AST_CALL;
    if (p && e->kind == AST_CALL) p->ordinal = c->calls;
    bool pipe = p && p->site && !p->definition;
    if (p && p->site && p->definition && !p->site->named) {
        p->site->number = (int)(intptr_t)map_get(c->layers, p->site->name) + 1;
        map_set(c->layers, p->site->name, (void *)(intptr_t)p->site->number);
    }
    Map *outside = c->layers;
    if (pipe) c->layers = map_create(c->arena);
    number_inside(c, e);
    c->layers = outside;
}

void definition_number(Arena *arena, Definition *d) {
    Count count = {arena, 0, map_create(arena)};
    const Node *n = d->node;
    if (n->kind != AST_DEFINE) {
        number_inside(&count, n);
        return;
    }
    for (int i = 0; i < n->count; i++) number_text(&count, n->items[i]);
    number_text(&count, n->body);
}
