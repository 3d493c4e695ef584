#include "train/progress.h"

static bool is_valid(const void *value) {
    const struct Progress *progress = value;
    return progress->step >= 0 && progress->epoch >= 0 && progress->step_in_epoch >= 0;
}

static const struct SavedField progress_fields[] = {
    SAVED_FIELD(struct Progress, "step", step),
    SAVED_FIELD(struct Progress, "epoch", epoch),
    SAVED_FIELD(struct Progress, "step_in_epoch", step_in_epoch),
    SAVED_FIELD(struct Progress, "epoch_loss", epoch_loss),
    SAVED_FIELD(struct Progress, "epoch_correct", epoch_correct),
    SAVED_FIELD(struct Progress, "epoch_samples", epoch_samples),
    SAVED_FIELD(struct Progress, "epoch_squared_error", epoch_squared_error, .optional = true),
    SAVED_FIELD(struct Progress, "seconds", seconds),
    SAVED_END};
const struct SavedTable progress_saved = {
    .what = "a run", .fields = progress_fields, .is_valid = is_valid};

static const struct SavedField best_fields[] = {
    SAVED_FIELD(struct Best, "metric", metric, .start = -1), SAVED_FIELD(struct Best, "step", step),
    SAVED_END};
const struct SavedTable best_saved = {.what = "a best validation", .fields = best_fields};

enum Figure best_figure(const struct Targets *targets) {
    return targets_are_values(targets) ? FIGURE_LOSS : FIGURE_ACCURACY;
}

void best_observe(struct Best *best, enum Figure figure, const struct Figures *validation,
                  int64_t step) {
    double value = validation->value[figure];
    if (best->step > 0 && !figure_is_better(figure, value, best->metric))
        return;
    *best = (struct Best){.metric = value, .step = step};
}
