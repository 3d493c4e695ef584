/* Registers of the kernels of convolutions. For kernels/ alone. */
#ifndef TRAINER_COMPUTE_REGISTERS_H
#define TRAINER_COMPUTE_REGISTERS_H

#include <stdint.h>

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

/* A register, at any address that a `real` may have. */
typedef real lanes __attribute__((vector_size(LANE_BYTES), aligned(sizeof(real)), may_alias));
#define INLINE static inline __attribute__((always_inline))

static inline int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

#endif
#endif
