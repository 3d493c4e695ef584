/* Adam (Kingma and Ba 2015, "Adam: a method for stochastic optimization"), where g
 * includes the decay λx:
 *
 *   m ← β₁m + (1−β₁)g    v ← β₂v + (1−β₂)g²    x ← x − η · m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε)
 *
 * amsgrad (Reddi et al. 2018, "On the convergence of Adam and beyond") takes the root of the
 * largest v so far. As in torch.optim.Adam, v is corrected after the maximum is taken. */
#include "optim/adam.h"

static const struct Key keys[] = {OPTIMIZER_COMMON_KEYS(struct AdamOptions), ADAM_KEYS, KEY_END};

static bool update(const struct Update *update) {
    const struct AdamOptions *options = update->options;
    return options->amsgrad ? adam_step(update, update->weight_decay, 1, true)
                            : adam_step(update, update->weight_decay, 1, false);
}

const struct Optimizer KERNEL(optimizer_adam) = {
    .kind = {.name = "adam",
             .summary = "momentum and a rate of its own for each parameter, both corrected for "
                        "their start at zero; the course's default",
             .keys = keys,
             .options_size = sizeof(struct AdamOptions)},
    .slot_count = ADAM_SLOTS,
    .slot_names = ADAM_SLOT_NAMES,
    .needs = adam_needs,
    .update = update,
};
