/* Vectors of 64 bytes for kernel files; the compiler cuts them into what the instruction set has.
 * Inside nn/ only. */
#ifndef TRAINER_NN_VECTORS_H
#define TRAINER_NN_VECTORS_H

#include <stdint.h>

#include "base/kernel.h"

#ifdef KERNEL_SUFFIX
enum { VECTOR_LANES = 64 / sizeof(real) };
/* At any address that a `real` may have. */
typedef real vector __attribute__((vector_size(64), aligned(sizeof(real)), may_alias));
/* What comparing vectors gives: all ones or zero in each lane. (mask)v & m keeps v where
 * m is set. */
#ifdef KERNEL_DOUBLE
typedef int64_t lane_integer;
#else
typedef int32_t lane_integer;
#endif
typedef lane_integer mask __attribute__((vector_size(64)));
/* One byte for each lane. */
typedef uint8_t lane_bytes __attribute__((vector_size(64 / sizeof(real)), aligned(1), may_alias));
#define INLINE static inline __attribute__((always_inline))
#endif

#endif
