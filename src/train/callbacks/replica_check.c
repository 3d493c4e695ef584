/* Compares the ranks' replicas, bit for bit: at the start, before each save, and every
 * train.check_every steps. */
#include "train/trainer.h"

static int compare(struct Trainer *trainer, void *state, struct Error *error) {
    (void)state;
    return replicas__compare(trainer, true, error);
}

static int on_step(struct Trainer *trainer, void *state, const struct StepReport *report,
                   struct Error *error) {
    int64_t every = trainer->options.train.check_every;
    bool due = (every && report->step % every == 0) || replicas__are_full(trainer);
    return due ? compare(trainer, state, error) : OK;
}

const struct Callback callback_replica_check = {
    .name = "replica check", .on_start = compare, .on_step = on_step, .on_save = compare};
