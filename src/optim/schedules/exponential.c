/* f^(t / every), t in steps after the warm-up: the course's η₀·e^(−kt) with k = −ln f / every. It
 * falls at every step; the schedule `step` falls every `every` steps. */
#include <math.h>

#include "optim/schedule.h"

struct ExponentialOptions {
    struct ScheduleCommon common;
    struct Span every;
    double factor;
};

static const struct Key keys[] = {
    SCHEDULE_COMMON_KEYS(struct ExponentialOptions),
    {.name = "every",
     .type = KEY_SPAN,
     .offset = offsetof(struct ExponentialOptions, every),
     .fallback = "1 epoch",
     .help = "the time in which the rate falls by the factor"},
    {.name = "factor",
     .type = KEY_REAL,
     .offset = offsetof(struct ExponentialOptions, factor),
     .fallback = "0.95",
     .minimum = 0,
     .maximum = 1,
     .above_minimum = true,
     .help = "what the rate is multiplied by over that time, a little at every step"},
    KEY_END};

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    (void)total;
    const struct ExponentialOptions *o = options;
    return pow(o->factor, (double)step / (double)span_steps(o->every, time->steps_per_epoch));
}

static int check(const struct Choice *schedule, const struct ScheduleTime *time,
                 struct Error *error) {
    const struct ExponentialOptions *o = schedule->options;
    return span_check(schedule, "every", o->every, time, error);
}

const struct Schedule schedule_exponential = {
    .kind = {.name = "exponential",
             .summary = "falls by the same factor at every step",
             .keys = keys,
             .options_size = sizeof(struct ExponentialOptions)},
    .factor = factor,
    .check = check,
};
