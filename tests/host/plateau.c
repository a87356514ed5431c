// The rate of plateau.nn falls after two epochs whose value is no better than the best before, and only then.
#include "plateau.h"

#include <stdio.h>

// How far a step takes the weight, from the same place each time; the step is taken back.
static float step(plateau *m) {
    const float x[2] = {1, 1}, y[1] = {3}, none[2] = {0, 0}, zero[1] = {0};
    float w[2] = {0, 0};
    plateau_set_parameter(m, "net.dense_1.w", none, 2);
    plateau_set_parameter(m, "net.dense_1.b", zero, 1);
    plateau_train_step(m, x, y, 1, NULL);
    plateau_get_parameter(m, "net.dense_1.w", w, 2);
    return w[0];
}

int main(void) {
    plateau *m = plateau_create(NULL);
    float first = step(m), last = 0;
    for (int e = 0; e < 6; e++, last = step(m)) plateau_epoch(m, 1.0 - 0.1 * e);
    if (!(first > 0) || last != first) return puts("the rate falls while the value does"), 1;
    for (int e = 0; e < 3; e++) plateau_epoch(m, 1.0);
    last = step(m);
    if (!(last < first / 5 && last > first / 20)) return puts("the rate does not fall on a plateau"), 1;
    plateau_destroy(m);
    return 0;
}
