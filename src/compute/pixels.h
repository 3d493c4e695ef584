/* The backward passes of 1×1 convolutions of images: products of matrices whose rows are the
 * pixels, which are read and written where they lie.
 *
 *   dx = dy · W        dW = dyᵀ · x
 *
 * W is copied to panels once a step. With a stride, the pixels of x that count are copied, and the
 * others become 0 in dx.
 *
 * They serve 1×1 filters without padding and groups whose channels are whole vectors. The bits of
 * dx do not depend on the number of samples. */
#ifndef TRAINER_COMPUTE_PIXELS_H
#define TRAINER_COMPUTE_PIXELS_H

#include "compute/method.h"

/* The kernels of a variant that is available; NULL in bf16. */
const struct Method *pixels__method(enum Variant variant, enum Precision precision);

#endif
