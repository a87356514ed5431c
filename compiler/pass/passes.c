// The runners of the passes, from their one table.
#include "pass/passes.h"

#include "pass/kernel.h"

#include <string.h>

bool passes_run(Program *p, const char *from, const char *to, PassSeen *seen, void *data) {
    static const struct {
        const char *name;
        void (*run)(Program *, Function *);
    } passes[] = {
#define EQUATION_PASS(name, does, holds) {#name, pass_##name},
#include "pass/passes.def"
    };
    bool on = false;
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        on = on || !strcmp(passes[i].name, from);
        if (!on) continue;
        for (int f = 0; f < p->functions.count; f++) passes[i].run(p, p->functions.data[f]);
        if (seen && !seen(data, passes[i].name)) return false;
        if (!strcmp(passes[i].name, to)) return true;
    }
    die("there are no passes from %s to %s", from, to);
}

Kernels *kernels_run(Program *p, const Machine *machine, const char *to) {
    Kernels *ks = pass_fuse(p, machine);
    bool on = strcmp(to, "fuse") != 0;
#define KERNEL_PASS(name, does, holds)                                                                       \
    if (on) pass_##name(ks);                                                                                 \
    on = on && strcmp(to, #name) != 0;
#include "pass/passes.def"
    return ks;
}
