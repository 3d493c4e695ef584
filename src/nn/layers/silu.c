/* x · σ(x), also called swish; with s = σ(x) the derivative is s · (1 + x · (1 − s)). Elfwing et
 * al. 2018; Ramachandran et al. 2017, "Searching for activation functions". */
#include "nn/elementwise.h"
#include "nn/vector_math.h"

INLINE real silu_slope(real x) {
    real s = vector_sigmoid(x);
    return s * (1 + x * (1 - s));
}

ELEMENTWISE_ACTIVATION_OF_INPUT(void, x *vector_sigmoid(x), silu_slope(x))

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 11);
}

const struct Layer KERNEL(layer_silu) = {
    .kind = {"silu",
             "x · sigmoid(x): smooth, does not saturate above zero, a little negative below, so it "
             "seldom dies; exp costs, and the input has to be kept",
             NULL, 0},
    .describe = describe,
    .plan = elementwise_plan_of_input,
    .forward = forward,
    .backward = backward,
};
