/* The gradients of weights that are a matrix: of linear layers, and of 1×1 convolutions with stride
 * 1, whose pixels are rows. dw = dyᵀ · x: sums stay in registers, some output channels times up to
 * four vectors of input channels. A panel of x as wide as they are is copied into the first-level
 * cache while the next one is fetched, and large gradients go past the caches.
 *
 * It serves 1×1 filters with stride 1 and without padding and groups. For the other two passes,
 * whose weights come from memory, the libraries' kernels are as fast. */
#ifndef TRAINER_COMPUTE_PRODUCTS_H
#define TRAINER_COMPUTE_PRODUCTS_H

#include "compute/method.h"

/* The kernels of a variant that is available; NULL in bf16. */
const struct Method *products__method(enum Variant variant, enum Precision precision);

#endif
