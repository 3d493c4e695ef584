/* The taps that won in max pooling, one byte for each output. For kernel files, inside nn/ only. */
#ifndef TRAINER_NN_WINNERS_H
#define TRAINER_NN_WINNERS_H

#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "base/vectors.h"

#ifdef KERNEL_SUFFIX

/* One byte for each lane of a vector. */
typedef uint8_t lane_bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

/* `lanes` bytes, each as a lane of the vector at `to`, which has 16 bytes or more. The compiler
 * would go byte by byte. */
INLINE void bytes_widen(const uint8_t *from, int lanes, void *to) {
#if defined __AVX512F__ && !defined KERNEL_DOUBLE
    if (lanes == 16) {
        __m512i wide = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)from));
        memcpy(to, &wide, sizeof wide);
        return;
    }
#endif
#if defined __AVX2__ && !defined KERNEL_DOUBLE
    for (int i = 0; i < lanes; i += 8) {
        __m256i wide = lanes == 4 ? _mm256_castsi128_si256(_mm_cvtepu8_epi32(_mm_loadu_si32(from)))
                                  : _mm256_cvtepu8_epi32(_mm_loadu_si64(from + i));
        memcpy((char *)to + i * 4, &wide, lanes == 4 ? 16 : 32);
    }
#else
    lane_integer wide[LANES];
    for (int i = 0; i < lanes; i++)
        wide[i] = from[i];
    memcpy(to, wide, (size_t)lanes * sizeof(lane_integer));
#endif
}

#endif
#endif
