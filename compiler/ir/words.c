// The words of the intermediate form's text for kinds, types and reductions: printed and read by these lists
// alone.

#include "ir/ir.h"

static const char *const TENSOR_WORDS[] = {
    [TENSOR_SOURCE] = "source",     [TENSOR_INPUT] = "input",     [TENSOR_ROWMAP] = "rowmap",
    [TENSOR_PARAM] = "param",       [TENSOR_STATE] = "state",     [TENSOR_SLOT] = "slot",
    [TENSOR_GRADIENT] = "gradient", [TENSOR_TOTAL] = "total",     [TENSOR_RUN] = "run",
    [TENSOR_CLOCK] = "clock",       [TENSOR_SETTING] = "setting", [TENSOR_TEMP] = "temp",
    [TENSOR_OUTPUT] = "output",     [TENSOR_LATE] = "late",       [TENSOR_TRAINING] = "training"};
static const char *const TYPE_WORDS[] = {"real", "int", "bool", "double"};
static const char *const REDUCTION_WORDS[] = {"", "sum", "prod", "max", "min", "argmax", "argmin", "order"};
static const char *const FUNCTION_WORDS[] = {[FUNCTION_INITIAL] = "initial",
                                             [FUNCTION_STEP] = "step",
                                             [FUNCTION_UPDATE] = "update",
                                             [FUNCTION_EVALUATE] = "evaluate",
                                             [FUNCTION_PREDICT] = "predict",
                                             [FUNCTION_SECOND] = "second",
                                             [FUNCTION_SECOND_STEP] = "second_step",
                                             [FUNCTION_METRICS] = "metrics",
                                             [FUNCTION_EPOCH] = "epoch",
                                             [FUNCTION_STOP] = "stop",
                                             [FUNCTION_PREPARE] = "prepare",
                                             [FUNCTION_PREPARE_TEST] = "prepare_test",
                                             [FUNCTION_PREPARE_VALIDATION] = "prepare_validation",
                                             [FUNCTION_CATCH_UP] = "catch_up",
                                             [FUNCTION_RUN] = "run"};
static const char *const MEASURE_WORDS[] = {"twice", "once", "batches"};
static const char *const PRECISION_WORDS[] = {"default", "strict", "double", "bf16"};

#define WORD(list, i) ((size_t)(i) < sizeof list / sizeof *list ? list[i] : NULL)

const char *tensor_kind_word(TensorKind kind) { return WORD(TENSOR_WORDS, kind); }
const char *type_word(Type type) { return WORD(TYPE_WORDS, type); }
bool reduction_is_position(Reduction r) { return r >= REDUCE_ARGMAX; }
const char *reduction_word(Reduction r) { return WORD(REDUCTION_WORDS, r); }
const char *function_kind_word(FunctionKind kind) { return WORD(FUNCTION_WORDS, kind); }
const char *measure_word(MeasureKind kind) { return WORD(MEASURE_WORDS, kind); }
const char *precision_word(Precision precision) { return WORD(PRECISION_WORDS, precision); }
Precision precision_find(const char *word) {
    for (int i = 0; precision_word((Precision)i); i++)
        if (string_equal(word, precision_word((Precision)i))) return (Precision)i;
    die("`%s` is no precision", word);
}
