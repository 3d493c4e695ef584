/* Averages of the weights that a run walks through, kept beside them and used instead of them once
 * it is over: average ← average + w · (state − average) behind each step, where the kind's weight w
 * is a pure function of the step. So an average has no state but itself. An average is one file in
 * optim/averages/ and one row of optim/averages.def. */
#ifndef TRAINER_OPTIM_AVERAGE_H
#define TRAINER_OPTIM_AVERAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "optim/schedule.h"
#include "runfile/schema.h"

struct Average {
    struct Kind kind;
    /* w behind `step` steps (from 1), in [0, 1]; 1 at the first that is not 0: the average begins
     * as the state is then. */
    double (*weight)(const void *options, const struct ScheduleTime *time, int64_t step);
    /* That first step. */
    int64_t (*first)(const void *options, const struct ScheduleTime *time);
    /* Running statistics belong to the weights that they were measured with. Either they are
     * averaged like the weights (NULL), or this says over how many training batches they are to be
     * measured anew, with the averaged weights, before these are used. */
    int64_t (*batches)(const void *options, const struct ScheduleTime *time);
    int (*check)(const struct Choice *average, const struct ScheduleTime *time,
                 struct Error *error); /* NULL: nothing */
};
extern const struct KindTable average_kinds;

/* What averages with equal weights share: from when on, and how statistics are measured. */
struct MeanOptions {
    struct Span start;
    int64_t batches; /* −1: all of an epoch */
};
extern const char *const average_all_batches[];
#define AVERAGE_MEAN_KEYS(options)                                                                 \
    {.name = "start",                                                                              \
     .type = KEY_SPAN,                                                                             \
     .offset = offsetof(options, mean.start),                                                      \
     .minimum = 0,                                                                                 \
     .maximum = 1e12,                                                                              \
     .help = "when it begins, from the run's start: where the loss no longer falls fast"},         \
    {                                                                                              \
        .name = "batches", .type = KEY_COUNT, .offset = offsetof(options, mean.batches),           \
        .fallback = "50", .minimum = 1, .maximum = 1e12, .names = average_all_batches,             \
        .help = "training batches over which running statistics are measured anew before the "     \
                "average is validated or saved; all: an epoch"                                     \
    }
/* 1/n where `step` is the n-th of start, start + every, … (from the first step on), else 0. */
double average_mean_weight(int64_t start, int64_t every, int64_t step);
int64_t average_mean_first(int64_t start, int64_t every);
int64_t average_mean_batches(const struct MeanOptions *mean, const struct ScheduleTime *time);

double average_weight(const struct Choice *average, const struct ScheduleTime *time, int64_t step);
/* Is there one behind `step` steps? */
bool average_begun(const struct Choice *average, const struct ScheduleTime *time, int64_t step);
int64_t average_batches(const struct Choice *average, const struct ScheduleTime *time); /* or 0 */
int average_check(const struct Choice *average, const struct ScheduleTime *time,
                  struct Error *error); /* it would never begin, … */

/* average ← average + weight · (state − average), one pass; a copy where the weight is 1. */
void average_blend(float *average, const float *state, int64_t count, double weight);

#endif
