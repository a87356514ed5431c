// The commands that read: eval, info.
#include "train/train.h"

#include <stdio.h>
#include <string.h>

int nn_command_predict(nn_context *ctx, const nn_model *m, const nn_options *o) { (void)m; (void)o; return (int)nn_fail(ctx, NN_USAGE, "later"); }
int nn_command_data(nn_context *ctx, const nn_model *m, const nn_options *o) { (void)m; (void)o; return (int)nn_fail(ctx, NN_USAGE, "later"); }
int nn_command_info(nn_context *ctx, const nn_model *m, const nn_options *o) { (void)m; (void)o; return (int)nn_fail(ctx, NN_USAGE, "later"); }
int nn_command_eval(nn_context *ctx, const nn_model *m, const nn_options *o) { (void)m; (void)o; return (int)nn_fail(ctx, NN_USAGE, "later"); }
