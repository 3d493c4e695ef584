/* λ · x for x > 0, λα · (e^x − 1) below; the derivative there is y + λα. */
#include <math.h>

#include "nn/elementwise.h"
#include "nn/selu.h"
#include "nn/vector_math.h"

#define SCALE ((real)SELU_SCALE)
#define FLOOR ((real)(SELU_SCALE * SELU_ALPHA))

/* The exponential is not computed conditionally, so that the loop has no branches. */
INLINE real selu_value(real x) {
    real below = FLOOR * vector_expm1(x);
    return x > 0 ? SCALE * x : below;
}

ELEMENTWISE_ACTIVATION(void, selu_value(x), y > 0 ? SCALE : y + FLOOR)

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 10);
}

/* y + λα <= 1/20 of the greatest slope, λα. */
static struct Saturation saturation(const struct Node *node) {
    (void)node;
    return (struct Saturation){-0.95 * SELU_SCALE * SELU_ALPHA, INFINITY};
}

const struct Layer KERNEL(layer_selu) = {
    .kind = {"selu",
             "ELU scaled so that activations keep mean 0 and variance 1 without batch "
             "normalisation: with lecun_normal weights and alpha_dropout; does not die; exp costs",
             NULL, 0},
    .describe = describe,
    .plan = elementwise_plan,
    .forward = forward,
    .backward = backward,
    .saturation = saturation,
};
