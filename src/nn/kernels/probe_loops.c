#include "nn/probe_kernels.h"

#include <math.h>
#include <string.h>

#include "nn/probe.h"

static bool is_finite(int64_t count, const element *values) {
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (int64_t i = 0; i < count; i++) {
        real v = element_value(values[i]);
        bad |= !(v - v == 0);
    }
    return !bad;
}

/* Two passes: the sum of squares of deviations loses nothing if the mean is large. */
static struct ProbeTally measure_finite(int64_t count, const element *values,
                                        struct Saturation saturation) {
    struct ProbeTally tally = {.count = count};
    real least = INFINITY, most = -INFINITY;
    real low = (real)saturation.low, high = (real)saturation.high;
    double sum = 0, deviations = 0;
    int64_t zeros = 0, saturated = 0;
#pragma omp simd reduction(+ : sum, zeros, saturated) reduction(min : least) reduction(max : most)
    for (int64_t i = 0; i < count; i++) {
        real v = element_value(values[i]);
        sum += (double)v;
        zeros += v == 0;
        saturated += (v <= low) | (v >= high);
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    double mean = count ? sum / (double)count : 0;
#pragma omp simd reduction(+ : deviations)
    for (int64_t i = 0; i < count; i++) {
        double d = (double)element_value(values[i]) - mean;
        deviations += d * d;
    }
    tally.zeros = zeros;
    tally.saturated = saturated;
    tally.mean = mean;
    tally.deviations = deviations;
    tally.least = (double)least;
    tally.most = (double)most;
    return tally;
}

static void take(struct ProbeTally *tally, double v, struct Saturation saturation) {
    double d = v - tally->mean;
    tally->count++;
    tally->mean += d / (double)tally->count;
    tally->deviations += d * (v - tally->mean);
    tally->zeros += v == 0;
    tally->saturated += v <= saturation.low || v >= saturation.high;
    tally->least = v < tally->least ? v : tally->least;
    tally->most = v > tally->most ? v : tally->most;
}

static struct ProbeTally measure(int64_t count, const void *values, struct Saturation saturation) {
    const element *v = values;
    if (is_finite(count, v))
        return measure_finite(count, v, saturation);
    struct ProbeTally tally = {.least = INFINITY, .most = -INFINITY};
    for (int64_t i = 0; i < count; i++) {
        real value = element_value(v[i]);
        if (isfinite(value))
            take(&tally, (double)value, saturation);
        else
            tally.nonfinite++;
    }
    return tally;
}

/* The exponent of a finite float and the next two bits number the bins of one sign. */
static inline int32_t bin_of(float v) {
    int32_t bits;
    memcpy(&bits, &v, sizeof bits);
    int32_t place = ((bits & 0x7FFFFFFF) >> 21) - 4 * (127 + PROBE_LOWEST) + 1;
    place = place < 0 ? 0 : place > PROBE_SIDE ? PROBE_SIDE : place;
    return PROBE_SIDE + (bits < 0 ? -place : place);
}

#define CHUNK 1024
#define TABLES 4 /* so that equal values in a row do not wait for one another */

static void bin_chunk(int64_t count, const element *values, uint32_t tables[TABLES][PROBE_BINS]) {
    int32_t bins[CHUNK];
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        bins[i] = bin_of((float)element_value(values[i]));
    int64_t i = 0;
    for (; i + TABLES <= count; i += TABLES)
        for (int t = 0; t < TABLES; t++)
            tables[t][bins[i + t]]++;
    for (; i < count; i++)
        tables[0][bins[i]]++;
}

static void bin(int64_t count, const void *values, uint32_t *counts) {
    const element *v = values;
    uint32_t tables[TABLES][PROBE_BINS] = {0};
    if (is_finite(count, v)) {
        for (int64_t i = 0; i < count; i += CHUNK)
            bin_chunk(count - i < CHUNK ? count - i : CHUNK, v + i, tables);
    } else {
        for (int64_t i = 0; i < count; i++)
            if (isfinite(element_value(v[i])))
                tables[0][bin_of((float)element_value(v[i]))]++;
    }
    for (int t = 0; t < TABLES; t++)
        for (int b = 0; b < PROBE_BINS; b++)
            counts[b] += tables[t][b];
}

static void fire(int64_t rows, int64_t units, const void *values, uint8_t *fired) {
    for (int64_t r = 0; r < rows; r++) {
        const element *row = (const element *)values + r * units;
#pragma omp simd
        for (int64_t u = 0; u < units; u++)
            fired[u] |= element_value(row[u]) != 0;
    }
}

extern const struct ProbeKernels KERNEL(probe__kernels);
const struct ProbeKernels KERNEL(probe__kernels) = {.measure = measure, .bin = bin, .fire = fire};
