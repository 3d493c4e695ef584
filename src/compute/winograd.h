/* 3×3 convolution with stride 1 by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray 2016,
 * "Fast algorithms for convolutional neural networks"): 36 products for 16 outputs instead of 144.
 * The polynomial points are 0, ±3/4, ±3/2 and ∞, which lose fewer digits than the usual 0, ±1, ±2
 * and ∞.
 *
 * It serves 3×3 filters with stride 1, dilation 1, padding 0 to 2 and at least 16 input and output
 * channels in a group. Error in fp32, root mean square over that of the result, for inputs that are
 * normal: 4e-7 to 1e-6 (direct convolution: 1e-7 to 4e-7). The bits of y and dx do not depend on
 * the number of samples. */
#ifndef TRAINER_COMPUTE_WINOGRAD_H
#define TRAINER_COMPUTE_WINOGRAD_H

#include "compute/method.h"

/* The kernels of a variant that is available. */
const struct Method *winograd__method(enum Variant variant);

#endif
