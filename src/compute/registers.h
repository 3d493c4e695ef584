/* Registers of the kernels of convolutions. For kernels/ alone. */
#ifndef TRAINER_COMPUTE_REGISTERS_H
#define TRAINER_COMPUTE_REGISTERS_H

#include "base/vectors.h"

#ifdef KERNEL_SUFFIX

/* Vectors of a register tile at most. */
#ifdef __AVX512F__
#define PANEL 4
#else
#define PANEL 2
#endif
enum { WIDTH = PANEL * LANES };

/* The channels or columns, filled up to whole registers. */
static inline int64_t whole_lanes(int64_t count) {
    return (count + LANES - 1) / LANES * LANES;
}

/* sum + a · b in the register of `sum`. In these loops the compiler otherwise loads an operand anew
 * for each multiply-add or copies sums from register to register, which takes as long again. */
INLINE vector multiply_add(vector sum, vector a, vector b) {
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
