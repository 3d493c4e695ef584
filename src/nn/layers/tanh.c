/* tanh x; the derivative is 1 − y². */
#include <math.h>

#include "nn/elementwise.h"
#include "nn/vector_math.h"

ELEMENTWISE_ACTIVATION(void, vector_tanh(x), 1 - y * y)

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 10);
}

/* 1 − y² <= 1/20. */
static struct Saturation saturation(const struct Node *node) {
    (void)node;
    return (struct Saturation){-sqrt(0.95), sqrt(0.95)};
}

const struct Layer KERNEL(layer_tanh) = {
    .kind = {"tanh",
             "squashes to (-1, 1): zero-centred, but saturates and then kills the gradient; exp "
             "costs a little",
             NULL, 0},
    .describe = describe,
    .plan = elementwise_plan,
    .forward = forward,
    .backward = backward,
    .saturation = saturation,
};
