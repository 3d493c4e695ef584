/* 1 / (1 + exp(−x)); the derivative is y · (1 − y). */
#include <math.h>

#include "nn/elementwise.h"
#include "nn/vector_math.h"

ELEMENTWISE_ACTIVATION(void, vector_sigmoid(x), y *(1 - y))

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 10);
}

/* y · (1 − y) <= 1/20 of the greatest slope, 1/4. */
static struct Saturation saturation(const struct Node *node) {
    (void)node;
    return (struct Saturation){0.5 - 0.5 * sqrt(0.95), 0.5 + 0.5 * sqrt(0.95)};
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
    .saturation = saturation,
};
