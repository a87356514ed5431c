// The walk that makes the tree: between run.c and instance.c.
#ifndef NN_TREE_H
#define NN_TREE_H

#include "shape/look.h"

typedef struct Walk Walk;
Walk *walk_create(Shaper *s, Tree *tree);
void walk_model(Walk *w, Case *c, Span span); // a model that the run applies by itself
// The `train` block, with what is applied in it; again for what was looked at since.
void walk_text(Walk *w, Case *c);

#endif
