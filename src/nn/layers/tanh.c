/* tanh x; the derivative is 1 − y². */
#include <math.h>

#include "nn/elementwise.h"

#ifdef KERNEL_DOUBLE
#define TANH tanh
#else
#define TANH tanhf
#endif

ELEMENTWISE_ACTIVATION(void, TANH(x), 1 - y * y)

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 10);
}

const struct Layer KERNEL(layer_tanh) = {
    .kind = {"tanh", "squashes to (-1, 1): zero-centred, but saturates and then kills the gradient",
             NULL, 0},
    .describe = describe,
    .plan = elementwise_plan,
    .forward = forward,
    .backward = backward,
};
