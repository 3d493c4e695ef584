/* The arithmetic around an optimiser's step. Sums run in one fixed order (optim/sum_of_squares.h),
 * so that every rank, which holds the whole gradient, gets the same bits. */
#ifndef TRAINER_OPTIM_KERNELS_UPDATER_KERNELS_H
#define TRAINER_OPTIM_KERNELS_UPDATER_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/kernel.h"

/* g ← clamp(factor · g, ±limit) + l1 · sign(x) */
struct Adjustment {
    double factor, limit, l1; /* 1, INFINITY and 0: nothing */
};

struct UpdaterKernels { /* over `count` reals */
    /* The adjusted gradient, in `out`. False where `gradient` has a NaN or Inf. */
    bool (*adjust)(const struct Adjustment *adjustment, int64_t count, const void *gradient,
                   const void *x, void *out);
    double (*squares)(int64_t count, const void *x);    /* Σ x² */
    double (*magnitudes)(int64_t count, const void *x); /* Σ |x| */
    /* Each of `units` rows of `length` that is longer than `limit` is scaled back to it. */
    void (*project)(int64_t units, int64_t length, double limit, void *x);
    /* slow ← slow + share · (fast − slow), fast ← slow */
    void (*follow)(int64_t count, double share, void *fast, void *slow);
};
KERNEL_DECLARE(struct UpdaterKernels, updater_kernels);

#endif
