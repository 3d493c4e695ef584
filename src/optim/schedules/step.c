/* f^⌊t / every⌋, t in steps after the warm-up. */
#include <math.h>

#include "optim/schedule.h"

struct StepOptions {
    struct ScheduleCommon common;
    struct Span every;
    double factor;
};

static const struct Key keys[] = {
    SCHEDULE_COMMON_KEYS(struct StepOptions),
    {.name = "every",
     .type = KEY_SPAN,
     .offset = offsetof(struct StepOptions, every),
     .help = "how long the rate stays before it is multiplied by the factor"},
    SCHEDULE_FACTOR_KEY(struct StepOptions),
    KEY_END};

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    (void)total;
    const struct StepOptions *o = options;
    return pow(o->factor, (double)(step / span_steps(o->every, time->steps_per_epoch)));
}

static int check(const struct Choice *schedule, const struct ScheduleTime *time,
                 struct Error *error) {
    const struct StepOptions *o = schedule->options;
    return span_check(schedule, "every", o->every, time, error);
}

const struct Schedule schedule_step = {
    .kind = {.name = "step",
             .summary = "multiplies the rate by a factor at regular intervals",
             .keys = keys,
             .options_size = sizeof(struct StepOptions)},
    .factor = factor,
    .check = check,
};
