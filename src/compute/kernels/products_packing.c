/* Rows of a matrix to columns. */
#include "compute/products_kernel.h"

#if defined(__AVX2__) && !defined(KERNEL_DOUBLE)
#include <immintrin.h>

/* Eight rows of four columns. Rows 4 to 7 lie in the upper halves, so that no number has to cross
 * from half to half. */
INLINE void transpose_8(const real *from, int64_t from_row, real *to, int64_t to_row) {
    __m256 row[4], pair[4];
    for (int i = 0; i < 4; i++)
        row[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + i * from_row)),
                                      _mm_loadu_ps(from + (i + 4) * from_row), 1);
    for (int i = 0; i < 2; i++) {
        pair[i] = _mm256_unpacklo_ps(row[2 * i], row[2 * i + 1]);
        pair[2 + i] = _mm256_unpackhi_ps(row[2 * i], row[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        __m256d first = _mm256_castps_pd(pair[2 * i]), second = _mm256_castps_pd(pair[2 * i + 1]);
        _mm256_storeu_ps(to + 2 * i * to_row, _mm256_castpd_ps(_mm256_unpacklo_pd(first, second)));
        _mm256_storeu_ps(to + (2 * i + 1) * to_row,
                         _mm256_castpd_ps(_mm256_unpackhi_pd(first, second)));
    }
}
#else
INLINE void transpose_8(const real *from, int64_t from_row, real *to, int64_t to_row) {
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 8; j++)
            to[i * to_row + j] = from[j * from_row + i];
}
#endif

void KERNEL(products__transpose)(int64_t rows, int64_t columns, const real *from, int64_t from_row,
                                 real *to, int64_t to_row) {
    int64_t row = 0, fours = columns / 4 * 4;
    for (; row + 8 <= rows; row += 8)
        for (int64_t column = 0; column < fours; column += 4)
            transpose_8(from + row * from_row + column, from_row, to + column * to_row + row,
                        to_row);
    for (int64_t column = 0; column < columns; column++)
        for (int64_t i = column < fours ? row : 0; i < to_row; i++)
            to[column * to_row + i] = i < rows ? from[i * from_row + column] : 0;
}
