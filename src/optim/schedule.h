/* Learning-rate schedules: for each step a factor, 0 or more, of the base rate. Each can have a
 * warm-up: the factor rises linearly, (step + 1) / warmup at step < warmup, and the schedule covers
 * the steps that are left. Schedules are pure functions of the step, except those that follow the
 * validations: their state (struct ScheduleState) is saved with the run. A schedule is one file in
 * optim/schedules/ and one row of optim/schedules.def. Not collective: every rank computes the
 * same. */
#ifndef TRAINER_OPTIM_SCHEDULE_H
#define TRAINER_OPTIM_SCHEDULE_H

#include <stdint.h>

#include "base/error.h"
#include "optim/patience.h"
#include "optim/span.h"
#include "runfile/schema.h"

/* The state of schedules that follow the validations; it is saved with the run
 * (schedule_state_saved). */
struct ScheduleState {
    double scale; /* a further factor of the rate; 1 at the start and for all other schedules */
    struct Patience patience; /* zeros at the start, like cooldown */
    int64_t cooldown;         /* validations that are still to be ignored */
};
#define SCHEDULE_STATE_AT_START ((struct ScheduleState){.scale = 1})
extern const struct SavedTable schedule_state_saved;
bool schedule_state_is_valid(const struct ScheduleState *state);

struct Schedule {
    struct Kind kind;
    bool rises; /* it begins low and rises by itself, so that it takes no warm-up */
    /* The factor at `step` (from 0) of the `total` steps after the warm-up. A pure function. */
    double (*factor)(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total);
    /* How many whole cycles are in the first `step` steps after the warm-up. NULL: no cycles. */
    int64_t (*cycles)(const void *options, const struct ScheduleTime *time, int64_t step);
    /* Updates the state with the figures of a validation. NULL: it does not follow them. */
    void (*observe)(const void *options, const struct Figures *validation,
                    struct ScheduleState *state);
    int (*metric)(const void *options);        /* the metric that it follows (optim/patience.h) */
    void (*follow)(void *options, int metric); /* makes it follow another */
    /* The step, from the run's start, of the last change that the options name. NULL: they name
     * none. */
    int64_t (*last_change)(const void *options, const struct ScheduleTime *time);
    /* Checks what the table of keys cannot, e.g. for a span of no steps. NULL: nothing. */
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
/* The factor of the base rate at `step`, from 0; the large-batch rule is part of it. */
double schedule_factor(const struct Choice *schedule, const struct ScheduleTime *time,
                       const struct ScheduleState *state, int64_t step);
/* The step, from the run's start, of the last change that the run file names: a run that is not
 * longer does without it. −1: it names none. */
int64_t schedule_last_change(const struct Choice *schedule, const struct ScheduleTime *time);
bool schedule_rises(const struct Choice *schedule);              /* by itself: takes no warm-up */
bool schedule_needs_validations(const struct Choice *schedule);  /* it follows them, */
int schedule_metric(const struct Choice *schedule);              /* and this metric of them */
void schedule_follow(const struct Choice *schedule, int metric); /* if it follows any */
/* Tells the schedule the figures of the validation after `step` steps. During the warm-up, and for
 * schedules that do not follow validations, it does nothing. */
void schedule_observe(const struct Choice *schedule, const struct ScheduleTime *time,
                      const struct Figures *validation, int64_t step, struct ScheduleState *state);
bool schedule_has_cycles(const struct Choice *schedule);
/* Whole cycles in the run's first `step` steps; 0 without cycles. */
int64_t schedule_cycles(const struct Choice *schedule, const struct ScheduleTime *time,
                        int64_t step);
/* Fails (ERROR_RUN_FILE) if the schedule does not fit the run: a warm-up longer than the run, and
 * what the schedule's own `check` says. What is in epochs while their steps are unknown is not
 * checked. */
int schedule_check(const struct Choice *schedule, const struct ScheduleTime *time,
                   struct Error *error);

#endif
