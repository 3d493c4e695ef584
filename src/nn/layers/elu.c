/* x for x > 0, α · (e^x − 1) below; the derivative there is y + α. Clevert et al. 2015, "Fast and
 * accurate deep network learning by exponential linear units". */
#include <math.h>
#include <stddef.h>

#include "nn/elementwise.h"
#include "nn/vector_math.h"

struct EluOptions {
    double alpha;
};

static const struct Key keys[] = {{"alpha", KEY_REAL, offsetof(struct EluOptions, alpha), "1",
                                   .minimum = 0, .maximum = 1e3,
                                   .help = "minus the value that large negative inputs tend to"},
                                  KEY_END};

/* Nothing is computed or read conditionally, so that the loops have no branches. */
INLINE real elu_value(real alpha, real x) {
    real below = alpha * vector_expm1(x);
    return x > 0 ? x : below;
}
INLINE real elu_slope(real alpha, real y) {
    real below = y + alpha;
    return y > 0 ? (real)1 : below;
}

ELEMENTWISE_ACTIVATION(struct EluOptions, elu_value((real)o->alpha, x),
                       elu_slope((real)o->alpha, y))

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 10);
}

/* y + α <= 1/20 of the greatest slope: that above zero, 1, or just below, α. */
static struct Saturation saturation(const struct Node *node) {
    double alpha = ((const struct EluOptions *)node->options)->alpha;
    return (struct Saturation){fmin(0.05 * fmax(1, alpha) - alpha, 0), INFINITY};
}

const struct Layer KERNEL(layer_elu) = {
    .kind = {"elu",
             "x, or alpha · (exp(x) - 1) below zero: all benefits of ReLU, mean outputs nearer to "
             "zero, does not die; below zero it saturates, and exp costs time",
             keys, sizeof(struct EluOptions)},
    .describe = describe,
    .plan = elementwise_plan,
    .forward = forward,
    .backward = backward,
    .saturation = saturation,
};
