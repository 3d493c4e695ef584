/* Every backend and form of kernels that this machine has, and arrays of their numbers. */
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

struct Form { /* of kernels */
    enum Variant variant;
    enum Precision precision;
    bool rounds_weights; /* multiplies with a copy of the weights in bf16 */
};

/* The form of weights, their gradients and the bias's. */
static inline struct Form weight_form(struct Form form) {
    return (struct Form){.variant = form.variant, .precision = PRECISION_FP32};
}

static inline size_t element_size(struct Form form) {
    return (size_t)element_bytes(form.variant, form.precision);
}

/* Calls `test` for each. What is absent is skipped, saying so. */
static inline void for_each_form(void (*test)(struct Form)) {
    for (int precision = 0; precision < PRECISION_COUNT; precision++)
        for (int i = precision == PRECISION_BF16 ? VARIANT_F32 : 0; i < VARIANT_COUNT; i++) {
            enum Variant variant = (enum Variant)i;
            if (variant_available(variant))
                test((struct Form){.variant = variant, .precision = (enum Precision)precision});
            else
                print_message("skipped: %s %s\n", precision_names[precision],
                              variant_name(variant));
        }
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

static inline double get_element(struct Form form, const void *array, int64_t i) {
    return form.precision == PRECISION_BF16 ? (double)bf16_value(((const bf16 *)array)[i])
                                            : get(form.variant, array, i);
}

static inline void put_element(struct Form form, void *array, int64_t i, double value) {
    if (form.precision == PRECISION_BF16)
        ((bf16 *)array)[i] = bf16_round((float)value);
    else
        put(form.variant, array, i, value);
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

/* The same as elements. */
static inline void *elements(struct Form form, uint64_t *state, int64_t count, double **exact) {
    if (form.precision == PRECISION_FP32)
        return numbers(form.variant, state, count, exact);
    bf16 *array = memory_array(bf16, count, "test");
    *exact = memory_array(double, count, "test");
    for (int64_t i = 0; i < count; i++) {
        array[i] = bf16_round((float)next_number(state));
        (*exact)[i] = (double)bf16_value(array[i]);
    }
    return array;
}

/* Numbers of the variant's type that bf16 holds exactly. */
static inline void *round_numbers(enum Variant variant, uint64_t *state, int64_t count,
                                  double **exact) {
    void *array = numbers(variant, state, count, exact);
    for (int64_t i = 0; i < count; i++) {
        (*exact)[i] = (double)bf16_value(bf16_round((float)(*exact)[i]));
        put(variant, array, i, (*exact)[i]);
    }
    return array;
}

/* The error of a result beyond that of rounding it to bf16, if it is. */
static inline double error_beyond(enum Precision precision, double found, double right) {
    double error = fabs(found - right), rounding = fabs(right) / 256;
    if (precision == PRECISION_FP32)
        return error;
    return error <= rounding ? 0 : error - rounding; /* a NaN stays */
}

/* The largest of these errors over the root mean square of what is right, which no rounding of
 * single values can blow up. */
static inline double element_deviation(struct Form form, const void *array, const double *exact,
                                       int64_t count) {
    double largest = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        double error = error_beyond(form.precision, get_element(form, array, i), exact[i]);
        if (!(error <= largest))
            largest = error; /* a NaN too */
        squares += exact[i] * exact[i];
    }
    double scale = sqrt(squares / (double)count);
    return scale > 0 ? largest / scale : largest;
}

static inline double deviation(enum Variant variant, const void *array, const double *exact,
                               int64_t count) {
    return element_deviation((struct Form){.variant = variant}, array, exact, count);
}

static inline double tolerance(enum Variant variant) {
    return variant == VARIANT_F64 ? 1e-12 : 1e-5;
}

#endif
