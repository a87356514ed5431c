// Chains of two and three layers of the library, with settings, further inputs and sizes of 1, all the way to
// machine code: every pass keeps what it promises, what nnc makes of them builds, and losses, parameters and
// states of two steps agree with the reference interpreter on the equations as they were differentiated,
// before any was simplified; once as nnc makes them, once with code that checks its subscripts. Every part of
// the library must stand in some chain. `chains_test FROM TO` runs more seeds.
#include "pass/passes.h"
#include "programs/random_chain.h"
#include "support/agree.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS = 2, EACH = 30, ONCE_EACH = 210 }; // the first of a chain is each part in turn

// What is compiled, for those who look for the reason of a crash.
static const char *in_hand;

static void crashed(int number) {
    ssize_t written = in_hand ? write(2, in_hand, strlen(in_hand)) : 0;
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

static PipelineOptions options_of(const Way *way) {
    PipelineOptions o = {.path = "chain.nn", .cpu = way->cpu, .verify = true};
    o.compile.precision = way->precision;
    o.compile.precision_given = true;
    return o;
}

static void check_chain(Agreement *a, Pipeline *p, Pipeline *other, const char *text, const Way *way) {
    int before = a->failed;
    in_hand = text;
    agree_text(a, p, other, text, way, true, STEPS, way->precision == PRECISION_DOUBLE ? 1e-8 : 1e-2);
    if (a->failed > before) printf("%s", text);
    in_hand = NULL;
}

typedef struct {
    Agreement a;
    int drawn, refused, empty;
    bool met[512];
} Tally;

// So many seeds with one copy of the library in memory.
static void check_some(Tally *n, uint64_t from, uint64_t to) {
    const Way *way = way_of(from / EACH);
    PipelineOptions options = options_of(way);
    Pipeline *p = pipeline_create(&options), *twin = pipeline_create(&options);
    Context *ctx = context_create();
    ChainParts parts = chain_parts(ctx, library_items(ctx));
    for (n->a.seed = from; n->a.seed < to; n->a.seed++) {
        // What is refused too often is drawn again, with the same first part.
        int length = 2 + (int)((n->a.seed + n->a.seed / (uint64_t)parts.count) % 2);
        Chain chain = random_chain(p, &parts, n->a.seed, length);
        for (uint64_t k = 1; !chain.text && k < 8; k++)
            chain = random_chain(p, &parts, n->a.seed + 1000 * k * (uint64_t)parts.count, length);
        n->drawn += chain.drawn;
        n->refused += chain.refused;
        n->empty += !chain.text;
        for (int i = 0; i < chain.count; i++) n->met[chain.part[i]] = true;
        if (chain.text) check_chain(&n->a, p, twin, chain.text, way);
    }
    context_destroy(ctx);
    pipeline_destroy(p);
    pipeline_destroy(twin);
}

static void check_all_met(Tally *n) {
    Context *ctx = context_create();
    ChainParts parts = chain_parts(ctx, library_items(ctx));
    for (int i = 0; i < parts.count; i++) {
        if (n->met[i]) continue;
        n->a.failed++;
        printf("no chain holds %s%s\n", parts.items[i]->prefix, parts.items[i]->node->name);
    }
    context_destroy(ctx);
}

int main(int count, char **args) {
    static Tally n;
    uint64_t from = count > 1 ? strtoull(args[1], NULL, 10) : 0,
             to = count > 2 ? strtoull(args[2], NULL, 10) : from + 1;
    if (count == 1) to = ONCE_EACH;
    signal(SIGABRT, crashed);
    signal(SIGSEGV, crashed);
    signal(SIGFPE, crashed);
    signal(SIGILL, crashed); // a subscript leaves its bounds
    for (uint64_t at = from; at < to; at += EACH) check_some(&n, at, at + EACH < to ? at + EACH : to);
    if (to - from >= ONCE_EACH) check_all_met(&n);
    printf("%d parts drawn, %d of them refused, %d chains given up\n", n.drawn, n.refused, n.empty);
    printf("%d passed, %d failed\n", n.a.passed, n.a.failed);
    return n.a.failed != 0 || !n.a.passed;
}
