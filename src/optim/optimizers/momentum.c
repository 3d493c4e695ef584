/* Momentum (Polyak 1964, "Some methods of speeding up the convergence of iteration methods"), with
 * g already holding the decay λx. Two conventions are in use, and both are here:
 *
 *   form: course     v ← ρv − ηg    x ← x + v      CS231n; Sutskever et al. 2013. v is a velocity.
 *   form: pytorch    b ← ρb + g     x ← x − ηb     torch.optim.SGD. b is a sum of gradients.
 *
 * While η is constant v = −ηb and both walk the same path. Where the schedule changes η they
 * differ: `pytorch` applies the new η to the whole history at once, `course` only to new gradients.
 */
#include "optim/momentum_options.h"

static const struct Key keys[] = {
    MOMENTUM_KEYS(
        "course: v <- rho v - rate g, x <- x + v; pytorch: b <- rho b + g, x <- x - rate b"),
    KEY_END};

static bool update(const struct Update *update) {
    const struct MomentumOptions *options = update->options;
    const bool course = options->form == MOMENTUM_VELOCITY;
    const real rho = (real)options->momentum, decay = (real)update->weight_decay;
    /* v ← ρv + inward · g, x ← x + outward · v */
    const real inward = course ? -(real)update->rate : 1;
    const real outward = course ? 1 : -(real)update->rate;
    const real *restrict gradient = update->gradient;
    real *restrict x = update->parameters, *restrict v = update->slots[0];
    real bad = 0; /* 0 · g is NaN where g is NaN or Inf */
#pragma omp simd reduction(+ : bad)
    for (int64_t i = 0; i < update->count; i++) {
        bad += 0 * gradient[i];
        v[i] = rho * v[i] + inward * (gradient[i] + decay * x[i]);
        x[i] += outward * v[i];
    }
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
