#include <math.h>

#include "nn/plan_kernels.h"

static void add(int64_t count, void *sum, const void *term) {
    element *restrict s = sum;
    const element *restrict t = term;
#pragma omp parallel for simd if (parallel : count > PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < count; i++)
        s[i] = element_round(element_value(s[i]) + element_value(t[i]));
}

static int64_t nonfinite(int64_t count, const void *values) {
    const element *v = values;
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(element_value(v[i])))
            return i;
    return -1;
}

static int64_t correct(int64_t samples, int64_t outputs, const void *scores, const float *target) {
    int64_t count = 0;
    for (int64_t i = 0; i < samples; i++) {
        const real *row = (const real *)scores + i * outputs;
        const float *wanted = target + i * outputs;
        int64_t label = 0, better = 0;
        for (int64_t c = 1; c < outputs; c++)
            if (wanted[c] > wanted[label])
                label = c;
        for (int64_t c = 0; c < outputs; c++)
            better += row[c] > row[label] || (row[c] == row[label] && c < label);
        count += better == 0;
    }
    return count;
}

static int64_t correct_sets(int64_t samples, int64_t outputs, const void *scores,
                            const float *target) {
    int64_t count = 0;
    for (int64_t i = 0; i < samples; i++) {
        bool all = true;
        for (int64_t k = i * outputs; k < (i + 1) * outputs; k++)
            all &= (((const real *)scores)[k] >= 0) == (target[k] > 0.5f);
        count += all;
    }
    return count;
}

static double squared_error(int64_t samples, int64_t outputs, const void *scores,
                            const float *target, const double *weights) {
    double sum = 0;
    for (int64_t i = 0; i < samples; i++)
        for (int64_t k = 0; k < outputs; k++) {
            double d =
                (double)((const real *)scores)[i * outputs + k] - (double)target[i * outputs + k];
            sum += weights[k] * d * d;
        }
    return sum;
}

static void store(void *values, int64_t index, double value) {
    ((real *)values)[index] = (real)value;
}

static void widen(int64_t count, const void *values, double *wide) {
    for (int64_t i = 0; i < count; i++)
        wide[i] = (double)((const real *)values)[i];
}

extern const struct PlanKernels KERNEL(plan__kernels);
const struct PlanKernels KERNEL(plan__kernels) = {
    .add = add,
    .nonfinite = nonfinite,
    .correct = correct,
    .correct_sets = correct_sets,
    .squared_error = squared_error,
    .store = store,
    .widen = widen,
};
