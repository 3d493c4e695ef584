/* Averages of the weights over the steps of a run. An average is kept beside the weights and is
 * used in their place for validation and prediction. After each step average ← average + w · (state
 * − average), with a w that each kind computes from the step alone, so an average has no further
 * state. A kind is one file in optim/averages/ and one row of optim/averages.def. Not collective:
 * every rank computes the same. */
#ifndef TRAINER_OPTIM_AVERAGE_H
#define TRAINER_OPTIM_AVERAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "optim/schedule.h"
#include "runfile/schema.h"

struct Average {
    struct Kind kind;
    /* w after `step` steps (from 1), in [0, 1]. The first w that is not 0 is 1: the average begins
     * as a copy of the state. */
    double (*weight)(const void *options, const struct ScheduleTime *time, int64_t step);
    /* The step at which w is first not 0. */
    int64_t (*first)(const void *options, const struct ScheduleTime *time);
    /* How many training batches are used to measure the running statistics under the averaged
     * weights, before these are used. NULL: the statistics are averaged like the weights. */
    int64_t (*batches)(const void *options, const struct ScheduleTime *time);
    int (*check)(const struct Choice *average, const struct ScheduleTime *time,
                 struct Error *error); /* checks that the table of keys cannot express; or NULL */
};
extern const struct KindTable average_kinds;

/* w after `step` steps (from 1). */
double average_weight(const struct Choice *average, const struct ScheduleTime *time, int64_t step);
/* Whether the average exists after `step` steps. */
bool average_begun(const struct Choice *average, const struct ScheduleTime *time, int64_t step);
/* The number of batches over which running statistics are measured; 0: they are averaged. */
int64_t average_batches(const struct Choice *average, const struct ScheduleTime *time);
/* ERROR_RUN_FILE if the run is too short for the average to begin, or if its options do not fit the
 * run. Spans in epochs are not checked while the steps of an epoch are unknown. */
int average_check(const struct Choice *average, const struct ScheduleTime *time,
                  struct Error *error);

/* average ← average + weight · (state − average) over `count` elements; a copy if weight is 1.
 * Returns the sum of the bits, as whole numbers, of the values that the new average was computed
 * from. By these sums the ranks notice that a bit of one of them has changed (train/replicas.h). */
uint32_t average_blend(float *average, const float *state, int64_t count, double weight);

#endif
