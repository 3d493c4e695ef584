/* Rows times panels of columns: TILE rows of up to PANEL vectors of sums in registers. */
#include <string.h>

#include "base/stream.h"
#include "compute/products_kernel.h"

/* A panel of the block, and the place of its rows in c. */
struct Panel {
    struct Columns *block;
    const real *data;
    int64_t columns;
    real *c;
};

/* Some sums of a tile. */
static __attribute__((noinline)) void put_part(const struct Columns *block, const vector *sums,
                                               int vectors, int64_t rows, int64_t columns,
                                               real *c) {
    real all[TILE * WIDTH];
    memcpy(all, sums, (size_t)(TILE * vectors) * sizeof(vector));
    for (int64_t i = 0; i < rows; i++, c += block->c_row)
        for (int64_t j = 0; j < columns; j++) {
            real sum = all[i * vectors * LANES + j];
            c[j] = block->add ? c[j] + sum : sum;
        }
}

/* All sums of a tile. */
INLINE void put_whole(const struct Columns *block, vector sum[TILE][PANEL], int vectors, real *c) {
    for (int i = 0; i < TILE; i++, c += block->c_row)
        for (int v = 0; v < vectors; v++) {
            vector *to = (vector *)(void *)(c + v * LANES);
            if (block->stream)
                stream_store(true, c + v * LANES, sum[i][v]);
            else if (block->add)
                *to += sum[i][v];
            else
                *to = sum[i][v];
        }
}

/* One row of the panel: its vectors times a factor of each row of the tile. */
INLINE void multiply_step(int vectors, vector sum[TILE][PANEL], const real *a, const real *data) {
    vector factor[PANEL];
    UNROLL
    for (int v = 0; v < vectors; v++)
        factor[v] = *(const vector *)(const void *)(data + v * LANES);
    UNROLL
    for (int i = 0; i < TILE; i++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        sum[i][v] = multiply_add(sum[i][v], a[i] - (vector){0}, factor[v]);
}

/* Where the next row of a group and of a panel begins. */
struct Operands {
    const real *a, *data;
};

/* Zeros, and added to these the products of the next `rows` rows. */
INLINE void sum_rows(int vectors, struct Columns *block, vector sum[TILE][PANEL],
                     struct Operands *next, int64_t rows) {
    int64_t t = 0, step = vectors * LANES;
    const real *a = next->a, *data = next->data;
    UNROLL
    for (int i = 0; i < TILE; i++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        sum[i][v] = (vector){0};
    for (; t + STRETCH <= rows; t += STRETCH) {
        UNROLL
        for (int i = 0; i < MOST_ASKS; i++)
            if (i < block->asks)
                ask(&block->ahead);
        UNROLL
        for (int s = 0; s < STRETCH; s++, a += GROUP, data += step)
            multiply_step(vectors, sum, a, data);
    }
    for (; t < rows; t++, a += GROUP, data += step)
        multiply_step(vectors, sum, a, data);
    *next = (struct Operands){a, data};
}

/* The sums of the rows before the cut, and of those from it on, are added. */
INLINE void sum_pair(int vectors, struct Columns *block, vector sum[TILE][PANEL],
                     struct Operands *next) {
    vector first[TILE][PANEL];
    sum_rows(vectors, block, sum, next, block->cut);
    for (int i = 0; i < TILE; i++)
        for (int v = 0; v < vectors; v++)
            first[i][v] = sum[i][v];
    sum_rows(vectors, block, sum, next, block->depth - block->cut);
    for (int i = 0; i < TILE; i++)
        for (int v = 0; v < vectors; v++)
            sum[i][v] = first[i][v] + sum[i][v];
}

INLINE void multiply_tile(int vectors, bool pair, const struct Panel *panel, const real *a,
                          int64_t row, int64_t rows) {
    struct Columns *block = panel->block;
    vector sum[TILE][PANEL];
    struct Operands next = {a, panel->data};
    real *c = panel->c + row * block->c_row;
    if (block->add) /* they are far from one another, and needed at the end */
        for (int64_t i = 0; i < TILE && row + i < rows; i++)
            __builtin_prefetch(c + i * block->c_row, 1, 3);
    if (pair)
        sum_pair(vectors, block, sum, &next);
    else
        sum_rows(vectors, block, sum, &next, block->depth);
    if (row + TILE <= rows && panel->columns >= vectors * LANES) {
        put_whole(block, sum, vectors, c);
        return;
    }
    vector part[TILE * PANEL];
    for (int i = 0; i < TILE; i++)
        for (int v = 0; v < vectors; v++)
            part[i * vectors + v] = sum[i][v];
    put_part(block, part, vectors, smaller(TILE, rows - row), panel->columns, c);
}

/* The rows of a group from `row` on. */
INLINE void multiply_group(int vectors, bool pair, const struct Panel *panel, const real *a,
                           int64_t row, int64_t rows) {
    for (int64_t i = 0; i < GROUP && row + i < rows; i += TILE)
        multiply_tile(vectors, pair, panel, a + i, row + i, rows);
}

INLINE void multiply(bool pair, const struct Panel *panel, const real *a, int64_t row,
                     int64_t rows) {
    int64_t vectors = whole_lanes(panel->columns) / LANES;
    if (vectors == 1)
        multiply_group(1, pair, panel, a, row, rows);
    else if (vectors == 2)
        multiply_group(2, pair, panel, a, row, rows);
#if PANEL == 4
    else if (vectors == 3)
        multiply_group(3, pair, panel, a, row, rows);
    else
        multiply_group(4, pair, panel, a, row, rows);
#endif
}

static void multiply_all(const struct Panel *panel, const real *a, int64_t row, int64_t rows) {
    multiply(false, panel, a, row, rows);
}

static void multiply_pair(const struct Panel *panel, const real *a, int64_t row, int64_t rows) {
    multiply(true, panel, a, row, rows);
}

void KERNEL(products__groups)(struct Columns *block, int64_t rows, const real *a, real *c) {
    for (int64_t column = 0; column < block->columns; column += WIDTH) {
        const struct Panel panel = {block, block->data + column * block->depth,
                                    smaller(WIDTH, block->columns - column), c + column};
        for (int64_t row = 0; row < rows; row += GROUP)
            (block->cut ? multiply_pair : multiply_all)(&panel, a + row * block->depth, row, rows);
    }
}

void KERNEL(products__finish)(void) {
    stream_end(true);
}
