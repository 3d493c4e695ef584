/* exp and its relatives for inner loops of kernel files: straight-line code that `omp simd` loops
 * vectorise, where a call of libm would not be. In float the relative errors are below 3e-7
 * (tested); in double, the variant of gradient checks, they are libm's. A NaN stays a NaN. Inside
 * nn/ only. */
#ifndef TRAINER_NN_VECTOR_MATH_H
#define TRAINER_NN_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>

#include "base/vectors.h"

#ifdef KERNEL_SUFFIX
#ifdef KERNEL_DOUBLE

INLINE double vector_exp(double x) {
    return exp(x);
}
INLINE double vector_expm1(double x) {
    return expm1(x);
}
INLINE double vector_tanh(double x) {
    return tanh(x);
}
INLINE double vector_erf(double x) {
    return erf(x);
}

#else

/* x = n · ln 2 + r with a whole n and |r| <= ln 2 / 2; returns e^r − 1 and *power = 2^n. x is
 * clamped to [−87, 88], where 2^n is an ordinary number. Adding 1.5 · 2^23 rounds to a whole number
 * and leaves n in the sum's low bits. e^r − 1 = r + r² q(r), q a minimax fit of relative error
 * 2e-10 */
INLINE float vector_exp_parts(float x, float *power) {
    const float shift = 0x1.8p23f;
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float sum = x * 0x1.715476p0f + shift, n = sum - shift;
    float r = x - n * 0x1.62e400p-1f - n * 0x1.7f7d1cp-20f;
    uint32_t bits;
    __builtin_memcpy(&bits, &sum, sizeof bits);
    bits = (bits << 23) + (127u << 23);
    __builtin_memcpy(power, &bits, sizeof bits);
    float q = 1.98458976e-4f;
    q = q * r + 1.39407208e-3f;
    q = q * r + 8.33338965e-3f;
    q = q * r + 4.16663587e-2f;
    q = q * r + 1.66666657e-1f;
    q = q * r + 0.5f;
    return q * (r * r) + r;
}

/* e^x, clamped to 2e-38 … 2e38. */
INLINE float vector_exp(float x) {
    float power, part = vector_exp_parts(x, &power);
    return part * power + power;
}

/* e^x − 1 without the cancellation near zero. */
INLINE float vector_expm1(float x) {
    float power, part = vector_exp_parts(x, &power);
    return part * power + (power - 1);
}

/* (e^2x − 1) / (e^2x + 1) */
INLINE float vector_tanh(float x) {
    float size = __builtin_fabsf(x);
    float grown = vector_expm1(2 * size);
    return __builtin_copysignf(grown / (grown + 2), x);
}

/* x · p(x²) up to 1; from there to 4, where float has reached 1, 1 − e^p(|x|): minimax fits of
 * relative error 2e-9. */
INLINE float vector_erf(float x) {
    float size = __builtin_fabsf(x), square = x * x;
    float inner = 7.85411976e-5f;
    inner = inner * square - 8.01027811e-4f;
    inner = inner * square + 5.18833846e-3f;
    inner = inner * square - 2.68538184e-2f;
    inner = inner * square + 1.12835854e-1f;
    inner = inner * square - 3.76126260e-1f;
    inner = inner * square + 1.12837911f;
    float far = size > 4 ? 4 : size, outer = 1.85576006e-4f;
    outer = outer * far - 2.93962634e-3f;
    outer = outer * far + 2.18053926e-2f;
    outer = outer * far - 1.03037521e-1f;
    outer = outer * far - 6.38225496e-1f;
    outer = outer * far - 1.12704015f;
    outer = outer * far - 3.53695679e-4f;
    outer = 1 - vector_exp(outer);
    return size < 1 ? x * inner : __builtin_copysignf(outer, x);
}

#endif

/* 1 / (1 + e^−x) */
INLINE real vector_sigmoid(real x) {
    return 1 / (1 + vector_exp(-x));
}

#endif
#endif
