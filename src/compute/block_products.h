/* Products of blocks of rows with small matrices: tiles of Winograd's algorithm, pixels of 1×1
 * convolutions. For kernels/ alone.
 *
 * A block holds one or several matrices, one for each point. A matrix of weights (depth, columns),
 * or of sums, is kept in panels of up to PANEL vectors of columns: the panel that begins at column
 * c lies at element c · depth and holds its rows densely. */
#ifndef TRAINER_COMPUTE_BLOCK_PRODUCTS_H
#define TRAINER_COMPUTE_BLOCK_PRODUCTS_H

#include <string.h>

#include "compute/registers.h"

#ifdef KERNEL_SUFFIX

enum { ROWS = 12 /* rows are multiplied in multiples of this */ };

#define CACHE_LINE 64
enum { LINE = CACHE_LINE / sizeof(real), CROWDED_BYTES = 1024 };

struct Block {
    real *data;
    int64_t first, count;  /* rows, among those of all blocks */
    int64_t row;           /* elements from one row to the next */
    int64_t points, point; /* matrices, and elements from one to the next */
};

/* The rows, filled up to a multiple of ROWS. */
static inline int64_t whole_rows(int64_t count) {
    return (count + ROWS - 1) / ROWS * ROWS;
}

/* Zeros for the rows from `count` up to whole ones, which are multiplied, too. */
static inline void clear_rest(const struct Block *block) {
    int64_t rest = whole_rows(block->count) - block->count;
    for (int64_t i = 0; rest && i < block->points; i++)
        memset(block->data + i * block->point + block->count * block->row, 0,
               (size_t)(rest * block->row) * sizeof(real));
}

/* Elements from one row of a block, with so many columns, to the next: whole vectors, and a line
 * more if the same places of two parts' rows would not fit into the sets of the first-level cache
 * that they share. */
static inline int64_t row_elements(int64_t columns) {
    int64_t row = whole_lanes(columns);
    return row * (int64_t)sizeof(real) % CROWDED_BYTES ? row : row + LINE;
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

/* Memory that will be needed soon. */
struct Span {
    const char *from;
    int64_t bytes;
};

/* Part `index` of `parts`. */
static inline struct Span span_part(struct Span span, int64_t index, int64_t parts) {
    int64_t from = span.bytes * index / parts;
    return (struct Span){span.from + from, span.bytes * (index + 1) / parts - from};
}

/* For the points [first, end): c (rows, columns) = a (rows, depth) · weights (depth, columns), in
 * panels. Meanwhile fetches `ahead`, and if `large`, which says that the second-level cache does
 * not hold all that a block needs, the next panel of weights and the next point's rows. a and c
 * have room for a multiple of ROWS rows; those from a->count on may be overwritten. If the columns
 * are one panel, c may be a. Each row of c has whole vectors. */
void KERNEL(blocks__multiply)(int64_t first, int64_t end, int64_t depth, int64_t columns,
                              bool large, const struct Block *a, const real *weights,
                              const struct Block *c, const struct Span ahead[2]);
/* For these points: sums (depth, columns), in panels, = aᵀ (rows, depth) · b (rows, columns) if
 * the block is the first, else +=; the products of `part` rows are summed before they are added.
 * Each row of b has whole vectors. Meanwhile fetches as above. */
void KERNEL(blocks__accumulate)(int64_t first, int64_t end, int64_t part, int64_t depth,
                                int64_t columns, bool large, const struct Block *a,
                                const struct Block *b, real *sums, const struct Span ahead[2]);

#endif
#endif
