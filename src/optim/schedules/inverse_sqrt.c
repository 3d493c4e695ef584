/* 1/√(1 + t/τ), t in steps after the warm-up. With τ of one epoch this is the course's η₀/√epoch,
 * made continuous; with τ equal to the warm-up it is the schedule of Vaswani et al. 2017,
 * "Attention is all you need". */
#include <math.h>

#include "optim/schedule.h"

struct InverseSqrtOptions {
    struct ScheduleCommon common;
    struct Span scale;
};

static const struct Key keys[] = {SCHEDULE_COMMON_KEYS(struct InverseSqrtOptions),
                                  {.name = "scale",
                                   .type = KEY_SPAN,
                                   .offset = offsetof(struct InverseSqrtOptions, scale),
                                   .fallback = "1 epoch",
                                   .help = "unit of time tau in rate / sqrt(1 + t / tau)"},
                                  KEY_END};

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    (void)total;
    const struct InverseSqrtOptions *o = options;
    return 1 / sqrt(1 + (double)step / (double)span_steps(o->scale, time->steps_per_epoch));
}

static int check(const struct Choice *schedule, const struct ScheduleTime *time,
                 struct Error *error) {
    const struct InverseSqrtOptions *o = schedule->options;
    return span_check(schedule, "scale", o->scale, time, error);
}

const struct Schedule schedule_inverse_sqrt = {
    .kind = {.name = "inverse_sqrt",
             .summary = "falls with one over the square root of time",
             .keys = keys,
             .options_size = sizeof(struct InverseSqrtOptions)},
    .factor = factor,
    .check = check,
};
