/* Between projection.c and its kernel. The matrix lies in panels of PROJECTION_PANEL rows, zeros
 * behind the last one; a panel holds, column after column, its rows' elements side by side. */
#ifndef TRAINER_COMPUTE_PROJECTION_KERNEL_H
#define TRAINER_COMPUTE_PROJECTION_KERNEL_H

#include <stdint.h>

#include "base/kernel.h"

#define PROJECTION_PANEL ((int64_t)32)

struct ProjectionKernel {
    /* One panel's `rows` (at most PROJECTION_PANEL) elements of y, whose vectors lie `stride`
     * apart. */
    void (*panel)(int64_t count, int64_t columns, const void *x, const void *panel, int64_t rows,
                  void *y, int64_t stride);
};

#endif
