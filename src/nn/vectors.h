/* Vectors as wide as the instruction set's registers, for kernel files. (The compiler would cut
 * wider ones up, but compare and convert them one number at a time.) Inside nn/ only. */
#ifndef TRAINER_NN_VECTORS_H
#define TRAINER_NN_VECTORS_H

#ifdef __SSE2__
#include <immintrin.h>
#endif
#include <stdint.h>
#include <string.h>

#include "base/bfloat16_vectors.h"
#include "base/kernel.h"

#ifdef KERNEL_SUFFIX
#if defined __AVX512F__
#define VECTOR_BYTES 64
#elif defined __AVX2__
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
enum { VECTOR_LANES = VECTOR_BYTES / sizeof(real) };
/* At any address that a `real` may have. */
typedef real vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
/* What comparing vectors gives: all ones or zero in each lane. (mask)v & m keeps v where
 * m is set. */
#ifdef KERNEL_DOUBLE
typedef int64_t lane_integer;
#else
typedef int32_t lane_integer;
#endif
typedef lane_integer mask __attribute__((vector_size(VECTOR_BYTES)));
/* One byte for each lane. */
typedef uint8_t lane_bytes __attribute__((vector_size(VECTOR_LANES), aligned(1), may_alias));
#define INLINE static inline __attribute__((always_inline))

/* VECTOR_LANES elements (base/kernel.h) at any address, as a vector. */
#ifdef KERNEL_BF16
typedef uint16_t vector_bf16 __attribute__((vector_size(VECTOR_BYTES / 2), aligned(2), may_alias));
typedef uint32_t vector_bits __attribute__((vector_size(VECTOR_BYTES)));
#if defined __AVX512F__
#define ELEMENTS(from) ((vector)bf16_load_16((const bf16 *)(const void *)(from)))
#elif defined __AVX2__
#define ELEMENTS(from) ((vector)bf16_load_8((const bf16 *)(const void *)(from)))
#else
#define ELEMENTS(from)                                                                             \
    ((vector)(__builtin_convertvector(*(const vector_bf16 *)(from), vector_bits) << 16))
#endif

/* As bf16_round. */
INLINE void vector_round(vector value, vector_bf16 *result) {
#if defined __AVX512F__
    *result = (vector_bf16)bf16_round_16((__m512)value);
#elif defined __AVX2__
    *result = (vector_bf16)bf16_round_8((__m256)value);
#else
    *result = __builtin_convertvector(BF16_ROUND_BITS(mask, (vector_bits)value), vector_bf16);
#endif
}
#else
#define ELEMENTS(from) (*(const vector *)(from))
#endif

/* Writes a vector as elements. */
INLINE void put_elements(element *to, vector value) {
#ifdef KERNEL_BF16
    vector_round(value, (vector_bf16 *)to);
#else
    *(vector *)to = value;
#endif
}

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
    lane_integer wide[VECTOR_LANES];
    for (int i = 0; i < lanes; i++)
        wide[i] = from[i];
    memcpy(to, wide, (size_t)lanes * sizeof(lane_integer));
#endif
}
#endif

#endif
