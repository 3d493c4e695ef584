/* The parts of the Winograd kernels. For kernels/winograd*.c only.
 *
 * For a block of tiles, each of the 36 points has a matrix (tile, channel): a block is `POINTS`
 * matrices, `point` elements apart, whose rows are `row` elements long (the channels, filled up to
 * whole vectors).
 *
 * A matrix of weights (depth, channels) is kept in panels of up to PANEL vectors of columns: the
 * panel that begins at column c lies at element c · depth and holds its rows densely. */
#ifndef TRAINER_COMPUTE_WINOGRAD_KERNEL_H
#define TRAINER_COMPUTE_WINOGRAD_KERNEL_H

#include "compute/registers.h"
#include "compute/winograd.h"

#ifdef KERNEL_SUFFIX

enum {
    SIDE = 6, /* of a transformed tile */
    POINTS = SIDE * SIDE,
    TILE = 4,   /* side of a tile of outputs */
    FILTER = 3, /* side of the filter */
    ROWS = 12   /* tiles are multiplied in multiples of this */
};

#define CACHE_LINE 64
enum { LINE = CACHE_LINE / sizeof(real) };

/* Whether the 36 matrices of weights are more than a second-level cache of 1 to 2 MiB holds. */
static inline bool is_large(int64_t in, int64_t out) {
    return in * out > 128 * 128;
}

/* Elements from one point's matrix, which has so many, to the next one's: a line more, so that the
 * same place of all points does not share a set of the caches. */
static inline int64_t point_elements(int64_t matrix) {
    return matrix + LINE;
}

/* The same for matrices of weights, and of sums. */
static inline int64_t weights_point(int64_t depth, int64_t columns) {
    return point_elements(depth * whole_lanes(columns));
}

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

struct Block {
    real *data;
    int64_t first, count; /* tiles */
    int64_t row, point;
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

/* Memory that will be needed soon. */
struct Span {
    const char *from;
    int64_t bytes;
};

/* For the points [first, end): c (tiles, columns) = a (tiles, depth) · weights (depth, columns), in
 * panels. Meanwhile fetches `ahead`. a and c have room for a multiple of ROWS tiles; those from
 * a->count on may be overwritten. If the columns are one panel, c may be a. */
void KERNEL(winograd__multiply)(int64_t first, int64_t end, int64_t depth, int64_t columns,
                                const struct Block *a, const real *weights, const struct Block *c,
                                const struct Span ahead[2]);
/* For these points: sums (depth, columns), in panels, = aᵀ (tiles, depth) · b (tiles, columns) if
 * the block is the first, else +=; the products of `part` tiles are summed before they are added.
 * Meanwhile fetches `ahead`. */
void KERNEL(winograd__accumulate)(int64_t first, int64_t end, int64_t part, int64_t depth,
                                  int64_t columns, const struct Block *a, const struct Block *b,
                                  real *sums, const struct Span ahead[2]);

#endif
#endif
