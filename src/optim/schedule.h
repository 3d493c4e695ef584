/* Learning-rate schedules. A schedule gives for each step a factor, 0 or more, of the base rate. It
 * can have a warm-up, in which the factor rises linearly: (step + 1) / warmup at step < warmup; the
 * schedule then covers the remaining steps. Schedules are pure functions of the step, except those
 * that follow the validations: their state (struct ScheduleState) is saved with the run. A schedule
 * is one file in optim/schedules/ and one row of optim/schedules.def. Not collective: every rank
 * computes the same. */
#ifndef TRAINER_OPTIM_SCHEDULE_H
#define TRAINER_OPTIM_SCHEDULE_H

#include <stdint.h>

#include "base/error.h"
#include "optim/patience.h"
#include "optim/span.h"
#include "runfile/schema.h"

/* The state of schedules that follow the validations. It starts as SCHEDULE_STATE_AT_START, and is
 * saved with the run by schedule_state_saved. */
struct ScheduleState {
    double scale; /* a further factor of the rate; 1 for all other schedules */
    struct Patience patience;
    int64_t cooldown; /* the number of validations that are still to be ignored */
};
#define SCHEDULE_STATE_AT_START ((struct ScheduleState){.scale = 1})
extern const struct SavedTable schedule_state_saved;
bool schedule_state_is_valid(const struct ScheduleState *state);

struct Schedule {
    struct Kind kind;
    bool rises; /* it has a rise of its own, and takes no warm-up */
    /* The factor at `step` (from 0) of the `total` steps after the warm-up. */
    double (*factor)(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total);
    /* The number of whole cycles in the first `step` steps after the warm-up. NULL: no cycles. */
    int64_t (*cycles)(const void *options, const struct ScheduleTime *time, int64_t step);
    /* Updates the state with the figures of a validation. NULL: it does not follow them. */
    void (*observe)(const void *options, const struct Figures *validation,
                    struct ScheduleState *state);
    int (*metric)(const void *options);        /* the metric that it follows (optim/patience.h) */
    void (*follow)(void *options, int metric); /* makes it follow another metric */
    /* The step, from the run's start, of the last change for which the options give a time. NULL:
     * they give none. */
    int64_t (*last_change)(const void *options, const struct ScheduleTime *time);
    /* Checks that the table of keys cannot express, such as a span of no steps. NULL: none. */
    int (*check)(const struct Choice *schedule, const struct ScheduleTime *time,
                 struct Error *error);
};
extern const struct KindTable schedule_kinds;

/* Every schedule's options begin with this. */
struct ScheduleCommon {
    struct Span warmup;
};
#define SCHEDULE_COMMON_KEYS(options)                                                              \
    {                                                                                              \
        .name = "warmup", .type = KEY_SPAN, .offset = offsetof(options, common.warmup),            \
        .fallback = "0", .help = "linear warm-up, in epochs or steps"                              \
    }

/* The key `factor` of schedules that multiply the rate at certain times. */
#define SCHEDULE_FACTOR_KEY(options)                                                               \
    {                                                                                              \
        .name = "factor", .type = KEY_REAL, .offset = offsetof(options, factor),                   \
        .fallback = "0.1", .minimum = 0, .maximum = 1, .above_minimum = true,                      \
        .help = "what the rate is multiplied by"                                                   \
    }

/* The key `final` of schedules that fall to a fraction of the base rate. */
#define SCHEDULE_FINAL_KEY(options)                                                                \
    {                                                                                              \
        .name = "final", .type = KEY_REAL, .offset = offsetof(options, final), .fallback = "0",    \
        .maximum = 1, .help = "where it ends, as a fraction of the base rate"                      \
    }

/* The schedule that keeps the base rate, without a warm-up. */
struct Choice schedule_none(void);
/* The factor of the base rate at `step` (from 0). It includes the large-batch rule. */
double schedule_factor(const struct Choice *schedule, const struct ScheduleTime *time,
                       const struct ScheduleState *state, int64_t step);
/* The step, from the run's start, of the last change for which the run file gives a time; a run
 * that is not longer does not reach it. −1: the run file gives none. */
int64_t schedule_last_change(const struct Choice *schedule, const struct ScheduleTime *time);
/* Whether the schedule has a rise of its own, so that it takes no warm-up. */
bool schedule_rises(const struct Choice *schedule);
/* Whether the schedule follows the validations; the metric of them that it follows; and a change of
 * that metric, which has no effect on a schedule that follows none. */
bool schedule_needs_validations(const struct Choice *schedule);
int schedule_metric(const struct Choice *schedule);
void schedule_follow(const struct Choice *schedule, int metric);
/* Passes the figures of the validation after `step` steps to the schedule. Does nothing during the
 * warm-up, and for schedules that do not follow validations. */
void schedule_observe(const struct Choice *schedule, const struct ScheduleTime *time,
                      const struct Figures *validation, int64_t step, struct ScheduleState *state);
bool schedule_has_cycles(const struct Choice *schedule);
/* The number of whole cycles in the run's first `step` steps; 0 if the schedule has no cycles. */
int64_t schedule_cycles(const struct Choice *schedule, const struct ScheduleTime *time,
                        int64_t step);
/* ERROR_RUN_FILE if the warm-up is longer than the run, or if the schedule's own `check` fails.
 * Spans in epochs are not checked while the steps of an epoch are unknown. */
int schedule_check(const struct Choice *schedule, const struct ScheduleTime *time,
                   struct Error *error);

#endif
