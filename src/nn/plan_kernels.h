/* The plan's own small loops, one table for each variant and precision. Activations and their
 * gradients are `element` (base/kernel.h); scores are `real`. Inside nn/ only. */
#ifndef TRAINER_NN_PLAN_KERNELS_H
#define TRAINER_NN_PLAN_KERNELS_H

#include <stdint.h>

#include "base/kernel.h"

struct PlanKernels {
    void (*add)(int64_t count, void *sum, const void *term); /* sum += term, both of `element` */
    /* Index of the first NaN or Inf among elements, or -1. */
    int64_t (*nonfinite)(int64_t count, const void *values);
    /* The number of samples whose largest score belongs to the target's largest class; scores
     * (samples, outputs). If values are equal, the lowest class counts as the largest. */
    int64_t (*correct)(int64_t samples, int64_t outputs, const void *scores, const float *target);
    /* The number of samples whose scores are 0 or more exactly where the target is above 1/2. */
    int64_t (*correct_sets)(int64_t samples, int64_t outputs, const void *scores,
                            const float *target);
    /* Sum over samples and outputs of weight · (score − target)². */
    double (*squared_error)(int64_t samples, int64_t outputs, const void *scores,
                            const float *target, const double *weights);
    void (*store)(void *values, int64_t index, double value);
    void (*widen)(int64_t count, const void *values, double *wide);
};

const struct PlanKernels *plan__kernels(enum Variant variant, enum Precision precision);

#endif
