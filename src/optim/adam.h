/* The options, keys and step of Adam and AdamW. LAMB uses some of the keys. */
#ifndef TRAINER_OPTIM_ADAM_H
#define TRAINER_OPTIM_ADAM_H

#include <tgmath.h>

#include "optim/optimizer.h"

struct AdamOptions {
    struct OptimizerCommon common;
    double beta1, beta2, epsilon;
    bool amsgrad;
};

/* The keys of β₁ and β₂ in `options`. */
#define ADAM_BETA_KEYS(options)                                                                    \
    {.name = "beta1",                                                                              \
     .type = KEY_REAL,                                                                             \
     .offset = offsetof(options, beta1),                                                           \
     .fallback = "0.9",                                                                            \
     .maximum = 0.999999,                                                                          \
     .help = "fraction of the gradient's running mean that a step keeps"},                         \
    {                                                                                              \
        .name = "beta2", .type = KEY_REAL, .offset = offsetof(options, beta2),                     \
        .fallback = "0.999", .maximum = 0.99999999,                                                \
        .help = "fraction of the squared gradient's running mean that a step keeps"                \
    }
#define ADAM_KEYS                                                                                  \
    ADAM_BETA_KEYS(struct AdamOptions), OPTIMIZER_EPSILON_KEY(struct AdamOptions, "1.0e-8"), {     \
        .name = "amsgrad", .type = KEY_BOOL, .offset = offsetof(struct AdamOptions, amsgrad),      \
        .fallback = "false",                                                                       \
        .help = "divide by the largest running mean of squares so far (Reddi et al. 2018)"         \
    }

enum { ADAM_MEAN, ADAM_SQUARE, ADAM_LARGEST, ADAM_SLOTS };
#define ADAM_SLOT_NAMES                                                                            \
    { "first_moment", "second_moment", "largest_second_moment" }

#ifdef KERNEL_SUFFIX
static inline bool adam_needs(const void *options, int slot) {
    return slot != ADAM_LARGEST || ((const struct AdamOptions *)options)->amsgrad;
}

/* `coupled` is the weight decay that is added to the gradient. `shrink` is a factor of x, which
 * applies a decoupled decay. Returns false if the gradient has a NaN or Inf. */
static inline __attribute__((always_inline)) bool adam_step(const struct Update *update,
                                                            double coupled, double shrink,
                                                            bool amsgrad) {
    const struct AdamOptions *options = update->options;
    const real beta1 = (real)options->beta1, beta2 = (real)options->beta2;
    const real fresh1 = (real)(1 - options->beta1), fresh2 = (real)(1 - options->beta2);
    const double correction1 = 1 - pow(options->beta1, (double)update->step);
    const double correction2 = 1 - pow(options->beta2, (double)update->step);
    const real rate = (real)(update->rate / correction1), epsilon = (real)options->epsilon;
    const real root = (real)(1 / sqrt(correction2)), decay = (real)coupled, keep = (real)shrink;
    const real *restrict gradient = update->gradient;
    real *restrict x = update->parameters, *restrict m = update->slots[ADAM_MEAN];
    real *restrict v = update->slots[ADAM_SQUARE], *restrict largest = update->slots[ADAM_LARGEST];
    real bad = 0; /* 0 · g is NaN if g is NaN or Inf */
    uint32_t replaced = 0;
#pragma omp simd reduction(+ : bad, replaced)
    for (int64_t i = 0; i < update->count; i++) {
        bad += 0 * gradient[i];
        replaced += bits_of(x[i]) + bits_of(m[i]) + bits_of(v[i]);
        real g = gradient[i] + decay * x[i];
        m[i] = beta1 * m[i] + fresh1 * g;
        v[i] = beta2 * v[i] + fresh2 * g * g;
        real square = v[i];
        if (amsgrad) {
            replaced += bits_of(largest[i]);
            square = largest[i] > square ? largest[i] : square;
            largest[i] = square;
        }
        x[i] = keep * x[i] - rate * m[i] / (sqrt(square) * root + epsilon);
    }
    *update->replaced += replaced;
    return bad == 0;
}
#endif

#endif
