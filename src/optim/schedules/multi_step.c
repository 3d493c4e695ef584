/* f^n, where n is the number of times that are past. Times count from the run's start and include
 * the warm-up, as in papers (Goyal et al. 2017: after 30, 60 and 80 of 90 epochs, five of them
 * warm-up). */
#include <inttypes.h>
#include <math.h>

#include "optim/schedule.h"

struct MultiStepOptions {
    struct ScheduleCommon common;
    struct Spans at;
    double factor;
};

static const struct Key keys[] = {
    SCHEDULE_COMMON_KEYS(struct MultiStepOptions),
    {.name = "at",
     .type = KEY_SPANS,
     .offset = offsetof(struct MultiStepOptions, at),
     .minimum = 0,
     .maximum = 1e12,
     .help = "when the rate is multiplied by the factor, counted from the run's start, in rising "
             "order: [30 epochs, 60 epochs]"},
    SCHEDULE_FACTOR_KEY(struct MultiStepOptions),
    KEY_END};

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    const struct MultiStepOptions *o = options;
    int64_t now = time->total - total + step;
    int reached = 0;
    while (reached < o->at.count && now >= span_steps(o->at.values[reached], time->steps_per_epoch))
        reached++;
    return pow(o->factor, reached);
}

static int64_t last_change(const void *options, const struct ScheduleTime *time) {
    const struct MultiStepOptions *o = options;
    return span_steps(o->at.values[o->at.count - 1], time->steps_per_epoch);
}

static int check(const struct Choice *schedule, const struct ScheduleTime *time,
                 struct Error *error) {
    const struct MultiStepOptions *o = schedule->options;
    int64_t before = span_steps(o->common.warmup, time->steps_per_epoch) + time->scale_warmup;
    if (o->at.count == 0)
        return schema_fail(error, schedule, "at", "names no time; expected at least one");
    for (int i = 0; i < o->at.count; i++) {
        int64_t at = span_steps(o->at.values[i], time->steps_per_epoch);
        if (at <= before)
            return schema_fail(error, schedule, "at",
                               "item %d is step %" PRId64 ", which is not after %s (step %" PRId64
                               ")",
                               i, at, i ? "the one before it" : "the warm-up", before);
        before = at;
    }
    return OK;
}

const struct Schedule schedule_multi_step = {
    .kind = {.name = "multi_step",
             .summary = "multiplies the rate by a factor at given times",
             .keys = keys,
             .options_size = sizeof(struct MultiStepOptions)},
    .factor = factor,
    .last_change = last_change,
    .check = check,
};
