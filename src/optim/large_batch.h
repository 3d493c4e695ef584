/* The large-batch rule: with k times the batch a recipe was tuned for, k times its rate (linear),
 * or √k times (sqrt), and a warm-up that begins at the recipe's own rate. Goyal et al. 2017,
 * "Accurate, large minibatch SGD"; √k: Krizhevsky 2014, Hoffer et al. 2017. */
#ifndef TRAINER_OPTIM_LARGE_BATCH_H
#define TRAINER_OPTIM_LARGE_BATCH_H

#include "optim/schedule.h"
#include "runfile/runfile.h"

struct LargeBatchOptions {
    int64_t base; /* the batch that the base rate is for; 0: the rule is off */
    int rule;     /* enum: linear, sqrt */
    struct Span warmup;
};
extern const struct Key large_batch_keys[];
extern const char *const large_batch_rules[]; /* "linear", "sqrt", NULL */

/* Fills time->scale and time->scale_warmup, once steps_per_epoch is there. Where the batch is not
 * larger than the base there is nothing to warm up to. */
void large_batch_apply(const struct LargeBatchOptions *options, int64_t batch,
                       struct ScheduleTime *time);

/* Behind large_batch_apply: a warm-up longer than the run, or beside a schedule that rises by
 * itself. */
int large_batch_check(const struct RunFile *file, const struct Choice *schedule,
                      const struct ScheduleTime *time, struct Error *error);

#endif
