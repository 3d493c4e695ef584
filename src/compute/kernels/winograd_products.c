/* The products of the 36 points: small matrices, most of whose operands are in the second-level
 * cache. Sums stay in registers, ROWS_n rows of n vectors. */
#include "compute/winograd_kernel.h"

/* Rows of a register tile of 1, 2, 3, 4 vectors; they divide ROWS. */
#if defined(__AVX512F__)
enum { ROWS_1 = 12, ROWS_2 = 12, ROWS_3 = 6, ROWS_4 = 6 };
#else
enum { ROWS_1 = 12, ROWS_2 = 6, ROWS_3 = 3, ROWS_4 = 3 };
#endif

INLINE void multiply_tile(int rows, int vectors, int64_t depth, const real *a, int64_t a_row,
                          const real *weights, real *c, int64_t c_row) {
    lanes sum[ROWS][PANEL];
    const real *from[ROWS / 3];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = (lanes){0};
    for (int r = 0; r < rows; r += 3)
        from[r / 3] = a + r * a_row;
    for (int64_t k = 0; k < depth; k++) {
        lanes w[PANEL];
        for (int v = 0; v < vectors; v++)
            w[v] = ((const lanes *)(const void *)weights)[k * vectors + v];
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++)
                sum[r][v] += from[r / 3][k + r % 3 * a_row] * w[v];
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            ((lanes *)(void *)(c + r * c_row))[v] = sum[r][v];
}

INLINE void multiply_panel(int rows, int vectors, int64_t count, int64_t depth, const real *a,
                           int64_t a_row, const real *weights, real *c, int64_t c_row) {
    for (int64_t first = 0; first < count; first += rows)
        multiply_tile(rows, vectors, depth, a + first * a_row, a_row, weights, c + first * c_row,
                      c_row);
}

static void multiply_point(int64_t count, int64_t depth, int64_t columns, const real *a,
                           int64_t a_row, const real *weights, real *c, int64_t c_row) {
    for (int64_t column = 0; column < columns; column += PANEL * LANES) {
        const real *panel = weights + column * depth;
        int64_t vectors = (columns - column + LANES - 1) / LANES;
        if (vectors == 1)
            multiply_panel(ROWS_1, 1, count, depth, a, a_row, panel, c + column, c_row);
#if PANEL == 4
        else if (vectors == 2)
            multiply_panel(ROWS_2, 2, count, depth, a, a_row, panel, c + column, c_row);
        else if (vectors == 3)
            multiply_panel(ROWS_3, 3, count, depth, a, a_row, panel, c + column, c_row);
        else
            multiply_panel(ROWS_4, 4, count, depth, a, a_row, panel, c + column, c_row);
#else
        else
            multiply_panel(ROWS_2, 2, count, depth, a, a_row, panel, c + column, c_row);
#endif
    }
}

/* Asks for a part of `ahead` during each point. */
static void fetch(const struct Span *span, int64_t point) {
    int64_t share = (span->bytes / CACHE_LINE + POINTS - 1) / POINTS * CACHE_LINE;
    int64_t end = smaller((point + 1) * share, span->bytes);
    for (int64_t i = point * share; i < end; i += CACHE_LINE)
        __builtin_prefetch(span->from + i, 0, 2);
}

void KERNEL(winograd__multiply)(int64_t first, int64_t end, int64_t depth, int64_t columns,
                                const struct Block *a, const real *weights, const struct Block *c,
                                const struct Span ahead[2]) {
    for (int64_t point = first; point < end; point++) {
        fetch(&ahead[0], point);
        fetch(&ahead[1], point);
        multiply_point(a->count, depth, columns, a->data + point * a->point, a->row,
                       weights + point * depth * whole_lanes(columns), c->data + point * c->point,
                       c->row);
    }
}

/* Rows of a register tile of sums, for 1 to 4 vectors. */
#if defined(__AVX512F__)
enum { SUMS_1 = 16, SUMS_2 = 8, SUMS_3 = 8, SUMS_4 = 6, SUMS = 16 };
#else
enum { SUMS_1 = 8, SUMS_2 = 6, SUMS_3 = 3, SUMS_4 = 3, SUMS = 8 };
#endif

INLINE void accumulate_tile(int rows, int vectors, int64_t count, const real *a, int64_t a_row,
                            const real *b, int64_t b_row, bool first, real *sums) {
    lanes sum[SUMS][PANEL];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = (lanes){0};
    for (int64_t t = 0; t < count; t++) {
        lanes w[PANEL];
        for (int v = 0; v < vectors; v++)
            w[v] = ((const lanes *)(const void *)(b + t * b_row))[v];
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++)
                sum[r][v] += a[t * a_row + r] * w[v];
    }
    lanes *out = (lanes *)(void *)sums;
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            if (first)
                out[r * vectors + v] = sum[r][v];
            else
                out[r * vectors + v] += sum[r][v];
}

INLINE void accumulate_panel(int rows, int vectors, int64_t count, int64_t depth, const real *a,
                             int64_t a_row, const real *b, int64_t b_row, bool first, real *sums) {
    int64_t k = 0, width = vectors * LANES;
    for (; k + rows <= depth; k += rows)
        accumulate_tile(rows, vectors, count, a + k, a_row, b, b_row, first, sums + k * width);
    for (; k + 4 <= depth; k += 4)
        accumulate_tile(4, vectors, count, a + k, a_row, b, b_row, first, sums + k * width);
    for (; k < depth; k++)
        accumulate_tile(1, vectors, count, a + k, a_row, b, b_row, first, sums + k * width);
}

static void accumulate_point(int64_t count, int64_t depth, int64_t columns, const real *a,
                             int64_t a_row, const real *b, int64_t b_row, bool first, real *sums) {
    for (int64_t column = 0; column < columns; column += PANEL * LANES) {
        real *panel = sums + column * depth;
        int64_t vectors = (columns - column + LANES - 1) / LANES;
        if (vectors == 1)
            accumulate_panel(SUMS_1, 1, count, depth, a, a_row, b + column, b_row, first, panel);
#if PANEL == 4
        else if (vectors == 2)
            accumulate_panel(SUMS_2, 2, count, depth, a, a_row, b + column, b_row, first, panel);
        else if (vectors == 3)
            accumulate_panel(SUMS_3, 3, count, depth, a, a_row, b + column, b_row, first, panel);
        else
            accumulate_panel(SUMS_4, 4, count, depth, a, a_row, b + column, b_row, first, panel);
#else
        else
            accumulate_panel(SUMS_2, 2, count, depth, a, a_row, b + column, b_row, first, panel);
#endif
    }
}

void KERNEL(winograd__accumulate)(int64_t first, int64_t end, int64_t depth, int64_t columns,
                                  const struct Block *a, const struct Block *b, real *sums,
                                  const struct Span ahead[2]) {
    for (int64_t point = first; point < end; point++) {
        fetch(&ahead[0], point);
        fetch(&ahead[1], point);
        accumulate_point(a->count, depth, columns, a->data + point * a->point, a->row,
                         b->data + point * b->point, b->row, a->first == 0,
                         sums + point * depth * whole_lanes(columns));
    }
}
