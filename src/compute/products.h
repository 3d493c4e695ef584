/* Products of matrices: linear layers, and 1×1 convolutions with stride 1, whose pixels are rows.
 *
 *   y = x · Wᵀ [+ bias], then ReLU        dx = dy · W        dW = dyᵀ · x
 *
 * Sums stay in registers: some rows times up to four vectors of columns. The rows are packed so
 * that one part of the depth of them stays in a second-level cache; the columns are copied,
 * transposed if need be, into panels for the first-level cache while the next ones are fetched.
 * Weights that stay the same are packed once, when they are prepared. Large gradients go past the
 * caches.
 *
 * They serve 1×1 filters with stride 1 and without padding and groups. */
#ifndef TRAINER_COMPUTE_PRODUCTS_H
#define TRAINER_COMPUTE_PRODUCTS_H

#include "compute/method.h"

/* The kernels of a variant that is available; NULL in bf16. */
const struct Method *products__method(enum Variant variant, enum Precision precision);

#endif
