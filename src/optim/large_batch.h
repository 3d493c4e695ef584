/* The large-batch rule: if the batch is k times the one for which a recipe was tuned, the rate
 * becomes k times the recipe's rate (linear) or √k times it (sqrt), after a warm-up from the
 * recipe's rate. Goyal et al. 2017, "Accurate, large minibatch SGD"; for √k Krizhevsky 2014, Hoffer
 * et al. 2017. */
#ifndef TRAINER_OPTIM_LARGE_BATCH_H
#define TRAINER_OPTIM_LARGE_BATCH_H

#include "optim/schedule.h"
#include "runfile/runfile.h"

struct LargeBatchOptions {
    int64_t base; /* the batch, in samples, that the base rate is for; 0: the rule is off */
    int rule;     /* enum: linear, sqrt */
    struct Span warmup;
};
extern const struct Key large_batch_keys[];
extern const char *const large_batch_rules[]; /* "linear", "sqrt", NULL */

/* Fills time->scale and time->scale_warmup; time->steps_per_epoch must be set. There is no warm-up
 * if `batch` (samples) is not larger than the base. */
void large_batch_apply(const struct LargeBatchOptions *options, int64_t batch,
                       struct ScheduleTime *time);

/* To be called after large_batch_apply. ERROR_RUN_FILE if the warm-up is longer than the run, or if
 * the schedule has a rise of its own. */
int large_batch_check(const struct RunFile *file, const struct Choice *schedule,
                      const struct ScheduleTime *time, struct Error *error);

#endif
