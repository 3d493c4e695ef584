/* The inner loops of the strips. Sums stay in registers: tiles of up to MOST_n pixels, or rows of
 * sums, times n vectors. */
#include <string.h>

#include "base/stream.h"
#include "compute/strips_kernel.h"

#if defined(__AVX512F__)
enum { MOST_1 = 16, MOST_2 = 12, MOST_3 = 8, MOST_4 = 6, MOST = 16 };
#define STREAMS true /* whether large results go past the caches */
#else
enum { MOST_1 = 8, MOST_2 = 6, MOST = 8 };
#define STREAMS false
#endif

/* Calls `tile(size, vectors, ...)` with constants, so that it is compiled for each size. */
#define CASE(tile, size, most, vectors, ...)                                                       \
    case size:                                                                                     \
        if (size <= (most))                                                                        \
            tile(size, vectors, __VA_ARGS__);                                                      \
        break;
#if defined(__AVX512F__)
#define MORE_CASES(tile, most, vectors, ...)                                                       \
    CASE(tile, 9, most, vectors, __VA_ARGS__)                                                      \
    CASE(tile, 10, most, vectors, __VA_ARGS__)                                                     \
    CASE(tile, 11, most, vectors, __VA_ARGS__)                                                     \
    CASE(tile, 12, most, vectors, __VA_ARGS__)                                                     \
    CASE(tile, 13, most, vectors, __VA_ARGS__)                                                     \
    CASE(tile, 14, most, vectors, __VA_ARGS__)                                                     \
    CASE(tile, 15, most, vectors, __VA_ARGS__)                                                     \
    CASE(tile, 16, most, vectors, __VA_ARGS__)
#else
#define MORE_CASES(tile, most, vectors, ...)
#endif
#define EACH_SIZE(size, tile, most, vectors, ...)                                                  \
    switch (size) {                                                                                \
        CASE(tile, 1, most, vectors, __VA_ARGS__)                                                  \
        CASE(tile, 2, most, vectors, __VA_ARGS__)                                                  \
        CASE(tile, 3, most, vectors, __VA_ARGS__)                                                  \
        CASE(tile, 4, most, vectors, __VA_ARGS__)                                                  \
        CASE(tile, 5, most, vectors, __VA_ARGS__)                                                  \
        CASE(tile, 6, most, vectors, __VA_ARGS__)                                                  \
        CASE(tile, 7, most, vectors, __VA_ARGS__)                                                  \
        CASE(tile, 8, most, vectors, __VA_ARGS__)                                                  \
        MORE_CASES(tile, most, vectors, __VA_ARGS__)                                               \
    }

static vector load(const real *from) {
    return *(const vector *)(const void *)from;
}

static void store(element *to, vector value, int64_t channels) {
    element part[LANES];
    if (channels >= LANES) {
        elements_store(to, value);
        return;
    }
    elements_store(part, value);
    memcpy(to, part, (size_t)channels * sizeof(element));
}

/* Whole vectors of a large result go past the caches: an ordinary store would first fetch their
 * lines, which are not read again before they have left the caches. */
INLINE void put(const struct Strip *s, element *to, vector value, int64_t channels) {
    if (STREAMS && s->stream)
        stream_store(true, to, value);
    else
        store(to, value, channels);
}

INLINE void multiply_tile(int size, int vectors, const struct Strip *s, const real *a,
                          const real *weights, element *c) {
    vector sum[MOST][PANEL];
    for (int v = 0; v < vectors; v++)
        for (int i = 0; i < size; i++)
            sum[i][v] = load(s->start + v * LANES);
    int64_t pixel = s->a_pixel;
    for (int64_t r = 0; r < s->rows; r++) {
        const real *w = weights + r * s->weight_row;
        const real *from[MOST / 3 + 1];
        for (int i = 0; i < size; i += 3)
            from[i / 3] = a + r * s->a_row + i * pixel;
        for (int64_t j = 0; j < s->depth; j++) {
            vector factor[PANEL];
            for (int v = 0; v < vectors; v++)
                factor[v] = load(w + (j * vectors + v) * LANES);
            for (int i = 0; i < size; i++)
                for (int v = 0; v < vectors; v++)
                    sum[i][v] += from[i / 3][j + i % 3 * pixel] * factor[v];
        }
    }
    for (int i = 0; i < size; i++)
        for (int v = 0; v < vectors; v++) {
            vector y = sum[i][v];
            if (s->relu)
                y = (vector)((mask)y & ~(mask)(y < (vector){0}));
            put(s, c + i * s->c_pixel + v * LANES, y, s->channels - v * LANES);
        }
}

INLINE void multiply_strip(int most, int vectors, const struct Strip *s, const real *a,
                           const real *weights, element *c) {
    int64_t tiles = (s->count + most - 1) / most, small = s->count / tiles;
    int64_t larger = s->count - tiles * small; /* tiles of one pixel more */
    for (int64_t i = 0; i < tiles; i++) {
        int64_t size = small + (i < larger);
        EACH_SIZE(size, multiply_tile, most, vectors, s, a, weights, c)
        a += size * s->a_pixel;
        c += size * s->c_pixel;
    }
}

void KERNEL(strips__multiply)(const struct Strip *strip, const real *a, const real *weights,
                              element *c) {
    if (strip->vectors == 1)
        multiply_strip(MOST_1, 1, strip, a, weights, c);
    else if (strip->vectors == 2)
        multiply_strip(MOST_2, 2, strip, a, weights, c);
#if PANEL == 4
    else if (strip->vectors == 3)
        multiply_strip(MOST_3, 3, strip, a, weights, c);
    else
        multiply_strip(MOST_4, 4, strip, a, weights, c);
#endif
}

void KERNEL(strips__finish)(void) {
    stream_end(STREAMS);
}

INLINE vector load_part(const real *from, int64_t channels) {
    vector value = {0};
    if (channels >= LANES)
        return load(from);
    memcpy(&value, from, (size_t)channels * sizeof(real));
    return value;
}

INLINE void sum_tile(int size, int vectors, bool whole, const struct Sum *s, const real *a,
                     const real *b, real *sums) {
    vector sum[MOST][PANEL];
    for (int i = 0; i < size; i++)
        for (int v = 0; v < vectors; v++)
            sum[i][v] = (vector){0};
    for (int64_t p = 0; p < s->rows; p++)
        for (int64_t q = 0; q < s->columns; q++) {
            const real *x = a + p * s->a_row + q * s->a_pixel;
            const real *y = b + p * s->b_row + q * s->b_pixel;
            vector factor[PANEL];
            for (int v = 0; v < vectors; v++)
                factor[v] = whole || v < vectors - 1
                                ? load(y + v * LANES)
                                : load_part(y + v * LANES, s->channels - v * LANES);
            for (int i = 0; i < size; i++)
                for (int v = 0; v < vectors; v++)
                    sum[i][v] += x[i] * factor[v];
        }
    for (int i = 0; i < size; i++)
        for (int v = 0; v < vectors; v++) {
            vector *to = (vector *)(void *)(sums + (i * vectors + v) * LANES);
            *to += sum[i][v];
        }
}

INLINE void accumulate_tile(int size, int vectors, const struct Sum *s, const real *a,
                            const real *b, real *sums) {
    if (s->channels == vectors * LANES)
        sum_tile(size, vectors, true, s, a, b, sums);
    else
        sum_tile(size, vectors, false, s, a, b, sums);
}

INLINE void accumulate_panel(int most, int vectors, const struct Sum *s, const real *a,
                             const real *b, real *sums) {
    int64_t tiles = (s->depth + most - 1) / most, small = s->depth / tiles;
    int64_t larger = s->depth - tiles * small; /* tiles of one row more */
    for (int64_t i = 0; i < tiles; i++) {
        int64_t size = small + (i < larger);
        EACH_SIZE(size, accumulate_tile, most, vectors, s, a, b, sums)
        a += size;
        sums += size * vectors * LANES;
    }
}

void KERNEL(strips__accumulate)(const struct Sum *sum, const real *a, const real *b, real *sums) {
    if (sum->vectors == 1)
        accumulate_panel(MOST_1, 1, sum, a, b, sums);
    else if (sum->vectors == 2)
        accumulate_panel(MOST_2, 2, sum, a, b, sums);
#if PANEL == 4
    else if (sum->vectors == 3)
        accumulate_panel(MOST_3, 3, sum, a, b, sums);
    else
        accumulate_panel(MOST_4, 4, sum, a, b, sums);
#endif
}
