// What threads divide.
#include "pass/schedule.h"

void pass_ownership(Kernels *ks) { (void)ks; }
