/* Stochastic gradient descent: x ← x − η(g + λx).
 * Robbins and Monro 1951, "A stochastic approximation method". */
#include "optim/optimizer.h"

struct SgdOptions {
    struct OptimizerCommon common;
};

static const struct Key keys[] = {OPTIMIZER_COMMON_KEYS(struct SgdOptions), KEY_END};

static bool update(const struct Update *update) {
    const real rate = (real)update->rate, decay = (real)update->weight_decay;
    const real *restrict gradient = update->gradient;
    real *restrict x = update->parameters;
    real bad = 0; /* 0 · g is NaN if g is NaN or Inf */
    uint32_t replaced = 0;
#pragma omp simd reduction(+ : bad, replaced)
    for (int64_t i = 0; i < update->count; i++) {
        bad += 0 * gradient[i];
        replaced += bits_of(x[i]);
        x[i] -= rate * (gradient[i] + decay * x[i]);
    }
    *update->replaced += replaced;
    return bad == 0;
}

const struct Optimizer KERNEL(optimizer_sgd) = {
    .kind = {.name = "sgd",
             .summary = "plain gradient descent: x <- x - rate * g",
             .keys = keys,
             .options_size = sizeof(struct SgdOptions)},
    .update = update,
};
