/* Momentum (Polyak 1964, "Some methods of speeding up the convergence of iteration methods"; as a
 * velocity Sutskever et al. 2013), in the two forms of momentum_options.h. g includes the decay
 * λx. */
#include "optim/momentum_options.h"

static const struct Key keys[] = {
    MOMENTUM_KEYS(
        struct MomentumOptions,
        "course: v <- rho v - rate g, x <- x + v, as in the course's notes; pytorch: b <- rho b + "
        "g, x <- x - rate b, as in its lectures"),
    KEY_END};

static bool update(const struct Update *update) {
    const struct MomentumOptions *options = update->options;
    const bool velocity = options->form == MOMENTUM_VELOCITY;
    const real rho = (real)options->momentum, decay = (real)update->weight_decay;
    /* v ← ρv + inward · g, x ← x + outward · v */
    const real inward = velocity ? -(real)update->rate : 1;
    const real outward = velocity ? 1 : -(real)update->rate;
    const real *restrict gradient = update->gradient;
    real *restrict x = update->parameters, *restrict v = update->slots[0];
    real bad = 0; /* 0 · g is NaN if g is NaN or Inf */
    uint32_t replaced = 0;
#pragma omp simd reduction(+ : bad, replaced)
    for (int64_t i = 0; i < update->count; i++) {
        bad += 0 * gradient[i];
        replaced += bits_of(x[i]) + bits_of(v[i]);
        v[i] = rho * v[i] + inward * (gradient[i] + decay * x[i]);
        x[i] += outward * v[i];
    }
    *update->replaced += replaced;
    return bad == 0;
}

const struct Optimizer KERNEL(optimizer_momentum) = {
    .kind = {.name = "momentum",
             .summary = "gradient descent with a velocity that averages the gradients",
             .keys = keys,
             .options_size = sizeof(struct MomentumOptions)},
    .slot_count = 1,
    .slot_names = {"momentum"},
    .update = update,
};
