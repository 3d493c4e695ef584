/* LAMB (You et al. 2020, "Large batch optimization for deep learning: training BERT in 76
 * minutes"), algorithm 2 with φ the identity: Adam's direction and the decay, scaled row by row:
 *
 *   m ← β₁m + (1−β₁)g    v ← β₂v + (1−β₂)g²
 *   u = m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε) + λx    x ← x − η · |x|/|u| · u
 *
 * The ratio |x|/|u| is 1 if |x| or |u| is 0, and for the rows that are not adapted. */
#include "optim/adam.h"
#include "optim/sum_of_squares.h"
#include "optim/trust_ratio.h"

struct LambOptions {
    struct TrustRatioOptions rows;
    double beta1, beta2, epsilon;
};

static const struct Key keys[] = {
    TRUST_RATIO_KEYS("0", "adds weight_decay * w to Adam's direction"),
    ADAM_BETA_KEYS(struct LambOptions), OPTIMIZER_EPSILON_KEY(struct LambOptions, "1.0e-6"),
    KEY_END};

enum { MEAN, SQUARE, SLOTS };
enum { WEIGHTS, DIRECTIONS };

/* u = m·mean / (√v·root + ε) + λx */
struct Direction {
    real mean, root, epsilon, decay;
};

static struct Direction direction_of(const struct Update *update) {
    const struct LambOptions *options = update->options;
    double step = (double)update->step;
    return (struct Direction){.mean = (real)(1 / (1 - pow(options->beta1, step))),
                              .root = (real)(1 / sqrt(1 - pow(options->beta2, step))),
                              .epsilon = (real)options->epsilon,
                              .decay = (real)update->weight_decay};
}

static inline real direction_at(struct Direction d, real m, real v, real x) {
    return m * d.mean / (sqrt(v) * d.root + d.epsilon) + d.decay * x;
}

static bool measure(const struct Update *update) {
    const struct LambOptions *options = update->options;
    const struct Direction direction = direction_of(update);
    const real beta1 = (real)options->beta1, beta2 = (real)options->beta2;
    const real fresh1 = (real)(1 - options->beta1), fresh2 = (real)(1 - options->beta2);
    const real *restrict gradient = update->gradient, *restrict x = update->parameters;
    real *restrict m = update->slots[MEAN], *restrict v = update->slots[SQUARE];
    real u[OPTIMIZER_BLOCK];
    real bad = 0; /* 0 · g is NaN if g is NaN or Inf */
    uint32_t replaced = 0;
    CHECK(update->count <= OPTIMIZER_BLOCK);
#pragma omp simd reduction(+ : bad, replaced)
    for (int64_t i = 0; i < update->count; i++) {
        bad += 0 * gradient[i];
        replaced += bits_of(m[i]) + bits_of(v[i]);
        m[i] = beta1 * m[i] + fresh1 * gradient[i];
        v[i] = beta2 * v[i] + fresh2 * gradient[i] * gradient[i];
        u[i] = direction_at(direction, m[i], v[i], x[i]);
    }
    update->sums[WEIGHTS] += sum_of_squares(update->count, x);
    update->sums[DIRECTIONS] += sum_of_squares(update->count, u);
    *update->replaced += replaced;
    return bad == 0;
}

static double trust(const void *options, double weight_decay, const double *sums) {
    (void)options, (void)weight_decay;
    if (sums[WEIGHTS] == 0 || sums[DIRECTIONS] == 0)
        return 1;
    return sqrt(sums[WEIGHTS] / sums[DIRECTIONS]);
}

static bool update(const struct Update *update) {
    const struct Direction direction = direction_of(update);
    const real rate = (real)(update->rate * update->trust);
    const real *restrict m = update->slots[MEAN], *restrict v = update->slots[SQUARE];
    real *restrict x = update->parameters;
    uint32_t replaced = 0;
#pragma omp simd reduction(+ : replaced)
    for (int64_t i = 0; i < update->count; i++) {
        replaced += bits_of(x[i]);
        x[i] -= rate * direction_at(direction, m[i], v[i], x[i]);
    }
    *update->replaced += replaced;
    return true; /* `measure` has checked the gradient */
}

const struct Optimizer KERNEL(optimizer_lamb) = {
    .kind = {.name = "lamb",
             .summary = "Adam for large batches: the step of each layer's weights is scaled by "
                        "their norm divided by the step's",
             .keys = keys,
             .options_size = sizeof(struct LambOptions)},
    .slot_count = SLOTS,
    .slot_names = {"first_moment", "second_moment"},
    .decoupled = true,
    .update = update,
    .measure = measure,
    .trust = trust,
};
