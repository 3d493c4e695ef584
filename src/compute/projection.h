/* y = M·x for a fixed matrix M and many vectors x. The bits of a result do not depend on the other
 * vectors, which a library's matrix product does not promise: every element of y is summed over the
 * columns of M in one order, by the same instructions. Not collective. */
#ifndef TRAINER_COMPUTE_PROJECTION_H
#define TRAINER_COMPUTE_PROJECTION_H

#include <stdint.h>

#include "base/kernel.h"

struct Projection;

/* Copies the matrix (rows, columns), row-major, into the order that the kernel reads. `variant`:
 * one of float. The bits depend on it, but not on the number of threads. */
struct Projection *projection_create(enum Variant variant, int64_t rows, int64_t columns,
                                     const float *matrix);
void projection_release(struct Projection *projection); /* NULL is allowed */

/* Computes y (count, rows) from x (count, columns). Each call reads the matrix once;
 * PROJECTION_BLOCK vectors per call make good use of that. Allocates nothing; uses the run's OpenMP
 * threads. */
#define PROJECTION_BLOCK 48
void projection_apply(const struct Projection *projection, int64_t count, const float *x, float *y);

#endif
