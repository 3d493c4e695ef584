/* Rows times a panel of columns: TILE rows of up to PANEL vectors of sums in registers. */
#include "compute/products_kernel.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif
#include <string.h>

/* Stores a vector of sums of `columns` columns. */
INLINE void put(const struct Panel *panel, real *to, lanes value, int64_t columns) {
#if defined(__AVX512F__) && !defined(KERNEL_DOUBLE)
    if (panel->stream) {
        _mm512_stream_ps(to, (__m512)value);
        return;
    }
#endif
    if (columns >= LANES) {
        if (panel->add)
            value += *(const lanes *)(const void *)to;
        *(lanes *)(void *)to = value;
        return;
    }
    real part[LANES];
    memcpy(part, &value, sizeof part);
    for (int64_t i = 0; i < columns; i++)
        to[i] = panel->add ? to[i] + part[i] : part[i];
}

/* One row of the panel: its vectors times a factor of each row of the tile. */
INLINE void multiply_step(int vectors, lanes sum[TILE][PANEL], const real *a, const real *data) {
    lanes factor[PANEL];
    UNROLL
    for (int v = 0; v < vectors; v++)
        factor[v] = *(const lanes *)(const void *)(data + v * LANES);
    UNROLL
    for (int i = 0; i < TILE; i++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        sum[i][v] = multiply_add(sum[i][v], a[i] - (lanes){0}, factor[v]);
}

INLINE void multiply_tile(int vectors, struct Panel *panel, const real *a, int64_t rows, real *c) {
    lanes sum[TILE][PANEL];
    const real *data = panel->data;
    int64_t t = 0, step = vectors * LANES;
    UNROLL
    for (int i = 0; i < TILE; i++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        sum[i][v] = (lanes){0};
    for (; t + STRETCH <= panel->depth; t += STRETCH) {
        for (int64_t i = 0; i < panel->asks; i++)
            ask(&panel->ahead);
        UNROLL
        for (int s = 0; s < STRETCH; s++, a += GROUP, data += step)
            multiply_step(vectors, sum, a, data);
    }
    for (; t < panel->depth; t++, a += GROUP, data += step)
        multiply_step(vectors, sum, a, data);
    UNROLL
    for (int i = 0; i < TILE; i++)
        UNROLL
    for (int v = 0; v < vectors; v++)
        if (i < rows)
            put(panel, c + i * panel->c_row + v * LANES, sum[i][v], panel->columns - v * LANES);
}

INLINE void multiply_groups(int vectors, struct Panel *panel, int64_t rows, const real *a,
                            real *c) {
    for (int64_t row = 0; row < rows; row += TILE)
        multiply_tile(vectors, panel, a + row / GROUP * GROUP * panel->depth + row % GROUP,
                      rows - row, c + row * panel->c_row);
}

void KERNEL(products__groups)(struct Panel *panel, int64_t rows, const real *a, real *c) {
    if (panel->vectors == 1)
        multiply_groups(1, panel, rows, a, c);
    else if (panel->vectors == 2)
        multiply_groups(2, panel, rows, a, c);
#if PANEL == 4
    else if (panel->vectors == 3)
        multiply_groups(3, panel, rows, a, c);
    else
        multiply_groups(4, panel, rows, a, c);
#endif
}

void KERNEL(products__finish)(void) {
#if defined(__AVX512F__)
    _mm_sfence();
#endif
}
