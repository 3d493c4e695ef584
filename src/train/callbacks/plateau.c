/* Shows validations to the schedule, which may lower the rate. It learns the figures of the model
 * that it trains, not of an average. */
#include <inttypes.h>

#include "train/trainer.h"

struct State {
    bool changed; /* by the newest validation */
};

static void on_validation(struct Trainer *trainer, void *callback,
                          const struct Validation *validation) {
    struct State *state = callback;
    double scale = trainer->saved.schedule.scale;
    schedule_observe(&trainer->options.schedule, &trainer->parts.time, &validation->model,
                     trainer->saved.progress.step, &trainer->saved.schedule);
    state->changed = trainer->saved.schedule.scale != scale;
}

/* `report` has the rate before. One of 0 stays what it is. */
static void tell(struct Trainer *trainer, void *callback, const struct EpochReport *report) {
    struct State *state = callback;
    int64_t step = trainer->saved.progress.step;
    double now = trainer__rate(trainer, step);
    if (state->changed && step < trainer->parts.time.total && now != report->rate)
        progress_note(trainer->bar,
                      "the validation no longer improved: rate %.4g -> %.4g after step %" PRId64
                      " (%s)",
                      report->rate, now, step, trainer->options.schedule.kind->name);
    state->changed = false; /* an epoch may end without a validation */
}

const struct Callback callback_plateau = {.name = "plateau",
                                          .state_size = sizeof(struct State),
                                          .on_validation = on_validation,
                                          .on_epoch = tell,
                                          .on_validated = tell};
