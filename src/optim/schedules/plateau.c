/* Multiplies the rate by a factor when a metric of the validations has stopped improving; in the
 * course a person decides that ("decay when the loss stops falling"). At every validation the rate
 * equals that of torch.optim's ReduceLROnPlateau. Validations during the warm-up do not count. */
#include <math.h>

#include "optim/schedule.h"

enum { MODE_RELATIVE, MODE_ABSOLUTE };
static const char *const mode_names[] = {"relative", "absolute", NULL};

struct PlateauOptions {
    struct ScheduleCommon common;
    int metric, threshold_mode;
    double factor, threshold, minimum;
    int64_t patience, cooldown;
};

static const struct Key keys[] = {
    SCHEDULE_COMMON_KEYS(struct PlateauOptions),
    {.name = "metric",
     .type = KEY_ENUM,
     .offset = offsetof(struct PlateauOptions, metric),
     .fallback = "loss",
     .names = patience_metric_names,
     .help = "figure of the validation that is watched: losses and rmse should fall, the others "
             "rise; accuracy means R2 if the targets are values; if it is not given, that of "
             "checkpoint.best, if that names one"},
    SCHEDULE_FACTOR_KEY(struct PlateauOptions),
    {.name = "patience",
     .type = KEY_INT,
     .offset = offsetof(struct PlateauOptions, patience),
     .fallback = "10",
     .minimum = 0,
     .maximum = 1e9,
     .unit = "validations",
     .help = "how many in a row may fail to improve; the next such one lowers the rate"},
    {.name = "threshold",
     .type = KEY_REAL,
     .offset = offsetof(struct PlateauOptions, threshold),
     .fallback = "1e-4",
     .minimum = 0,
     .maximum = 1e6,
     .help = "by how much an improvement must beat the best so far"},
    {.name = "threshold_mode",
     .type = KEY_ENUM,
     .offset = offsetof(struct PlateauOptions, threshold_mode),
     .fallback = "relative",
     .names = mode_names,
     .help = "the threshold is a fraction of the best so far, or a difference"},
    {.name = "cooldown",
     .type = KEY_INT,
     .offset = offsetof(struct PlateauOptions, cooldown),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .unit = "validations",
     .help = "how many are not counted after the rate was lowered"},
    {.name = "minimum",
     .type = KEY_REAL,
     .offset = offsetof(struct PlateauOptions, minimum),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1,
     .help = "the lowest rate, as a fraction of the base rate"},
    KEY_END};

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    (void)options, (void)time, (void)step, (void)total;
    return 1; /* ScheduleState.scale holds the factor */
}

static int metric(const void *options) {
    return ((const struct PlateauOptions *)options)->metric;
}

static void follow(void *options, int metric) {
    ((struct PlateauOptions *)options)->metric = metric;
}

static void observe(const void *options, const struct Figures *validation,
                    struct ScheduleState *state) {
    const struct PlateauOptions *o = options;
    enum TargetKind targets = validation->measured[FIGURE_R2] ? TARGET_VALUES : TARGET_CLASSES;
    struct PatienceRule rule = {.figure = patience_figure(o->metric, targets),
                                .threshold = o->threshold,
                                .relative = o->threshold_mode == MODE_RELATIVE};
    patience_observe(&state->patience, rule, validation);
    if (state->cooldown > 0) {
        state->cooldown--;
        state->patience.waited = 0;
    }
    if (state->patience.waited <= o->patience)
        return;
    state->scale = fmax(state->scale * o->factor, o->minimum);
    state->cooldown = o->cooldown;
    state->patience.waited = 0;
}

const struct Schedule schedule_plateau = {
    .kind = {.name = "plateau",
             .summary = "multiplies the rate by a factor when the validation no longer improves",
             .keys = keys,
             .options_size = sizeof(struct PlateauOptions)},
    .factor = factor,
    .observe = observe,
    .metric = metric,
    .follow = follow,
};
