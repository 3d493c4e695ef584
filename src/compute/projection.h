/* y = M·x for a fixed matrix M and many vectors x, of which each comes out with the same bits
 * whatever stands beside it, which a library's matrix product does not promise: every element of y
 * is summed over the columns of M in one order, by the same instructions. Not collective. */
#ifndef TRAINER_COMPUTE_PROJECTION_H
#define TRAINER_COMPUTE_PROJECTION_H

#include <stdint.h>

#include "base/kernel.h"

struct Projection;

/* Copies the matrix (rows, columns) into the order that the kernel reads. `variant`: one of float.
 * The bits depend on it, not on the threads. */
struct Projection *projection_create(enum Variant variant, int64_t rows, int64_t columns,
                                     const float *matrix);
void projection_release(struct Projection *projection); /* NULL is allowed */

/* y (count, rows) of x (count, columns). The matrix is read once a call: PROJECTION_BLOCK vectors
 * at a time make the most of that. Allocates nothing; uses the run's OpenMP threads. */
#define PROJECTION_BLOCK 48
void projection_apply(const struct Projection *projection, int64_t count, const float *x, float *y);

#endif
