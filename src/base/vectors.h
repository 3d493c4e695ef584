/* Vectors as wide as the instruction set's registers, for kernel files (base/kernel.h). The
 * compiler splits wider ones into registers, but compares and converts them one number at a
 * time. */
#ifndef TRAINER_BASE_VECTORS_H
#define TRAINER_BASE_VECTORS_H

#include <stdint.h>

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
enum { LANES = VECTOR_BYTES / sizeof(real) };

/* A vector may lie at any address that is valid for a `real`. */
typedef real vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
/* The result of a comparison of vectors: each lane has all bits set, or none. (mask)v & m keeps the
 * lanes of v where m is set. */
#ifdef KERNEL_DOUBLE
typedef int64_t lane_integer;
#else
typedef int32_t lane_integer;
#endif
typedef lane_integer mask __attribute__((vector_size(VECTOR_BYTES)));

#define INLINE static inline __attribute__((always_inline))

/* elements_load and elements_store convert LANES elements, at any address that is valid for an
 * `element`, to and from a vector. Each stored element is rounded as by element_round. */
#ifdef KERNEL_BF16
typedef uint32_t vector_bits __attribute__((vector_size(VECTOR_BYTES)));
typedef uint16_t vector_elements
    __attribute__((vector_size(VECTOR_BYTES / 2), aligned(2), may_alias));

INLINE vector elements_load(const element *from) {
#if defined __AVX512F__
    return (vector)bf16_load_16(from);
#elif defined __AVX2__
    return (vector)bf16_load_8(from);
#else
    vector_elements bits = *(const vector_elements *)(const void *)from;
    return (vector)(__builtin_convertvector(bits, vector_bits) << 16);
#endif
}

INLINE vector_elements elements_round(vector value) {
#if defined __AVX512F__
    return (vector_elements)bf16_round_16((__m512)value);
#elif defined __AVX2__
    return (vector_elements)bf16_round_8((__m256)value);
#else
    return __builtin_convertvector(BF16_ROUND_BITS(mask, (vector_bits)value), vector_elements);
#endif
}
#else
typedef vector vector_elements;

INLINE vector elements_load(const element *from) {
    return *(const vector *)(const void *)from;
}

INLINE vector_elements elements_round(vector value) {
    return value;
}
#endif

INLINE void elements_store(element *to, vector value) {
    *(vector_elements *)(void *)to = elements_round(value);
}

#endif
#endif
