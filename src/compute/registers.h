/* Registers of the kernels of convolutions. For kernels/ alone. */
#ifndef TRAINER_COMPUTE_REGISTERS_H
#define TRAINER_COMPUTE_REGISTERS_H

#include <stdint.h>

#include "base/bfloat16_vectors.h"
#include "base/kernel.h"

#ifdef KERNEL_SUFFIX

#if defined(__AVX512F__)
#define LANE_BYTES 64
#define PANEL 4 /* vectors of a register tile at most */
#elif defined(__AVX2__)
#define LANE_BYTES 32
#define PANEL 2
#else
#define LANE_BYTES 16
#define PANEL 2
#endif
enum { LANES = LANE_BYTES / sizeof(real), WIDTH = PANEL * LANES };

/* The channels or columns, filled up to whole registers. */
static inline int64_t whole_lanes(int64_t count) {
    return (count + LANES - 1) / LANES * LANES;
}

/* A register, at any address that a `real` may have. */
typedef real lanes __attribute__((vector_size(LANE_BYTES), aligned(sizeof(real)), may_alias));
#define INLINE static inline __attribute__((always_inline))

/* LANES elements; stored, they are rounded as by element_round. */
#ifdef KERNEL_BF16
typedef uint32_t lane_words __attribute__((vector_size(LANE_BYTES)));
typedef int32_t lane_integers __attribute__((vector_size(LANE_BYTES)));
typedef uint16_t lane_halves __attribute__((vector_size(LANE_BYTES / 2), aligned(2), may_alias));

INLINE lanes elements_load(const element *from) {
#if defined(__AVX512F__)
    return (lanes)bf16_load_16(from);
#elif defined(__AVX2__)
    return (lanes)bf16_load_8(from);
#else
    lane_halves bits = *(const lane_halves *)(const void *)from;
    return (lanes)(__builtin_convertvector(bits, lane_words) << 16);
#endif
}

INLINE lane_halves elements_round(lanes value) {
#if defined(__AVX512F__)
    return (lane_halves)bf16_round_16((__m512)value);
#elif defined(__AVX2__)
    return (lane_halves)bf16_round_8((__m256)value);
#else
    return __builtin_convertvector(BF16_ROUND_BITS(lane_integers, (lane_words)value), lane_halves);
#endif
}

INLINE void elements_store(element *to, lanes value) {
    *(lane_halves *)(void *)to = elements_round(value);
}
#else
INLINE lanes elements_load(const element *from) {
    return *(const lanes *)(const void *)from;
}

INLINE void elements_store(element *to, lanes value) {
    *(lanes *)(void *)to = value;
}
#endif

/* sum + a · b in the register of `sum`. In these loops the compiler otherwise loads an operand anew
 * for each multiply-add or copies sums from register to register, which takes as long again. */
INLINE lanes multiply_add(lanes sum, lanes a, lanes b) {
#if defined(__AVX512F__) && !defined(KERNEL_DOUBLE)
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
#elif defined(__FMA__) && !defined(KERNEL_DOUBLE)
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    return sum;
#else
    return sum + a * b;
#endif
}

/* Unrolls the loop that follows, whose sums then stay in registers. If two threads share a core,
 * they also share the instructions that it can begin in a cycle, and each that counts or adds up
 * addresses takes the place of a multiply-add. */
#define UNROLL _Pragma("GCC unroll 8")

static inline int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

#endif
#endif
