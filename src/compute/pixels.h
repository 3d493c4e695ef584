/* The backward passes of convolutions of images as products of matrices whose rows are the pixels.
 *
 *   dx = dy · W        dW = dyᵀ · x
 *
 * For 1×1 filters with stride 1, pixels are read and written where they lie. For others the pixels
 * of x that one tap of the filter takes to y's are copied, tap by tap; for 1×1 filters the rest
 * becomes 0 in dx. W is copied to panels once a step.
 *
 * Without groups, for channels that are whole vectors, they serve the weights' gradients of all
 * filters, and dx of 1×1 filters without padding. The bits of dx do not depend on the number of
 * samples. */
#ifndef TRAINER_COMPUTE_PIXELS_H
#define TRAINER_COMPUTE_PIXELS_H

#include "compute/method.h"

/* The kernels of a variant that is available; NULL in bf16. */
const struct Method *pixels__method(enum Variant variant, enum Precision precision);

#endif
