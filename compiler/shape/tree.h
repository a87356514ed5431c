// The walk that makes the tree: between run.c and instance.c.
#ifndef NN_TREE_H
#define NN_TREE_H

#include "shape/look.h"

typedef struct Walk Walk;
Walk *walk_create(Shaper *s, Tree *tree);
void walk_model(Walk *w, Case *c, Span span); // a model that the run applies by itself
// The `train` block, with what is applied in it; again for what was looked at since.
void walk_text(Walk *w, Case *c);

// ---- select.c: `train` is the block's node ----

bool is_below(const char *name, const char *path); // is it this layer or parameter, or in it?

void select_models(const Tree *tree, const Node *train); // notes which model each parameter is of
bool select_holds(const Node *train, const Phrase *selection, const Declared *d);
// Does it, and each of its parts, name something? False after a message.
bool select_check(Shaper *s, const Tree *tree, const Node *train, const Phrase *selection);
void select_nothing(Shaper *s, const Tree *tree, const Phrase *selection); // the message
void select_start(Shaper *s, Tree *tree, const Node *train, const Phrase *of);

#endif
