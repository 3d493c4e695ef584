/* The updater's own arithmetic: clipping, penalties, max-norm and lookahead. Sums have one fixed
 * order (optim/sum_of_squares.h), so that every rank, which holds the whole gradient, gets the same
 * bits. */
#ifndef TRAINER_OPTIM_KERNELS_UPDATER_KERNELS_H
#define TRAINER_OPTIM_KERNELS_UPDATER_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/kernel.h"

/* g ← clamp(factor · g, ±limit) + l1 · sign(x) */
struct Adjustment {
    double factor, limit, l1; /* 1, INFINITY and 0 change nothing */
};

struct UpdaterKernels { /* over `count` reals */
    /* Writes the adjusted gradient to `out`. Returns false if `gradient` has a NaN or Inf. */
    bool (*adjust)(const struct Adjustment *adjustment, int64_t count, const void *gradient,
                   const void *x, void *out);
    bool (*is_finite)(int64_t count, const void *x);
    double (*square_sum)(int64_t count, const void *x);    /* Σ x² */
    double (*magnitude_sum)(int64_t count, const void *x); /* Σ |x| */
    /* x (units, length): a row whose norm is above `limit` is scaled to that norm. */
    void (*limit_norms)(int64_t units, int64_t length, double limit, void *x);
    /* slow ← slow + fraction · (fast − slow), fast ← slow */
    void (*look_ahead)(int64_t count, double fraction, void *fast, void *slow);
};
KERNEL_DECLARE(struct UpdaterKernels, updater_kernels);

#endif
