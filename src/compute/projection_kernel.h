/* The interface between projection.c and its kernel. The matrix is stored in panels of
 * PROJECTION_PANEL rows, with rows of zeros after the last one; a panel is (columns,
 * PROJECTION_PANEL). */
#ifndef TRAINER_COMPUTE_PROJECTION_KERNEL_H
#define TRAINER_COMPUTE_PROJECTION_KERNEL_H

#include <stdint.h>

#include "base/kernel.h"

#define PROJECTION_PANEL ((int64_t)32)

struct ProjectionKernel {
    /* Computes one panel's `rows` (at most PROJECTION_PANEL) elements of each of `count` vectors y,
     * which are `stride` elements apart. */
    void (*panel)(int64_t count, int64_t columns, const void *x, const void *panel, int64_t rows,
                  void *y, int64_t stride);
};

#endif
