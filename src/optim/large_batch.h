/* The large-batch rule: if the batch is k times the one that a recipe was tuned for, the rate
 * becomes k times the recipe's (linear) or √k times (sqrt), after a warm-up from the recipe's own
 * rate. Goyal et al. 2017, "Accurate, large minibatch SGD"; √k: Krizhevsky 2014, Hoffer et al.
 * 2017. */
#ifndef TRAINER_OPTIM_LARGE_BATCH_H
#define TRAINER_OPTIM_LARGE_BATCH_H

#include "optim/schedule.h"
#include "runfile/runfile.h"

struct LargeBatchOptions {
    int64_t base; /* samples: the batch that the base rate is for; 0: the rule is off */
    int rule;     /* enum: linear, sqrt */
    struct Span warmup;
};
extern const struct Key large_batch_keys[];
extern const char *const large_batch_rules[]; /* "linear", "sqrt", NULL */

/* Fills time->scale and time->scale_warmup; time->steps_per_epoch must be set. If `batch` (samples)
 * is not larger than the base there is no warm-up. */
void large_batch_apply(const struct LargeBatchOptions *options, int64_t batch,
                       struct ScheduleTime *time);

/* After large_batch_apply: fails (ERROR_RUN_FILE) if the warm-up is longer than the run, or if the
 * schedule rises by itself. */
int large_batch_check(const struct RunFile *file, const struct Choice *schedule,
                      const struct ScheduleTime *time, struct Error *error);

#endif
