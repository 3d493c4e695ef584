/* Direct convolution with sums in registers, a strip of neighbouring output pixels times up to four
 * vectors of output channels at a time. Nothing is copied and nothing padded: pixels at a border
 * skip the taps outside, and border columns are strips as well, vertical ones. Backward data with
 * stride s is s² convolutions of dy with stride 1, one for each residue of a pixel's coordinates,
 * whose filters hold every s-th tap.
 *
 * It serves any kernel, stride and padding without dilation and groups; compute/convolution.c says
 * where it is the fastest. The bits of y and dx do not depend on the number of samples. */
#ifndef TRAINER_COMPUTE_STRIPS_H
#define TRAINER_COMPUTE_STRIPS_H

#include "compute/method.h"

/* The kernels of a variant that is available; in bf16 there are none of VARIANT_F64. */
const struct Method *strips__method(enum Variant variant, enum Precision precision);

#endif
