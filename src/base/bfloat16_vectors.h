/* Conversion between vectors of float and of bf16, with the same bits as base/bfloat16.h. It uses
 * intrinsics because GCC converts such vectors one number at a time. For kernel files. */
#ifndef TRAINER_BASE_BFLOAT16_VECTORS_H
#define TRAINER_BASE_BFLOAT16_VECTORS_H

#include "base/bfloat16.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

/* bf16_round for vectors of any length, without intrinsics. `bits` is a vector of uint32_t that
 * holds floats; each element of the result has the bf16 in its lower half. `integers` is the type
 * of a vector of as many int32_t. */
#define BF16_ROUND_BITS(integers, bits)                                                            \
    ({                                                                                             \
        __typeof__(bits) bits_ = (bits), quiet_ = bits_ >> 16 | 0x40;                              \
        __typeof__(bits) rounded_ = (bits_ + 0x7FFF + (bits_ >> 16 & 1)) >> 16;                    \
        /* The sign of this difference, copied to every bit, is set for a NaN. */                  \
        __typeof__(bits) nan_ =                                                                    \
            (__typeof__(bits))((integers)(0x7F800000 - (bits_ & 0x7FFFFFFF)) >> 31);               \
        (quiet_ & nan_) | (rounded_ & ~nan_);                                                      \
    })

#ifdef __AVX512BW__
/* A permutation of words is as fast as a shift. */
static inline __m512 bf16_load_16(const bf16 *from) {
    const __m512i to_upper = _mm512_set_epi16(15, 0, 14, 0, 13, 0, 12, 0, 11, 0, 10, 0, 9, 0, 8, 0,
                                              7, 0, 6, 0, 5, 0, 4, 0, 3, 0, 2, 0, 1, 0, 0, 0);
    __m256i bits = _mm256_loadu_si256((const __m256i *)(const void *)from);
    return _mm512_castsi512_ps(
        _mm512_maskz_permutexvar_epi16(0xAAAAAAAA, to_upper, _mm512_castsi256_si512(bits)));
}

static inline __m256i bf16_round_16(__m512 value) {
    const __m512i from_upper =
        _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 31, 29, 27, 25, 23, 21, 19,
                         17, 15, 13, 11, 9, 7, 5, 3, 1);
    __m512i bits = _mm512_castps_si512(value);
    __m512i rounded = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF));
    __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
    __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    rounded = _mm512_mask_add_epi32(rounded, odd, rounded, _mm512_set1_epi32(1));
    rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_castsi512_si256(_mm512_permutexvar_epi16(from_upper, rounded));
}
#endif

#ifdef __AVX2__
static inline __m256 bf16_load_8(const bf16 *from) {
    __m128i bits = _mm_loadu_si128((const __m128i *)(const void *)from);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

static inline __m128i bf16_round_8(__m256 value) {
    __m256i bits = _mm256_castps_si256(value), upper = _mm256_srli_epi32(bits, 16);
    __m256i up =
        _mm256_add_epi32(_mm256_set1_epi32(0x7FFF), _mm256_and_si256(upper, _mm256_set1_epi32(1)));
    __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, up), 16);
    __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    __m256i chosen = _mm256_blendv_epi8(rounded, quiet, nan);
    __m256i packed = _mm256_packus_epi32(chosen, chosen);
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08));
}
#endif

#endif
