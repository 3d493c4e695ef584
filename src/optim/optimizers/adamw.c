/* AdamW (Loshchilov and Hutter 2019, "Decoupled weight decay regularization"): Adam on the
 * gradient without decay, and separately x ← x − ηλx, so that the decay is not divided by √v. As in
 * torch.optim.AdamW, λ is multiplied by the scheduled rate. */
#include "optim/adam.h"

static const struct Key keys[] = {
    OPTIMIZER_COMMON_KEYS_DECAY(struct AdamOptions, "0.01",
                                "decoupled: each step subtracts rate * weight_decay * w from w, "
                                "besides the gradient's step"),
    ADAM_KEYS, KEY_END};

static bool update(const struct Update *update) {
    const struct AdamOptions *options = update->options;
    double shrink = 1 - update->rate * update->weight_decay;
    return options->amsgrad ? adam_step(update, 0, shrink, true)
                            : adam_step(update, 0, shrink, false);
}

const struct Optimizer KERNEL(optimizer_adamw) = {
    .kind = {.name = "adamw",
             .summary =
                 "Adam with decoupled weight decay, which is not divided by the gradient's size",
             .keys = keys,
             .options_size = sizeof(struct AdamOptions)},
    .slot_count = ADAM_SLOTS,
    .slot_names = ADAM_SLOT_NAMES,
    .needs = adam_needs,
    .decoupled = true,
    .update = update,
};
