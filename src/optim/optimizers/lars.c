/* LARS (You, Gitman and Ginsburg 2017, "Large batch training of convolutional networks"): momentum
 * whose rate is scaled row by row, so that a step's length is a fixed fraction of the weights'
 * norm:
 *
 *   φ = trust · |x| / (|g| + λ|x| + ε)    v ← ρv + ηφ(g + λx)    x ← x − v
 *
 * φ is 1 if |x| or |g| is 0, and for the rows that are not adapted. */
#include <tgmath.h>

#include "optim/sum_of_squares.h"
#include "optim/trust_ratio.h"

struct LarsOptions {
    struct TrustRatioOptions rows;
    double momentum, trust, epsilon;
};

static const struct Key keys[] = {
    TRUST_RATIO_KEYS("0", "L2 penalty: adds weight_decay * w to the gradient"),
    {.name = "momentum",
     .type = KEY_REAL,
     .offset = offsetof(struct LarsOptions, momentum),
     .fallback = "0.9",
     .maximum = 1,
     .help = "fraction of the velocity that a step keeps (rho)"},
    {.name = "trust",
     .type = KEY_REAL,
     .offset = offsetof(struct LarsOptions, trust),
     .fallback = "0.001",
     .maximum = 1e6,
     .above_minimum = true,
     .help = "norm of a step as a fraction of the weights' norm, at a rate of 1"},
    OPTIMIZER_EPSILON_KEY(struct LarsOptions, "1.0e-8"),
    KEY_END};

enum { WEIGHTS, GRADIENTS };

static bool measure(const struct Update *update) {
    double gradients = sum_of_squares(update->count, update->gradient);
    update->sums[WEIGHTS] += sum_of_squares(update->count, update->parameters);
    update->sums[GRADIENTS] += gradients;
    return isfinite(gradients);
}

static double trust(const void *options, double weight_decay, const double *sums) {
    const struct LarsOptions *o = options;
    double weights = sqrt(sums[WEIGHTS]), gradients = sqrt(sums[GRADIENTS]);
    if (weights == 0 || gradients == 0)
        return 1;
    return o->trust * weights / (gradients + weight_decay * weights + o->epsilon);
}

static bool update(const struct Update *update) {
    const struct LarsOptions *options = update->options;
    const real rate = (real)(update->rate * update->trust), decay = (real)update->weight_decay;
    const real rho = (real)options->momentum;
    const real *restrict gradient = update->gradient;
    real *restrict x = update->parameters, *restrict v = update->slots[0];
    uint32_t replaced = 0;
#pragma omp simd reduction(+ : replaced)
    for (int64_t i = 0; i < update->count; i++) {
        replaced += bits_of(x[i]) + bits_of(v[i]);
        v[i] = rho * v[i] + rate * (gradient[i] + decay * x[i]);
        x[i] -= v[i];
    }
    *update->replaced += replaced;
    return true; /* `measure` has checked the gradient */
}

const struct Optimizer KERNEL(optimizer_lars) = {
    .kind = {.name = "lars",
             .summary = "momentum for large batches: the step of each layer's weights is scaled by "
                        "their norm divided by their gradient's",
             .keys = keys,
             .options_size = sizeof(struct LarsOptions)},
    .slot_count = 1,
    .slot_names = {"momentum"},
    .update = update,
    .measure = measure,
    .trust = trust,
};
