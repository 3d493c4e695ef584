/* RMSProp (Tieleman and Hinton 2012, lecture 6e of "Neural networks for machine learning"), where g
 * includes the decay λx:
 *
 *   s ← αs + (1−α)g²    d = g / (√s + ε)          x ← x − ηd
 *   centered (Graves 2013):  a ← αa + (1−α)g,     d = g / (√(s − a²) + ε)
 *   momentum:                b ← ρb + d           x ← x − ηb
 *
 * As in torch.optim.RMSprop, except that s − a² is taken as 0 if rounding brings it below 0. */
#include <tgmath.h>

#include "optim/optimizer.h"

struct RmspropOptions {
    struct OptimizerCommon common;
    double alpha, epsilon, momentum;
    bool centered;
};

static const struct Key keys[] = {
    OPTIMIZER_COMMON_KEYS(struct RmspropOptions),
    {.name = "alpha",
     .type = KEY_REAL,
     .offset = offsetof(struct RmspropOptions, alpha),
     .fallback = "0.99",
     .maximum = 0.99999999,
     .help = "fraction of the squared gradient's running mean that a step keeps"},
    OPTIMIZER_EPSILON_KEY(struct RmspropOptions, "1.0e-8"),
    {.name = "momentum",
     .type = KEY_REAL,
     .offset = offsetof(struct RmspropOptions, momentum),
     .fallback = "0",
     .maximum = 1,
     .help = "fraction of the velocity that a step keeps; 0: no momentum"},
    {.name = "centered",
     .type = KEY_BOOL,
     .offset = offsetof(struct RmspropOptions, centered),
     .fallback = "false",
     .help = "divide by the gradient's standard deviation instead of its root mean square"},
    KEY_END};

enum { SQUARE, MOMENTUM, MEAN, SLOTS };

static bool needs(const void *options, int slot) {
    const struct RmspropOptions *o = options;
    return slot == SQUARE || (slot == MOMENTUM && o->momentum > 0) || (slot == MEAN && o->centered);
}

static inline __attribute__((always_inline)) bool step(const struct Update *update, bool momentum,
                                                       bool centered) {
    const struct RmspropOptions *options = update->options;
    const real rate = (real)update->rate, decay = (real)update->weight_decay;
    const real alpha = (real)options->alpha, fresh = (real)(1 - options->alpha);
    const real epsilon = (real)options->epsilon, rho = (real)options->momentum;
    const real *restrict gradient = update->gradient;
    real *restrict x = update->parameters, *restrict square = update->slots[SQUARE];
    real *restrict velocity = update->slots[MOMENTUM], *restrict mean = update->slots[MEAN];
    real bad = 0; /* 0 · g is NaN if g is NaN or Inf */
    uint32_t replaced = 0;
#pragma omp simd reduction(+ : bad, replaced)
    for (int64_t i = 0; i < update->count; i++) {
        bad += 0 * gradient[i];
        replaced += bits_of(x[i]) + bits_of(square[i]);
        real g = gradient[i] + decay * x[i];
        square[i] = alpha * square[i] + fresh * g * g;
        real spread = square[i];
        if (centered) {
            replaced += bits_of(mean[i]);
            mean[i] = alpha * mean[i] + fresh * g;
            spread -= mean[i] * mean[i];
            spread = spread > 0 ? spread : 0;
        }
        real direction = g / (sqrt(spread) + epsilon);
        if (momentum) {
            replaced += bits_of(velocity[i]);
            direction = velocity[i] = rho * velocity[i] + direction;
        }
        x[i] -= rate * direction;
    }
    *update->replaced += replaced;
    return bad == 0;
}

static bool update(const struct Update *update) {
    const struct RmspropOptions *options = update->options;
    if (options->momentum > 0)
        return options->centered ? step(update, true, true) : step(update, true, false);
    return options->centered ? step(update, false, true) : step(update, false, false);
}

const struct Optimizer KERNEL(optimizer_rmsprop) = {
    .kind = {.name = "rmsprop",
             .summary = "AdaGrad with a leaky sum: each parameter's step is divided by its "
                        "gradient's recent size",
             .keys = keys,
             .options_size = sizeof(struct RmspropOptions)},
    .slot_count = SLOTS,
    .slot_names = {"square_mean", "momentum", "gradient_mean"},
    .needs = needs,
    .update = update,
};
