/* max(0, x). A NaN stays a NaN, so that training sees it. */
#include "nn/elementwise.h"

ELEMENTWISE_ACTIVATION(void, x<0 ? 0 : x, y> 0 ? (real)1 : (real)0)

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 1);
}

const struct Layer KERNEL(layer_relu) = {
    .kind = {"relu",
             "max(0, x): does not saturate above zero, costs nothing, converges fast; not "
             "zero-centred, and a unit that is never positive is dead",
             NULL, 0},
    .describe = describe,
    .plan = elementwise_plan,
    .forward = forward,
    .backward = backward,
};
