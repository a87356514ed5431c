// The words of the text of kernels: for each structure what stands in its line, one after the other. What is
// 0 (of places and axes: -1) is left out. Printed by kernel_text.c, read by tests/oracle.
#ifndef NN_KERNEL_TEXT_H
#define NN_KERNEL_TEXT_H

#include "pass/schedule.h"

typedef enum { FLAG, INT, PLACE, AXIS, LONG, REAL } FieldKind;
typedef struct {
    const char *word;
    FieldKind kind;
    size_t at;
} Field;
enum { MOST_FIELDS = 19 }; // the last is an end without a word

extern const Field head_fields[MOST_FIELDS], layout_fields[MOST_FIELDS], schedule_fields[MOST_FIELDS],
    kernel_fields[MOST_FIELDS];

#endif
