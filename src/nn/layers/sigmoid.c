/* 1 / (1 + exp(−x)); the derivative is y · (1 − y). */
#include "nn/elementwise.h"
#include "nn/vector_math.h"

ELEMENTWISE_ACTIVATION(void, vector_sigmoid(x), y *(1 - y))

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 10);
}

const struct Layer KERNEL(layer_sigmoid) = {
    .kind = {"sigmoid",
             "squashes to (0, 1): saturates and then kills the gradient, is not "
             "zero-centred, and exp costs a little",
             NULL, 0},
    .describe = describe,
    .plan = elementwise_plan,
    .forward = forward,
    .backward = backward,
};
