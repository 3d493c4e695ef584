/* Compares the ranks' replicas of the model, bit for bit: at the start, before each save, and every
 * train.check_every steps. */
#include <inttypes.h>

#include "base/digest.h"
#include "train/trainer.h"

static int compare(struct Trainer *trainer, void *state, struct Error *error) {
    (void)state;
    size_t bytes = (size_t)arena_state_elements(model_arena(trainer->parts.model)) * sizeof(float);
    struct Digest digest = digest_bytes(trainer->state, bytes);
    int64_t least[2] = {(int64_t)digest.high, (int64_t)digest.low}, most[2] = {least[0], least[1]};
    ranks_minimum(trainer->ranks, least, 2);
    ranks_maximum(trainer->ranks, most, 2);
    if (least[0] == most[0] && least[1] == most[1])
        return OK;
    return fail(error, ERROR_NUMERIC,
                "step %" PRId64 ": the ranks' replicas differ; a machine computes wrongly, or "
                "train.exchange is not bit-exact",
                trainer->saved.progress.step);
}

static int on_step(struct Trainer *trainer, void *state, const struct StepReport *report,
                   struct Error *error) {
    int64_t every = trainer->options.train.check_every;
    return every && report->step % every == 0 ? compare(trainer, state, error) : OK;
}

const struct Callback callback_replica_check = {
    .name = "replica check", .on_start = compare, .on_step = on_step, .on_save = compare};
