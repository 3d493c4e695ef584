/* Learning-rate schedules: a factor in [0, …) of the base rate for each step. One table. Each has
 * warm-up: the factor rises linearly, (step + 1) / warmup at step < warmup, then the schedule runs
 * over the steps that are left. All are pure functions of the step, but for what a schedule that
 * watches the validation has seen (struct ScheduleState), which is saved with the run. */
#ifndef TRAINER_OPTIM_SCHEDULE_H
#define TRAINER_OPTIM_SCHEDULE_H

#include <stdint.h>

#include "base/error.h"
#include "optim/patience.h"
#include "optim/span.h"
#include "runfile/schema.h"

/* Of schedules that watch the validation. */
struct ScheduleState {
    double scale; /* what the rate is multiplied by on top; 1 at the start, and for the rest */
    struct Patience patience; /* 0 at the start, as cooldown is */
    int64_t cooldown;         /* validations that are still to be ignored */
};
#define SCHEDULE_STATE_AT_START ((struct ScheduleState){.scale = 1})

struct Schedule {
    struct Kind kind;
    bool rises; /* by itself: no warm-up goes with it */
    /* Factor at `step` (from 0) of `total` after warm-up. Pure. */
    double (*factor)(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total);
    /* How many whole cycles lie in the first `step` steps after warm-up. NULL: it has no cycles. */
    int64_t (*cycles)(const void *options, const struct ScheduleTime *time, int64_t step);
    /* Learns the figures of a validation. NULL: it does not watch. */
    void (*observe)(const void *options, const struct Figures *validation,
                    struct ScheduleState *state);
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

double schedule_factor(const struct Choice *schedule, const struct ScheduleTime *time,
                       const struct ScheduleState *state, int64_t step);
bool schedule_rises(const struct Choice *schedule);             /* it takes no warm-up */
bool schedule_needs_validations(const struct Choice *schedule); /* it needs validations */
/* After the validation behind `step` steps; during the warm-up, and for schedules that do not
 * watch, nothing happens. */
void schedule_observe(const struct Choice *schedule, const struct ScheduleTime *time,
                      const struct Figures *validation, int64_t step, struct ScheduleState *state);
bool schedule_has_cycles(const struct Choice *schedule);
/* Whole cycles in the run's first `step` steps; 0 without cycles. */
int64_t schedule_cycles(const struct Choice *schedule, const struct ScheduleTime *time,
                        int64_t step);
int schedule_check(const struct Choice *schedule, const struct ScheduleTime *time,
                   struct Error *error); /* warm-up longer than the run, ... */

#endif
