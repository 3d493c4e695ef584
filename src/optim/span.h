/* The length of a run, and spans of it ("5 epochs", "300 steps"), in steps. */
#ifndef TRAINER_OPTIM_SPAN_H
#define TRAINER_OPTIM_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "runfile/schema.h"

struct ScheduleTime {
    int64_t total;           /* steps of the whole run */
    int64_t steps_per_epoch; /* 0: unknown; a span in epochs then counts as 0 steps */
    /* The large-batch rule (large_batch.h); both are 0 if it is off. */
    double scale;         /* the factor of the base rate */
    int64_t scale_warmup; /* the steps in which the rate rises to the scaled rate */
};

/* Steps of a span: the value if it is in steps, else value · steps_per_epoch, rounded. */
int64_t span_steps(struct Span span, int64_t steps_per_epoch);

/* Whether every span among the options of `choice` can be converted to steps: the steps of an epoch
 * are known, or no span is in epochs. */
bool time_knows(const struct ScheduleTime *time, const struct Choice *choice);

/* ERROR_RUN_FILE, which blames `key` of `choice`, if `span` is less than a step. */
int span_check(const struct Choice *choice, const char *key, struct Span span,
               const struct ScheduleTime *time, struct Error *error);

#endif
