/* x for x > 0, slope · x below. */
#include <stddef.h>

#include "base/vectors.h"
#include "nn/elementwise.h"

struct LeakyOptions {
    double slope;
};

static const struct Key keys[] = {{"slope", KEY_REAL, offsetof(struct LeakyOptions, slope), "0.01",
                                   .minimum = 0, .maximum = 1, .help = "slope below zero"},
                                  KEY_END};

/* Nothing is computed or read conditionally, so that the loops have no branches. */
INLINE real leaky(real slope, real x) {
    real below = x * slope;
    return x < 0 ? below : x;
}
INLINE real leaky_slope(real slope, real y) {
    return y > 0 ? (real)1 : slope;
}

ELEMENTWISE_ACTIVATION(struct LeakyOptions, leaky((real)o->slope, x),
                       leaky_slope((real)o->slope, y))

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 2);
}

const struct Layer KERNEL(layer_leaky_relu) = {
    .kind = {"leaky_relu", "x, or slope · x below zero: as ReLU, and does not die", keys,
             sizeof(struct LeakyOptions)},
    .describe = describe,
    .plan = elementwise_plan,
    .forward = forward,
    .backward = backward,
};
