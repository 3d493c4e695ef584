/* The probe's loops over `element`, one table for each variant and precision. Inside nn/ only. */
#ifndef TRAINER_NN_PROBE_KERNELS_H
#define TRAINER_NN_PROBE_KERNELS_H

#include <stdint.h>

#include "base/kernel.h"
#include "nn/layer.h"

/* What one piece of an array is like. Finite values alone, except for `nonfinite`. */
struct ProbeTally {
    int64_t count, zeros, saturated, nonfinite;
    double mean, deviations; /* deviations: Σ (v − mean)² */
    double least, most;      /* INFINITY and −INFINITY if there is none */
};

struct ProbeKernels {
    struct ProbeTally (*measure)(int64_t count, const void *values, struct Saturation saturation);
    /* Adds to counts (PROBE_BINS). */
    void (*bin)(int64_t count, const void *values, uint32_t *counts);
    /* fired[u] |= any of the values (rows, units) in column u is not 0. */
    void (*fire)(int64_t rows, int64_t units, const void *values, uint8_t *fired);
};

const struct ProbeKernels *probe__kernels(enum Variant variant, enum Precision precision);

#endif
