/* A run's time in steps, and spans of it ("5 epochs", "300 steps") in steps. */
#ifndef TRAINER_OPTIM_SPAN_H
#define TRAINER_OPTIM_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "runfile/schema.h"

struct ScheduleTime {
    int64_t total;           /* steps of the whole run */
    int64_t steps_per_epoch; /* 0: unknown, and spans in epochs count as none */
    /* The large-batch rule (large_batch.h); both 0: off. */
    double scale;         /* what the base rate is multiplied by */
    int64_t scale_warmup; /* steps in which the rate rises from the base rate to the scaled one */
};

/* Steps of a span: the value if it is in steps, else value · steps_per_epoch, rounded. */
int64_t span_steps(struct Span span, int64_t steps_per_epoch);

/* Whether every span among the options of `choice` can be given in steps: the steps of an epoch are
 * known, or no span is in epochs. */
bool time_knows(const struct ScheduleTime *time, const struct Choice *choice);

/* Fails (ERROR_RUN_FILE), naming `key` of `choice`, if `span` is less than a step. */
int span_check(const struct Choice *choice, const char *key, struct Span span,
               const struct ScheduleTime *time, struct Error *error);

#endif
