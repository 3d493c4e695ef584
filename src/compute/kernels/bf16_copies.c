#include "compute/bf16_copies.h"

#include "compute/columns.h"
#include "compute/registers.h"

static void widen(int64_t count, const void *elements, float *values) {
    const element *from = elements;
    int64_t whole = count / LANES * LANES;
#pragma omp parallel for schedule(static) if (count >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < whole; i += LANES)
        *(vector *)(void *)(values + i) = elements_load(from + i);
    for (int64_t i = whole; i < count; i++)
        values[i] = element_value(from[i]);
}

static void narrow(int64_t count, const float *values, void *elements) {
    element *to = elements;
    int64_t whole = count / LANES * LANES;
#pragma omp parallel for schedule(static) if (count >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < whole; i += LANES)
        elements_store(to + i, *(const vector *)(const void *)(values + i));
    for (int64_t i = whole; i < count; i++)
        to[i] = element_round(values[i]);
}

static void add_narrowed(int64_t count, const float *values, void *elements) {
    element *to = elements;
#pragma omp parallel for simd schedule(static) if (parallel : count >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < count; i++)
        to[i] = element_round(element_value(to[i]) + values[i]);
}

static void add(int64_t count, const float *terms, float *sums) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < count; i++)
        sums[i] += terms[i];
}

static void sum_rows(int64_t rows, int64_t channels, const void *matrix, float *sum) {
    KERNEL(columns__sum)(rows, channels, matrix, sum);
}

extern const struct Bf16Copies KERNEL(bf16_copies__kernels);
const struct Bf16Copies KERNEL(bf16_copies__kernels) = {.widen = widen,
                                                        .narrow = narrow,
                                                        .add_narrowed = add_narrowed,
                                                        .add = add,
                                                        .sum_rows = sum_rows};
