// `nnc check --fix`: what messages are certain of, written into the file. Needs a model file that can be
// read. Guarantees: the file is the old or the new one, whole; only what a message says stands at its place
// is replaced, and what remains wrong is in the context.
#include "commands.h"
#include "base/workplace.h"
#include <stdio.h>
#include <string.h>

// By place; of two that overlap the first, until the text is looked at again.
static void collect(const Pipeline *p, const Diagnostic **list, int *count) {
    every (d, p->ctx->diagnostics) {
        if (!d->fix.text || source_of(p->ctx, d->fix.span) != p->source) continue;
        int at = *count;
        while (at > 0 && list[at - 1]->fix.span.start > d->fix.span.start) at--;
        bool free = (at == 0 || list[at - 1]->fix.span.end < d->fix.span.start) &&
                    (at == *count || d->fix.span.end < list[at]->fix.span.start);
        if (!free) continue;
        memmove(list + at + 1, list + at, (size_t)(*count - at) * sizeof *list);
        list[at] = d;
        ++*count;
    }
}

static void tell(const Pipeline *p, const Diagnostic *d, const char *before, int length) {
    int line, column;
    const char *after = d->fix.text;
    source_position(p->ctx, d->fix.span, &line, &column);
    say(stderr, "%s:%d:%d: fixed: ", p->source->name, line, column);
    if (!length)
        say(stderr, "`%s` is added\n", after);
    else if (!*after)
        say(stderr, "`%.*s` is gone\n", length, before);
    else
        say(stderr, "`%.*s` is now `%s`\n", length, before, after);
}

// The text with what is certain in it; NULL: nothing is.
static const char *mended(const Pipeline *p) {
    Text out = {.arena = p->ctx->arena};
    const Diagnostic **list = arena_array(p->ctx->arena, const Diagnostic *, p->ctx->diagnostics.count + 1);
    int count = 0;
    uint32_t at = 0;
    collect(p, list, &count);
    for (int i = 0; i < count; i++) {
        uint32_t from = list[i]->fix.span.start - p->source->base,
                 to = list[i]->fix.span.end - p->source->base;
        tell(p, list[i], p->source->text + from, (int)(to - from));
        text_add(&out, "%.*s%s", (int)(from - at), p->source->text + at, list[i]->fix.text);
        at = to;
    }
    text_put(&out, count ? p->source->text + at : "");
    return count ? text_string(&out) : NULL;
}

void fix_run(Pipeline *p, const Options *options) {
    enum { ROUNDS = 100 }; // what is mended may show what else is wrong
    const char *text = NULL, *next;
    pipeline_check(p);
    for (int i = 0; i < ROUNDS && (next = p->source ? mended(p) : NULL); i++) {
        text = next;
        pipeline_again(p, text, strlen(text));
        pipeline_check(p);
    }
    if (text) file_replace(p->ctx, options->file, text);
}
