/* Every backend in every variant that this machine has, and arrays of its `real` for the tests. */
#ifndef TRAINER_TESTS_COMPUTE_EACH_H
#define TRAINER_TESTS_COMPUTE_EACH_H

#include "base/memory.h"
#include "compute/backend.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro called fail */

static const char *const backend_names[] = {"openblas", "onednn"};

/* Calls `test` for each; returns how many there were. What is absent is skipped, saying so. */
static inline int for_each_backend(void (*test)(const struct Backend *, enum Variant)) {
    int count = 0;
    for (size_t i = 0; i < sizeof backend_names / sizeof *backend_names; i++)
        for (int variant = 0; variant < VARIANT_COUNT; variant++) {
            struct Error error = {0};
            const struct Backend *backend =
                backend_find(backend_names[i], (enum Variant)variant, &error);
            if (!backend) {
                print_message("skipped: %s %s: %s\n", backend_names[i],
                              variant_name((enum Variant)variant), error.text);
                continue;
            }
            test(backend, (enum Variant)variant);
            count++;
        }
    return count;
}

static inline double get(enum Variant variant, const void *array, int64_t i) {
    return variant == VARIANT_F64 ? ((const double *)array)[i] : (double)((const float *)array)[i];
}

static inline void put(enum Variant variant, void *array, int64_t i, double value) {
    if (variant == VARIANT_F64)
        ((double *)array)[i] = value;
    else
        ((float *)array)[i] = (float)value;
}

/* A sequence of numbers in [-1, 1) that float holds exactly. */
static inline double next_number(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)(*state >> 40) * 0x1p-23 - 1;
}

/* `count` such numbers, in double and in the variant's type. */
static inline void *numbers(enum Variant variant, uint64_t *state, int64_t count, double **exact) {
    void *array = memory_allocate((size_t)(count * variant_bytes(variant)), "test");
    *exact = memory_array(double, count, "test");
    for (int64_t i = 0; i < count; i++) {
        (*exact)[i] = next_number(state);
        put(variant, array, i, (*exact)[i]);
    }
    return array;
}

/* The largest error over the root mean square of what is right, which no rounding of single values
 * can blow up. */
static inline double deviation(enum Variant variant, const void *array, const double *exact,
                               int64_t count) {
    double largest = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        double difference = fabs(get(variant, array, i) - exact[i]);
        if (!(difference <= largest))
            largest = difference; /* a NaN too */
        squares += exact[i] * exact[i];
    }
    double scale = sqrt(squares / (double)count);
    return scale > 0 ? largest / scale : largest;
}

static inline double tolerance(enum Variant variant) {
    return variant == VARIANT_F64 ? 1e-12 : 1e-5;
}

#endif
