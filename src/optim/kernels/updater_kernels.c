#include "optim/kernels/updater_kernels.h"

#include <tgmath.h>

#include "optim/sum_of_squares.h"

static bool adjust(const struct Adjustment *adjustment, int64_t count, const void *gradient,
                   const void *parameters, void *out) {
    const real factor = (real)adjustment->factor, limit = (real)adjustment->limit;
    const real l1 = (real)adjustment->l1;
    const real *restrict g = gradient, *restrict x = parameters;
    real *restrict adjusted = out;
    real bad = 0; /* 0 · g is NaN if g is NaN or Inf */
#pragma omp simd reduction(+ : bad)
    for (int64_t i = 0; i < count; i++) {
        bad += 0 * g[i];
        real value = factor * g[i];
        value = value > limit ? limit : value < -limit ? -limit : value;
        adjusted[i] = value + (x[i] > 0 ? l1 : x[i] < 0 ? -l1 : 0);
    }
    return bad == 0;
}

static bool is_finite(int64_t count, const void *values) {
    const real *x = values;
    real bad = 0; /* 0 · x is NaN if x is NaN or Inf */
#pragma omp simd reduction(+ : bad)
    for (int64_t i = 0; i < count; i++)
        bad += 0 * x[i];
    return bad == 0;
}

static double square_sum(int64_t count, const void *values) {
    return sum_of_squares(count, values);
}

static double magnitude_sum(int64_t count, const void *values) {
    const real *x = values;
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)fabs(x[i]);
    return sum;
}

static void limit_norms(int64_t units, int64_t length, double limit, void *values) {
    for (int64_t unit = 0; unit < units; unit++) {
        real *restrict x = (real *)values + unit * length;
        double norm = sqrt(sum_of_squares(length, x));
        if (!(norm > limit))
            continue;
        const real factor = (real)(limit / norm);
#pragma omp simd
        for (int64_t i = 0; i < length; i++)
            x[i] *= factor;
    }
}

static void look_ahead(int64_t count, double fraction, void *fast_weights, void *slow_weights) {
    const real alpha = (real)fraction;
    real *restrict fast = fast_weights, *restrict slow = slow_weights;
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        fast[i] = slow[i] += alpha * (fast[i] - slow[i]);
}

const struct UpdaterKernels KERNEL(updater_kernels) = {.adjust = adjust,
                                                       .is_finite = is_finite,
                                                       .square_sum = square_sum,
                                                       .magnitude_sum = magnitude_sum,
                                                       .limit_norms = limit_norms,
                                                       .look_ahead = look_ahead};
