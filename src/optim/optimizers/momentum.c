/* Momentum (Polyak 1964, "Some methods of speeding up the convergence of iteration methods"), with
 * g already holding the decay λx. Two conventions are in use, and both are here:
 *
 *   form: course     v ← ρv − ηg    x ← x + v      CS231n; Sutskever et al. 2013. v is a velocity.
 *   form: pytorch    b ← ρb + g     x ← x − ηb     torch.optim.SGD. b is a sum of gradients.
 *
 * While η is constant v = −ηb and both walk the same path. Where the schedule changes η they
 * differ: `pytorch` applies the new η to the whole history at once, `course` only to new gradients.
 */
#include "optim/optimizer.h"

struct MomentumOptions {
    struct OptimizerCommon common;
    double momentum;
    int form;
};
enum { FORM_COURSE, FORM_PYTORCH };
static const char *const form_names[] = {"course", "pytorch", NULL};

static const struct Key keys[] = {
    OPTIMIZER_COMMON_KEYS(struct MomentumOptions),
    {.name = "momentum",
     .type = KEY_REAL,
     .offset = offsetof(struct MomentumOptions, momentum),
     .fallback = "0.9",
     .maximum = 1,
     .help = "share of the velocity that is kept in a step (rho)"},
    {.name = "form",
     .type = KEY_ENUM,
     .offset = offsetof(struct MomentumOptions, form),
     .fallback = "course",
     .names = form_names,
     .help = "course: v <- rho v - rate g, x <- x + v; pytorch: b <- rho b + g, x <- x - rate b. "
             "The same at a constant rate, with v = -rate b"},
    KEY_END};

static bool update(const struct Update *update) {
    const struct MomentumOptions *options = update->options;
    const bool course = options->form == FORM_COURSE;
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
