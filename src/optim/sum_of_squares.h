/* A sum of squares for kernel files, in double and in one fixed order: element i is added to lane i
 * % SUM_LANES, and then the lanes are added one by one. An order chosen by the compiler would
 * depend on the instruction set and on the array's alignment, which can differ between ranks. */
#ifndef TRAINER_OPTIM_SUM_OF_SQUARES_H
#define TRAINER_OPTIM_SUM_OF_SQUARES_H

#include <stdint.h>

#include "base/kernel.h"

#ifdef KERNEL_SUFFIX
#define SUM_LANES 8

typedef double sum_lanes __attribute__((vector_size(SUM_LANES * sizeof(double))));
/* Such a vector may lie at any address that is valid for a `real`. */
typedef real sum_reals
    __attribute__((vector_size(SUM_LANES * sizeof(real)), aligned(sizeof(real)), may_alias));

/* Σ x². The square of a float is exact in double, so all float variants give the same sum. */
static inline double sum_of_squares(int64_t count, const real *x) {
    sum_lanes lanes = {0};
    int64_t i = 0;
    for (; i + SUM_LANES <= count; i += SUM_LANES) {
        const sum_reals *values = (const void *)(x + i);
        sum_lanes wide = __builtin_convertvector(*values, sum_lanes);
        lanes += wide * wide;
    }
    for (int lane = 0; i < count; i++, lane++)
        lanes[lane] += (double)x[i] * (double)x[i];
    double sum = 0;
    for (int lane = 0; lane < SUM_LANES; lane++)
        sum += lanes[lane];
    return sum;
}
#endif

#endif
