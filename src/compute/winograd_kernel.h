/* The parts of the Winograd kernels. For kernels/winograd*.c only.
 *
 * For a block of tiles, each of the 36 points has a matrix (tile, channel): a block is `POINTS`
 * matrices, whose rows are as long as the channels, filled up to whole vectors. */
#ifndef TRAINER_COMPUTE_WINOGRAD_KERNEL_H
#define TRAINER_COMPUTE_WINOGRAD_KERNEL_H

#include "compute/block_products.h"
#include "compute/winograd.h"

#ifdef KERNEL_SUFFIX

enum {
    SIDE = 6, /* of a transformed tile */
    POINTS = SIDE * SIDE,
    TILE = 4,  /* side of a tile of outputs */
    FILTER = 3 /* side of the filter */
};

struct Images { /* the channels of one group */
    element *data;
    int64_t height, width, channels;
    int64_t pixel; /* elements from one pixel to the next */
    /* For images that are read, as in struct ConvInput. */
    const real *scale, *shift;
    bool relu;
};

/* Tiles are counted along rows, then down columns, then over the samples. */
struct Grid {
    int64_t rows, columns; /* tiles of a sample */
};

/* block[point][tile] = Bᵀ d B, where d is the patch of 6×6 pixels whose upper left pixel is
 * (4·tile row − pad_height, 4·tile column − pad_width), normalised if x has a scale. Pixels outside
 * are 0. `zeros`: as many as the channels. */
void KERNEL(winograd__patches)(const struct Images *x, const struct Grid *grid, int64_t pad_height,
                               int64_t pad_width, const element *zeros, const struct Block *block);
/* block[point][tile] = A d Aᵀ, where d is the tile of 4×4 pixels, normalised if x has a scale. */
void KERNEL(winograd__tiles)(const struct Images *x, const struct Grid *grid, const element *zeros,
                             const struct Block *block);
/* The tile of 4×4 pixels = Aᵀ m A + bias (NULL: none), then ReLU. */
void KERNEL(winograd__outputs)(const struct Block *block, const struct Grid *grid, const real *bias,
                               bool relu, const struct Images *y);

/* The weights' transform G g Gᵀ for forward, (in, out) for each point, and for backward data, where
 * the filters are rotated, (out, in). `weights` (out, 3, 3, in); the points' matrices are
 * weights_point elements apart. */
void KERNEL(winograd__filters)(int64_t out, int64_t in, const real *weights, real *prepared);
void KERNEL(winograd__rotated_filters)(int64_t out, int64_t in, const real *weights,
                                       real *prepared);
/* dw (out, 3, 3, in), rotated = Gᵀ m G */
void KERNEL(winograd__filter_gradient)(int64_t out, int64_t in, const real *sums, real *dw);

#endif
#endif
