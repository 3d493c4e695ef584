/* Nesterov momentum (Nesterov 1983; in this form Bengio et al. 2012, "Advances in optimizing
 * recurrent networks"). The gradient is taken at the point to which the velocity leads, and x holds
 * that point. g includes the decay λx. The two forms of momentum_options.h are:
 *
 *   MOMENTUM_VELOCITY      v ← ρv − ηg    x ← x − ρ·v_old + (1+ρ)v    CS231n, EECS 498-007
 *   MOMENTUM_GRADIENT_SUM  b ← ρb + g     x ← x − η(g + ρb) torch.optim.SGD(nesterov=True)
 *
 * At a constant η they agree: with v = −ηb and v = ρ·v_old − ηg the first is x + ρv − ηg. */
#include "optim/momentum_options.h"

static const struct Key keys[] = {
    MOMENTUM_KEYS(
        struct MomentumOptions,
        "course: v <- rho v - rate g, x <- x - rho v_old + (1 + rho) v; pytorch: b <- rho b + "
        "g, x <- x - rate (g + rho b)"),
    KEY_END};

static bool update_velocity(const struct Update *update, real rho) {
    const real rate = (real)update->rate, decay = (real)update->weight_decay;
    const real *restrict gradient = update->gradient;
    real *restrict x = update->parameters, *restrict v = update->slots[0];
    real bad = 0; /* 0 · g is NaN if g is NaN or Inf */
    uint32_t replaced = 0;
#pragma omp simd reduction(+ : bad, replaced)
    for (int64_t i = 0; i < update->count; i++) {
        bad += 0 * gradient[i];
        replaced += bits_of(x[i]) + bits_of(v[i]);
        real old = v[i];
        v[i] = rho * old - rate * (gradient[i] + decay * x[i]);
        x[i] += (1 + rho) * v[i] - rho * old;
    }
    *update->replaced += replaced;
    return bad == 0;
}

static bool update_gradient_sum(const struct Update *update, real rho) {
    const real rate = (real)update->rate, decay = (real)update->weight_decay;
    const real *restrict gradient = update->gradient;
    real *restrict x = update->parameters, *restrict b = update->slots[0];
    real bad = 0;
    uint32_t replaced = 0;
#pragma omp simd reduction(+ : bad, replaced)
    for (int64_t i = 0; i < update->count; i++) {
        bad += 0 * gradient[i];
        replaced += bits_of(x[i]) + bits_of(b[i]);
        real g = gradient[i] + decay * x[i];
        b[i] = rho * b[i] + g;
        x[i] -= rate * (g + rho * b[i]);
    }
    *update->replaced += replaced;
    return bad == 0;
}

static bool update(const struct Update *update) {
    const struct MomentumOptions *options = update->options;
    real rho = (real)options->momentum;
    return options->form == MOMENTUM_VELOCITY ? update_velocity(update, rho)
                                              : update_gradient_sum(update, rho);
}

const struct Optimizer KERNEL(optimizer_nesterov) = {
    .kind = {.name = "nesterov",
             .summary = "momentum with the gradient taken where the velocity is about to lead",
             .keys = keys,
             .options_size = sizeof(struct MomentumOptions)},
    .slot_count = 1,
    .slot_names = {"momentum"},
    .update = update,
};
