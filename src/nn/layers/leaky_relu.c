/* x for x > 0, slope · x below. */
#include <stddef.h>

#include "nn/elementwise.h"

struct LeakyOptions {
    double slope;
};

static const struct Key keys[] = {{"slope", KEY_REAL, offsetof(struct LeakyOptions, slope), "0.01",
                                   .minimum = 0, .maximum = 1, .help = "of the negative part"},
                                  KEY_END};

ELEMENTWISE_ACTIVATION(struct LeakyOptions,
                       x<0 ? x *(real)o->slope : x, y> 0 ? (real)1 : (real)o->slope)

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
