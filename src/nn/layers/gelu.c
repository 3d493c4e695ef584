/* x · Φ(x), Φ the distribution function of the standard normal (Hendrycks and Gimpel 2016):
 *   erf    Φ(x) = (1 + erf(x / √2)) / 2, the derivative is Φ(x) + x · φ(x)
 *   tanh   Φ(x) ≈ (1 + t) / 2 with t = tanh(√(2/π) · (x + 0.044715 x³)) */
#include <stddef.h>

#include "nn/elementwise.h"
#include "nn/vector_math.h"

enum { GELU_ERF, GELU_TANH };
static const char *const form_names[] = {"erf", "tanh", NULL};

struct GeluOptions {
    int form;
};

static const struct Key keys[] = {
    {"form", KEY_ENUM, offsetof(struct GeluOptions, form), "erf", .names = form_names,
     .help = "erf: exact; tanh: the approximation that some published networks were trained with"},
    KEY_END};

#define SQRT_HALF ((real)0.70710678118654752440)   /* √(1/2) */
#define NORMAL_PEAK ((real)0.39894228040143267794) /* 1 / √(2π) */
#define SQRT_2_OVER_PI ((real)0.79788456080286535588)
#define CUBIC ((real)0.044715)

INLINE real gelu_erf(real x) {
    return (real)0.5 * x * (1 + vector_erf(x * SQRT_HALF));
}
INLINE real gelu_erf_slope(real x) {
    return (real)0.5 * (1 + vector_erf(x * SQRT_HALF)) +
           x * NORMAL_PEAK * vector_exp((real)-0.5 * x * x);
}
INLINE real gelu_tanh(real x) {
    return (real)0.5 * x * (1 + vector_tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x)));
}
INLINE real gelu_tanh_slope(real x) {
    real t = vector_tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x));
    return (real)0.5 * (1 + t) +
           (real)0.5 * x * (1 - t * t) * SQRT_2_OVER_PI * (1 + 3 * CUBIC * x * x);
}

static void forward_piece(const void *options, int64_t count, const real *x, real *y) {
    if (((const struct GeluOptions *)options)->form == GELU_ERF) {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            y[i] = gelu_erf(x[i]);
    } else {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            y[i] = gelu_tanh(x[i]);
    }
}

static void backward_piece(const void *options, int64_t count, const real *x, const real *dy,
                           real *dx) {
    if (((const struct GeluOptions *)options)->form == GELU_ERF) {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            dx[i] = dy[i] * gelu_erf_slope(x[i]);
    } else {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            dx[i] = dy[i] * gelu_tanh_slope(x[i]);
    }
}

static void forward(const struct Call *call) {
    elementwise_forward(call, forward_piece);
}

static void backward(const struct Call *call) {
    elementwise_backward(call, backward_piece, call->input[0]);
}

static int describe(struct Describe *describe) {
    return elementwise_describe(describe, 20);
}

const struct Layer KERNEL(layer_gelu) = {
    .kind = {"gelu",
             "x · (the share of the normal distribution below x): a smooth ReLU, slightly negative "
             "below zero, so it seldom dies; the slowest activation, and its input has to be kept",
             keys, sizeof(struct GeluOptions)},
    .describe = describe,
    .plan = elementwise_plan_of_input,
    .forward = forward,
    .backward = backward,
};
