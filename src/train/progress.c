#include "train/progress.h"

#include <math.h>

#include "optim/patience.h"
#include "run/options.h"

static bool is_sum(double value) {
    return isfinite(value) && value >= 0;
}

/* A step that is not finite does not count, so that the sums of an epoch are finite. */
static bool is_valid(const void *value) {
    const struct Progress *progress = value;
    bool valid = progress->step >= 0 && progress->epoch >= 0 && progress->step_in_epoch >= 0 &&
                 is_sum(progress->seconds) && is_sum(progress->validated_seconds);
    const double *sums = progress->epoch_sums;
    return valid && isfinite(sums[TALLY_LOSS]) && is_sum(sums[TALLY_CORRECT]) &&
           is_sum(sums[TALLY_SAMPLES]) && is_sum(sums[TALLY_WEIGHT]);
}

static const struct SavedField progress_fields[] = {
    SAVED_FIELD(struct Progress, "step", step),
    SAVED_FIELD(struct Progress, "epoch", epoch),
    SAVED_FIELD(struct Progress, "step_in_epoch", step_in_epoch),
    SAVED_FIELD(struct Progress, "end_is_due", end_is_due, .optional = true),
    SAVED_FIELD(struct Progress, "validation_is_due", validation_is_due, .optional = true),
    SAVED_FIELD(struct Progress, "validated_seconds", validated_seconds, .optional = true),
    SAVED_FIELD(struct Progress, "epoch_loss", epoch_sums[TALLY_LOSS]),
    SAVED_FIELD(struct Progress, "epoch_correct", epoch_sums[TALLY_CORRECT]),
    SAVED_FIELD(struct Progress, "epoch_samples", epoch_sums[TALLY_SAMPLES]),
    SAVED_FIELD(struct Progress, "epoch_squared_error", epoch_sums[TALLY_SQUARED_ERROR],
                .optional = true),
    SAVED_FIELD(struct Progress, "epoch_weight", epoch_sums[TALLY_WEIGHT], .optional = true),
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
    double weight = sums[TALLY_WEIGHT] > 0 ? sums[TALLY_WEIGHT] : samples;
    figures_set(&figures, FIGURE_LOSS, sums[TALLY_LOSS] / weight);
    if (!targets_are_values(targets))
        figures_set(&figures, FIGURE_ACCURACY, sums[TALLY_CORRECT] / samples);
    else if (error_unit >= 0)
        figures_set(&figures, FIGURE_RMSE, sqrt(sums[TALLY_SQUARED_ERROR] / samples * error_unit));
    return figures;
}

static bool best_is_valid(const void *value) {
    const struct Best *best = value;
    return best->figure >= -1 && best->figure < FIGURE_COUNT && best->step >= 0 &&
           (best->figure < 0 || figure_is_possible((enum Figure)best->figure, best->metric));
}

static const struct SavedField best_fields[] = {
    SAVED_FIELD(struct Best, "metric", metric, .start = -1), SAVED_FIELD(struct Best, "step", step),
    SAVED_FIELD(struct Best, "loss", loss, .start = -1, .optional = true),
    SAVED_FIELD(struct Best, "figure", figure, .start = -1, .optional = true), SAVED_END};
const struct SavedTable best_saved = {
    .what = "a best validation", .fields = best_fields, .is_valid = best_is_valid};

enum Figure best_metric_figure(int metric, enum TargetKind targets) {
    if (metric == BEST_AUTO)
        return targets == TARGET_VALUES || targets == TARGET_SETS ? FIGURE_LOSS : FIGURE_ACCURACY;
    return patience_figure(best_metric(metric), targets);
}

enum Figure best_figure(const struct Best *best, enum TargetKind targets) {
    return best->figure < 0 ? best_metric_figure(BEST_AUTO, targets) : (enum Figure)best->figure;
}

static bool is_better(const struct Best *best, enum Figure figure, double value, double loss) {
    if (best->step == 0 || (isnan(best->metric) && !isnan(value)))
        return true;
    return figure_is_better(figure, value, best->metric) ||
           (value == best->metric && loss < best->loss);
}

void best_observe(struct Best *best, enum Figure figure, const struct Figures *validation,
                  int64_t step) {
    double value = validation->value[figure], loss = validation->value[FIGURE_LOSS];
    if (is_better(best, figure, value, loss))
        *best = (struct Best){.metric = value, .loss = loss, .figure = figure, .step = step};
}
