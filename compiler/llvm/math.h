// The functions of math.c that rows of ops.def are emitted by; emit.h has those that others use too.
#ifndef NN_MATH_H
#define NN_MATH_H

#include "llvm/emit.h"

Operand build_expm1(Emitter *em, Operand x);
Operand build_log1p(Emitter *em, Operand x);
Operand build_tanh(Emitter *em, Operand x);
Operand build_sigmoid(Emitter *em, Operand x);
Operand build_softplus(Emitter *em, Operand x);
Operand build_sin(Emitter *em, Operand x);
Operand build_erf(Emitter *em, Operand x);
Operand build_erfinv(Emitter *em, Operand x);
Operand build_pow(Emitter *em, Operand x, Operand y);

#endif
