/* AdaGrad (Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic
 * optimization"), where g includes the decay λx:
 *
 *   s ← s + g²    x ← x − η/(1 + (t−1)·rate_decay) · g / (√s + ε)
 *
 * s never falls, so the steps only become smaller. As in torch.optim.Adagrad. */
#include <tgmath.h>

#include "optim/optimizer.h"

struct AdagradOptions {
    struct OptimizerCommon common;
    double rate_decay, initial, epsilon;
};

static const struct Key keys[] = {OPTIMIZER_COMMON_KEYS(struct AdagradOptions),
                                  {.name = "rate_decay",
                                   .type = KEY_REAL,
                                   .offset = offsetof(struct AdagradOptions, rate_decay),
                                   .fallback = "0",
                                   .minimum = 0,
                                   .maximum = 1e6,
                                   .help = "the rate is divided by 1 + rate_decay * steps done"},
                                  {.name = "initial",
                                   .type = KEY_REAL,
                                   .offset = offsetof(struct AdagradOptions, initial),
                                   .fallback = "0",
                                   .minimum = 0,
                                   .maximum = 1e6,
                                   .help = "the initial sum of squares"},
                                  OPTIMIZER_EPSILON_KEY(struct AdagradOptions, "1.0e-10"),
                                  KEY_END};

static double start(const void *options, int slot) {
    (void)slot;
    return ((const struct AdagradOptions *)options)->initial;
}

static bool update(const struct Update *update) {
    const struct AdagradOptions *options = update->options;
    const double fall = 1 + (double)(update->step - 1) * options->rate_decay;
    const real rate = (real)(update->rate / fall), decay = (real)update->weight_decay;
    const real epsilon = (real)options->epsilon;
    const real *restrict gradient = update->gradient;
    real *restrict x = update->parameters, *restrict sum = update->slots[0];
    real bad = 0; /* 0 · g is NaN if g is NaN or Inf */
    uint32_t replaced = 0;
#pragma omp simd reduction(+ : bad, replaced)
    for (int64_t i = 0; i < update->count; i++) {
        bad += 0 * gradient[i];
        replaced += bits_of(x[i]) + bits_of(sum[i]);
        real g = gradient[i] + decay * x[i];
        sum[i] += g * g;
        x[i] -= rate * g / (sqrt(sum[i]) + epsilon);
    }
    *update->replaced += replaced;
    return bad == 0;
}

const struct Optimizer KERNEL(optimizer_adagrad) = {
    .kind = {.name = "adagrad",
             .summary = "each parameter's rate falls with the sum of its squared gradients; it "
                        "never rises again, so that long runs stall",
             .keys = keys,
             .options_size = sizeof(struct AdagradOptions)},
    .slot_count = 1,
    .slot_names = {"square_sum"},
    .start = start,
    .update = update,
};
