// Whether the places of two pieces never meet, against all of them: random forms of three indices each. What
// is seen of quotients.
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

static const Affine *floored(Program *p, const Affine *f, int64_t m) {
    return affine_atom(p, expr_binary(p, OP_FLOOR_DIV, expr_affine(p, f), expr_int(p, m)));
}

// What the verifier must see: remainders of quotients, quotients of what guards bound, from either end.
static void test_proofs(Tests *t, Program *p) {
    const Affine *i = affine_index(p, index_add(p, "i", 9, false)),
                 *j = affine_index(p, index_add(p, "j", 9, false));
    const Affine *k = affine_index(p, index_add(p, "k", 9, false)),
                 *l = affine_index(p, index_add(p, "l", 9, false));
    for (int64_t m = 2; m < 5; m++)
        for (int64_t n = 2; n < 8; n++) {
            const Affine *inner = floored(p, affine_sub(p, i, j), m), *of = k;
            of = affine_add(p, of, affine_scale(p, inner, m, 1));
            const Affine *down = floored(p, of, n);
            Guard rest = {affine_sub(p, of, affine_scale(p, down, n, 1)), n};
            check(t, guards_imply_together(p, NULL, 0, rest), "a remainder of a quotient");
        }
    for (int turn = 0; turn < 4; turn++) {
        const Affine *a = affine_sub(p, i, j), *b = affine_sub(p, k, l);
        const Affine *sum = affine_add(p, affine_scale(p, floored(p, a, 2), 2, 1), floored(p, b, 2));
        Guard known[] = {{a, 4}, {b, 4}};
        if (turn & 1) known[0].form = affine_sub(p, affine_constant(p, 3), a);
        if (turn & 2) known[1].form = affine_sub(p, affine_constant(p, 3), b);
        check(t, guards_imply_together(p, known, 2, (Guard){sum, 4}), "quotients of what is known");
        check(t, !guards_imply_together(p, known, 2, (Guard){sum, 3}), "no more than is known");
        sum = floored(p, affine_add(p, sum, k), 3);
        check(t, guards_imply_together(p, known, 2, (Guard){sum, 4}), "quotients in a quotient");
    }
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
    test_proofs(&t, p);
    context_destroy(ctx);
    return tests_end(&t);
}
