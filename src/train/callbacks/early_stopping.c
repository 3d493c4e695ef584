/* early_stopping: ends the run when validations no longer improve. */
#include "train/callbacks/early_stopping.h"

#include "train/trainer.h"

#define PREFIX "stopping_"

struct State {
    struct Patience patience; /* counts even while early stopping is off: it may come on later */
};

static void on_validation(struct Trainer *trainer, void *callback,
                          const struct Validation *validation) {
    struct State *state = callback;
    const struct EarlyStoppingOptions *options = &trainer->options.early_stopping;
    const struct Figures *used = validation__used(validation);
    struct PatienceRule rule = {.figure =
                                    patience_figure(options->metric, trainer->saved.targets.kind),
                                .threshold = options->minimum_improvement};
    patience_observe(&state->patience, rule, used);
}

/* At the last step there is nothing left to stop. */
static bool wants_stop(const struct Trainer *trainer, const void *callback,
                       struct StopReport *report) {
    const struct State *state = callback;
    const struct EarlyStoppingOptions *options = &trainer->options.early_stopping;
    const struct Progress *progress = &trainer->saved.progress;
    if (!options->patience || state->patience.waited < options->patience ||
        progress->step >= trainer->parts.time.total)
        return false;
    *report =
        (struct StopReport){.step = progress->step,
                            .epoch = progress->epoch + 1,
                            .figure = patience_figure(options->metric, trainer->saved.targets.kind),
                            .best = state->patience.best,
                            .waited = state->patience.waited};
    return true;
}

int early_stopping_read(struct Patience *patience, const struct Checkpoint *checkpoint,
                        struct Error *error) {
    struct CheckpointPart part = {.value = patience, .table = &patience_saved, .prefix = PREFIX};
    return checkpoint_get_parts(checkpoint, &part, 1, error);
}

const struct Callback callback_early_stopping = {.name = "early stopping",
                                                 .state_size = sizeof(struct State),
                                                 .saved = &patience_saved,
                                                 .prefix = PREFIX,
                                                 .saved_offset = offsetof(struct State, patience),
                                                 .on_validation = on_validation,
                                                 .wants_stop = wants_stop};
