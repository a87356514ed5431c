// What commands, trainers and calls answer, for compiler and runtime.
#ifndef NN_STATUS_H
#define NN_STATUS_H

typedef enum nn_status {
#define STATUS(name, value, text) name = value,
#include "status.def"
#undef STATUS
} nn_status;

#endif
