#include "train/progress.h"

#include <math.h>

static bool is_valid(const void *value) {
    const struct Progress *progress = value;
    return progress->step >= 0 && progress->epoch >= 0 && progress->step_in_epoch >= 0;
}

static const struct SavedField progress_fields[] = {
    SAVED_FIELD(struct Progress, "step", step),
    SAVED_FIELD(struct Progress, "epoch", epoch),
    SAVED_FIELD(struct Progress, "step_in_epoch", step_in_epoch),
    SAVED_FIELD(struct Progress, "epoch_loss", epoch_sums[TALLY_LOSS]),
    SAVED_FIELD(struct Progress, "epoch_correct", epoch_sums[TALLY_CORRECT]),
    SAVED_FIELD(struct Progress, "epoch_samples", epoch_sums[TALLY_SAMPLES]),
    SAVED_FIELD(struct Progress, "epoch_squared_error", epoch_sums[TALLY_SQUARED_ERROR],
                .optional = true),
    SAVED_FIELD(struct Progress, "seconds", seconds),
    SAVED_END};
const struct SavedTable progress_saved = {
    .what = "a run", .fields = progress_fields, .is_valid = is_valid};

struct Figures figures_of_sums(const double sums[TALLY_COUNT], const struct Targets *targets,
                               double error_unit) {
    struct Figures figures = {0};
    double samples = sums[TALLY_SAMPLES];
    if (samples <= 0)
        return figures;
    figures_set(&figures, FIGURE_LOSS, sums[TALLY_LOSS] / samples);
    if (!targets_are_values(targets))
        figures_set(&figures, FIGURE_ACCURACY, sums[TALLY_CORRECT] / samples);
    else if (error_unit >= 0)
        figures_set(&figures, FIGURE_RMSE, sqrt(sums[TALLY_SQUARED_ERROR] / samples * error_unit));
    return figures;
}

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
