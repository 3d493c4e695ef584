#include "optim/large_batch.h"

#include <inttypes.h>
#include <math.h>

enum { RULE_LINEAR, RULE_SQRT };
const char *const large_batch_rules[] = {"linear", "sqrt", NULL};

const struct Key large_batch_keys[] = {
    {.name = "base",
     .type = KEY_INT,
     .offset = offsetof(struct LargeBatchOptions, base),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .unit = "samples",
     .switches_on = true,
     .help = "the batch that the base rate was chosen for; 0: the rate is used as it is"},
    {.name = "rule",
     .type = KEY_ENUM,
     .offset = offsetof(struct LargeBatchOptions, rule),
     .fallback = "linear",
     .names = large_batch_rules,
     .help = "the rate grows with batch / base, or with its square root"},
    {.name = "warmup",
     .type = KEY_SPAN,
     .offset = offsetof(struct LargeBatchOptions, warmup),
     .fallback = "5 epochs",
     .minimum = 0,
     .maximum = 1e12,
     .help = "linear warm-up from the base rate to the larger one, instead of the schedule's"},
    KEY_END};

void large_batch_apply(const struct LargeBatchOptions *options, int64_t batch,
                       struct ScheduleTime *time) {
    time->scale = 0;
    time->scale_warmup = 0;
    if (!options->base)
        return;
    double ratio = (double)batch / (double)options->base;
    time->scale = options->rule == RULE_SQRT ? sqrt(ratio) : ratio;
    if (ratio > 1)
        time->scale_warmup = span_steps(options->warmup, time->steps_per_epoch);
}

int large_batch_check(const struct RunFile *file, const struct Choice *schedule,
                      const struct ScheduleTime *time, struct Error *error) {
    static const char key[] = "large_batch.warmup";
    if (time->scale_warmup && schedule_rises(schedule))
        return runfile_fail(file, error, ERROR_RUN_FILE, key,
                            "no warm-up goes with %s, which rises to the base rate by itself; "
                            "expected 0",
                            schedule->kind->name);
    if (time->scale_warmup > time->total)
        return runfile_fail(file, error, ERROR_RUN_FILE, key,
                            "%" PRId64 " steps of warm-up are more than the run's %" PRId64
                            " steps; in a short trial set it to 0",
                            time->scale_warmup, time->total);
    return OK;
}
