/* 1 / (1 + exp(−x)); the derivative is y · (1 − y). */
#include <math.h>

#include "nn/elementwise.h"

#ifdef KERNEL_DOUBLE
#define EXP exp
#else
#define EXP expf
#endif

ELEMENTWISE_ACTIVATION(void, 1 / (1 + EXP(-x)), y *(1 - y))

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 10);
}

const struct Layer KERNEL(layer_sigmoid) = {
    .kind = {"sigmoid",
             "squashes to (0, 1): saturates and then kills the gradient, is not "
             "zero-centred, and exp costs",
             NULL, 0},
    .describe = describe,
    .plan = elementwise_plan,
    .forward = forward,
    .backward = backward,
};
