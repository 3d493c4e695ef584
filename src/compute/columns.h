/* The matrix a convolution multiplies with its weights, and sums over pixels. Kernel files only.
 * An output line is one row of pixels of one sample: line = sample · out_height + p. The matrix of
 * some lines has a row a pixel and kernel_height · kernel_width · in_channels/groups columns, in
 * the order of a row of OHWI weights. */
#ifndef TRAINER_COMPUTE_COLUMNS_H
#define TRAINER_COMPUTE_COLUMNS_H

#include "compute/backend.h"

#ifdef KERNEL_SUFFIX

/* columns = the pixels that group `group` reads for output lines [first, first + count) */
void KERNEL(columns_gather)(const struct ConvShape *shape, int64_t group, int64_t first,
                            int64_t count, const real *x, real *columns);
/* The transpose: adds the columns to the pixels of dx they came from. */
void KERNEL(columns_scatter)(const struct ConvShape *shape, int64_t group, int64_t first,
                             int64_t count, const real *columns, real *dx);
/* sum[c] = sum over rows of matrix[row · channels + c] */
void KERNEL(columns_sum)(int64_t rows, int64_t channels, const real *matrix, real *sum);

#endif
#endif
