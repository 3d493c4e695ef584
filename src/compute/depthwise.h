/* Direct convolution for groups of one input and one output channel. Matrix products are slow
 * there; working on all channels of a pixel at once is fast. For kernel files only. Tensors as in
 * compute/backend.h; `taps` holds the weights as (KH,KW,C), made by KERNEL(depthwise__prepare). */
#ifndef TRAINER_COMPUTE_DEPTHWISE_H
#define TRAINER_COMPUTE_DEPTHWISE_H

#include "compute/backend.h"

#ifdef KERNEL_SUFFIX

/* Whether this convolution is of that kind. */
bool KERNEL(depthwise__serves)(const struct ConvShape *shape);
/* Bytes of `scratch` for backward weights. */
size_t KERNEL(depthwise__scratch_bytes)(const struct ConvShape *shape);
void KERNEL(depthwise__prepare)(const struct ConvShape *shape, const real *weights, real *taps);
void KERNEL(depthwise__forward)(const struct ConvShape *shape, int64_t samples, const real *x,
                                const real *taps, const real *bias, real *y);
void KERNEL(depthwise__backward_data)(const struct ConvShape *shape, int64_t samples,
                                      const real *dy, const real *taps, real *dx);
void KERNEL(depthwise__backward_weights)(const struct ConvShape *shape, int64_t samples,
                                         const real *x, const real *dy, real *dw, real *scratch);

#endif
#endif
