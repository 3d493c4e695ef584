/* The register tiles of the strips. For kernels/strips*.c only. */
#ifndef TRAINER_COMPUTE_STRIPS_KERNEL_H
#define TRAINER_COMPUTE_STRIPS_KERNEL_H

#include "compute/registers.h"
#include "compute/strips.h"

#ifdef KERNEL_SUFFIX

/* A strip: outputs c[i · c_pixel + k] = start[k] + Σ_{r,j} a[i · a_pixel + r · a_row + j] ·
 * weights[r · weight_row + j · (vectors · LANES) + k] for i < count, k < channels, r < rows and j <
 * depth; then max(0, c) if `relu`. */
struct Strip {
    int64_t count, rows, depth;
    int64_t a_pixel, a_row, weight_row, c_pixel;
    int vectors;      /* of channels, the last one perhaps not full */
    int64_t channels; /* up to WIDTH */
    const real *start;
    bool relu;
    bool stream; /* c is large, and its lines are written wholly */
};
void KERNEL(strips__multiply)(const struct Strip *strip, const real *a, const real *weights,
                              element *c);
/* After a thread's last strip: other threads then see what went past the caches. */
void KERNEL(strips__finish)(void);

/* A sum over a plane of pixels, for backward weights: sums[j · width + k] += Σ_{p,q} a[p · a_row +
 * q · a_pixel + j] · b[p · b_row + q · b_pixel + k] for j < depth, k < channels; width = vectors ·
 * LANES. */
struct Sum {
    int64_t rows, columns, depth;
    int64_t a_row, a_pixel, b_row, b_pixel;
    int vectors;
    int64_t channels;
};
void KERNEL(strips__accumulate)(const struct Sum *sum, const real *a, const real *b, real *sums);

#endif
#endif
