/* The products of the 36 points: small matrices, most of whose operands are in the second-level
 * cache. Sums stay in registers, ROWS_n rows of n vectors. */
#include "compute/winograd_kernel.h"

/* Rows of a register tile of 1, 2, 3, 4 vectors; they divide ROWS. */
#if defined(__AVX512F__)
enum { ROWS_1 = 12, ROWS_2 = 12, ROWS_3 = 6, ROWS_4 = 6 };
#else
enum { ROWS_1 = 12, ROWS_2 = 6, ROWS_3 = 3, ROWS_4 = 3 };
#endif

/* The compiler adds a single vector well by itself: it takes the factors from memory. */
INLINE lanes add_product(int vectors, lanes sum, real factor, lanes w) {
    if (vectors == 1)
        return sum + factor * w;
    return multiply_add(sum, factor - (lanes){0}, w);
}

INLINE void multiply_tile(int rows, int vectors, int64_t depth, const real *a, int64_t a_row,
                          const real *weights, real *c, int64_t c_row) {
    lanes sum[ROWS][PANEL];
    const real *from[ROWS / 3];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = (lanes){0};
    for (int r = 0; r < rows; r += 3)
        from[r / 3] = a + r * a_row;
    UNROLL
    for (int64_t k = 0; k < depth; k++) {
        lanes w[PANEL];
        for (int v = 0; v < vectors; v++)
            w[v] = ((const lanes *)(const void *)weights)[k * vectors + v];
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++)
                sum[r][v] = add_product(vectors, sum[r][v], from[r / 3][k + r % 3 * a_row], w[v]);
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            ((lanes *)(void *)(c + r * c_row))[v] = sum[r][v];
}

/* Asks for a part of `ahead` during each point. */
INLINE void fetch(const struct Span ahead[2], int64_t point) {
    for (int i = 0; i < 2; i++) {
        int64_t end = ahead[i].bytes * (point + 1) / POINTS;
        for (int64_t at = ahead[i].bytes * point / POINTS; at < end; at += CACHE_LINE)
            __builtin_prefetch(ahead[i].from + at, 0, 2);
    }
}

struct Points { /* what is multiplied for the points [first, end) */
    int64_t first, end;
    const struct Block *a, *c;
    const real *weights; /* a panel of point 0 */
    int64_t matrix;      /* elements from one point's weights to the next's */
    int64_t column;      /* of the panel, in c */
    const struct Span *ahead;
};

INLINE void multiply_points(int rows, int vectors, int64_t depth, int64_t a_row, int64_t c_row,
                            const struct Points *p) {
    for (int64_t point = p->first; point < p->end; point++) {
        const real *from = p->a->data + point * p->a->point;
        const real *weights = p->weights + point * p->matrix;
        real *to = p->c->data + point * p->c->point + p->column;
        fetch(p->ahead, point);
        for (int64_t first = 0; first < p->a->count; first += rows)
            multiply_tile(rows, vectors, depth, from + first * a_row, a_row, weights,
                          to + first * c_row, c_row);
    }
}

static void multiply_panel(int64_t vectors, int64_t depth, const struct Points *p) {
    int64_t a_row = p->a->row, c_row = p->c->row;
    if (vectors == 1 && depth == LANES && a_row == LANES && c_row == LANES)
        multiply_points(ROWS_1, 1, LANES, LANES, LANES, p); /* the compiler knows all sizes */
    else if (vectors == 1)
        multiply_points(ROWS_1, 1, depth, a_row, c_row, p);
#if PANEL == 4
    else if (vectors == 2 && depth == 2 * LANES && a_row == 2 * LANES && c_row == 2 * LANES)
        multiply_points(ROWS_2, 2, 2 * LANES, 2 * LANES, 2 * LANES, p);
    else if (vectors == 2)
        multiply_points(ROWS_2, 2, depth, a_row, c_row, p);
    else if (vectors == 3)
        multiply_points(ROWS_3, 3, depth, a_row, c_row, p);
    else
        multiply_points(ROWS_4, 4, depth, a_row, c_row, p);
#else
    else
        multiply_points(ROWS_2, 2, depth, a_row, c_row, p);
#endif
}

void KERNEL(winograd__multiply)(int64_t first, int64_t end, int64_t depth, int64_t columns,
                                const struct Block *a, const real *weights, const struct Block *c,
                                const struct Span ahead[2]) {
    const struct Span nothing[2] = {{0}};
    int64_t vectors = whole_lanes(columns) / LANES;
    struct Points p = {
        .first = first, .end = end, .a = a, .c = c, .matrix = depth * whole_lanes(columns)};
    if (vectors <= PANEL) {
        p.weights = weights;
        p.ahead = ahead;
        multiply_panel(vectors, depth, &p);
        return;
    }
    for (p.first = first; p.first < end; p.first++)
        for (int64_t v = 0; v < vectors; v += PANEL) {
            p.end = p.first + 1;
            p.column = v * LANES;
            p.weights = weights + p.column * depth;
            p.ahead = v ? nothing : ahead;
            multiply_panel(smaller(vectors - v, PANEL), depth, &p);
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
    UNROLL
    for (int64_t t = 0; t < count; t++) {
        lanes w[PANEL];
        for (int v = 0; v < vectors; v++)
            w[v] = ((const lanes *)(const void *)(b + t * b_row))[v];
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++)
                sum[r][v] = add_product(vectors, sum[r][v], a[t * a_row + r], w[v]);
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

INLINE void accumulate_point(int64_t count, int64_t depth, int64_t columns, const real *a,
                             int64_t a_row, const real *b, int64_t b_row, bool first, real *sums) {
    for (int64_t column = 0; column < columns; column += WIDTH) {
        real *panel = sums + column * depth;
        int64_t vectors = (columns - column + LANES - 1) / LANES;
        if (vectors == 1 && depth == LANES && a_row == LANES && b_row == LANES)
            accumulate_panel(SUMS_1, 1, count, LANES, a, LANES, b + column, LANES, first, panel);
        else if (vectors == 1)
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
        fetch(ahead, point);
        accumulate_point(a->count, depth, columns, a->data + point * a->point, a->row,
                         b->data + point * b->point, b->row, a->first == 0,
                         sums + point * depth * whole_lanes(columns));
    }
}
