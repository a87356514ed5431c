// Whether the places of two pieces never meet, against all of them: random forms of three indices each.
#include "ir/algebra.h"
#include "support/check.h"

#include <stdlib.h>

enum { INDICES = 3, MOST_COEF = 8, MOST = 512 };

static int64_t pick(int64_t low, int64_t high) { return low + rand() % (high - low + 1); }

static const Affine *random_form(Program *p, const Index **indices) {
    const Affine *form = affine_constant(p, pick(-MOST_COEF, MOST_COEF));
    for (int i = 0; i < INDICES; i++) {
        int64_t coef = pick(0, 2) ? pick(-MOST_COEF, MOST_COEF) : 0;
        form = affine_add(p, form, affine_scale(p, affine_index(p, indices[i]), coef, 1));
    }
    return form;
}

static void mark(bool *places, const Affine *form, const Index **indices) {
    for (int64_t i = 0; i < indices[0]->size; i++)
        for (int64_t j = 0; j < indices[1]->size; j++)
            for (int64_t k = 0; k < indices[2]->size; k++)
                places[MOST + form->constant + affine_coef(form, indices[0]) * i +
                       affine_coef(form, indices[1]) * j + affine_coef(form, indices[2]) * k] = true;
}

int main(void) {
    Context *ctx = context_create();
    Program *p = program_create(ctx, PRECISION_DEFAULT, 4);
    Tests t = {0};
    int apart = 0, found = 0;
    srand(1);
    for (int round = 0; round < 5000; round++) {
        const Index *indices[INDICES];
        for (int i = 0; i < INDICES; i++) indices[i] = index_add(p, "i", pick(1, 4), false);
        const Affine *a = random_form(p, indices), *b = random_form(p, indices);
        bool in_a[2 * MOST] = {false}, in_b[2 * MOST] = {false}, meet = false;
        mark(in_a, a, indices);
        mark(in_b, b, indices);
        for (int i = 0; i < 2 * MOST; i++) meet |= in_a[i] && in_b[i];
        bool disjoint = forms_disjoint(&a, &b, 1);
        check(&t, !(disjoint && meet), "places that meet are called disjoint");
        apart += !meet;
        found += disjoint;
    }
    check(&t, found * 4 > apart * 3, "most of the disjoint pairs are found");
    context_destroy(ctx);
    return tests_end(&t);
}
