/* Learning-rate schedules: a factor in [0, …) of the base rate for each step. One table. Each has
 * warm-up: the factor rises linearly, (step + 1) / warmup at step < warmup, then the schedule runs
 * over the steps that are left. */
#ifndef TRAINER_OPTIM_SCHEDULE_H
#define TRAINER_OPTIM_SCHEDULE_H

#include <stdint.h>

#include "base/error.h"
#include "runfile/schema.h"

struct ScheduleTime { /* steps */
    int64_t total, steps_per_epoch;
};

struct Schedule {
    struct Kind kind;
    /* Factor at `step` (from 0) of `total` after warm-up. Pure. */
    double (*factor)(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total);
    /* What the table of keys cannot say: a span of no steps, ... NULL: nothing. */
    int (*check)(const struct Choice *schedule, const struct ScheduleTime *time,
                 struct Error *error);
};
extern const struct KindTable schedule_kinds;

/* Every schedule's options begin with it. */
struct ScheduleCommon {
    struct Span warmup;
};
#define SCHEDULE_COMMON_KEYS(options)                                                              \
    {                                                                                              \
        .name = "warmup", .type = KEY_SPAN, .offset = offsetof(options, common.warmup),            \
        .fallback = "0", .help = "linear warm-up, in epochs or steps"                              \
    }

/* The key `final` of schedules that fall to a share of the base rate. */
#define SCHEDULE_FINAL_KEY(options)                                                                \
    {                                                                                              \
        .name = "final", .type = KEY_REAL, .offset = offsetof(options, final), .fallback = "0",    \
        .maximum = 1, .help = "where it ends, as a share of the base rate"                         \
    }

/* Steps of a span: epochs · steps_per_epoch, rounded. */
int64_t span_steps(struct Span span, int64_t steps_per_epoch);

double schedule_factor(const struct Choice *schedule, const struct ScheduleTime *time,
                       int64_t step);
int schedule_check(const struct Choice *schedule, const struct ScheduleTime *time,
                   struct Error *error); /* warm-up longer than the run, ... */

#endif
