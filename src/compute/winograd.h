/* 3×3 convolution with stride 1 by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray 2016,
 * "Fast algorithms for convolutional neural networks"): 36 products for 16 outputs instead of 144.
 * The polynomial points are 0, ±3/4, ±3/2 and ∞, which lose fewer digits than the usual 0, ±1, ±2
 * and ∞.
 *
 * It serves 3×3 filters with stride 1, dilation 1, padding 0 to 2 and at least 16 input and output
 * channels in a group. The bits of y and dx do not depend on the number of samples.
 *
 * Error in fp32, root mean square over that of the result, for normal weights and gradients and a
 * rectified normal input, 128 samples, beside oneDNN's direct convolution:
 *
 *                     forward          backward data    backward weights
 *   16→16, 32×32      4.6e-7, 1.5e-7   5.2e-7, 2.1e-7   2.3e-6, 1.6e-6
 *   64→64, 8×8        7.4e-7, 2.9e-7   8.7e-7, 4.0e-7   9.1e-7, 5.4e-7
 *   128→128, 16×16    9.2e-7, 4.1e-7   1.1e-6, 5.9e-7   9.4e-7, 4.0e-7   (32 samples)
 *
 * The largest error is about ten times that. In bf16 the pixels are converted when they are read
 * and written; all between is fp32, so that no more is lost than by rounding them. */
#ifndef TRAINER_COMPUTE_WINOGRAD_H
#define TRAINER_COMPUTE_WINOGRAD_H

#include "compute/method.h"

/* The kernels of a variant that is available; in bf16 there are none of VARIANT_F64. */
const struct Method *winograd__method(enum Variant variant, enum Precision precision);

#endif
