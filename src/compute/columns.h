/* The column matrix (im2col), which a convolution multiplies with its weights; and sums over
 * pixels. For kernel files only. An output line is one row of pixels of one sample: row p of sample
 * s is line s · out_height + p. The column matrix of some lines has one row for each pixel, and
 * kernel_height · kernel_width · in_channels/groups columns in the order of a row
 * of OHWI weights. */
#ifndef TRAINER_COMPUTE_COLUMNS_H
#define TRAINER_COMPUTE_COLUMNS_H

#include "compute/backend.h"

#ifdef KERNEL_SUFFIX

/* columns = the inputs of group `group` for output lines [first, first + count) */
void KERNEL(columns__gather)(const struct ConvShape *shape, int64_t group, int64_t first,
                             int64_t count, const real *x, real *columns);
/* The transpose: adds the columns to the pixels of dx that they were gathered from. */
void KERNEL(columns__scatter)(const struct ConvShape *shape, int64_t group, int64_t first,
                              int64_t count, const real *columns, real *dx);
/* sum (channels) = the sum over the rows of matrix (rows, channels) of elements */
void KERNEL(columns__sum)(int64_t rows, int64_t channels, const void *matrix, real *sum);

#endif
#endif
