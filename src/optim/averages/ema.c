/* Exponential moving average: average ← d · average + (1 − d) · state after every step, running
 * statistics included. With `decay_warmup`, d = min(decay, (1 + n)/(10 + n)) after n earlier steps,
 * so that the initial weights soon lose their influence; without it they keep it for about 1/(1 −
 * decay) steps. torch.optim.swa_utils has no decay_warmup. */
#include <math.h>

#include "optim/average.h"

struct EmaOptions {
    double decay;
    bool decay_warmup;
};

static const struct Key keys[] = {
    {.name = "decay",
     .type = KEY_REAL,
     .offset = offsetof(struct EmaOptions, decay),
     .fallback = "0.999",
     .minimum = 0,
     .maximum = 1,
     .help = "fraction of the average that a step keeps; the average spans about 1 / (1 - decay) "
             "steps"},
    {.name = "decay_warmup",
     .type = KEY_BOOL,
     .offset = offsetof(struct EmaOptions, decay_warmup),
     .fallback = "true",
     .help = "a smaller decay in the first steps: (1 + n) / (10 + n) after n steps"},
    KEY_END};

static double weight(const void *options, const struct ScheduleTime *time, int64_t step) {
    (void)time;
    const struct EmaOptions *o = options;
    double n = (double)(step - 1), warm = (1 + n) / (10 + n);
    if (step == 1)
        return 1;
    return 1 - (o->decay_warmup ? fmin(o->decay, warm) : o->decay);
}

static int64_t first(const void *options, const struct ScheduleTime *time) {
    (void)options, (void)time;
    return 1;
}

static int check(const struct Choice *average, const struct ScheduleTime *time,
                 struct Error *error) {
    (void)time;
    const struct EmaOptions *o = average->options;
    if (o->decay >= 1)
        return schema_fail(error, average, "decay",
                           "must be below 1: at 1 the average would never change");
    return OK;
}

const struct Average average_ema = {
    .kind = {.name = "ema",
             .summary = "exponential moving average of weights and running statistics",
             .keys = keys,
             .options_size = sizeof(struct EmaOptions)},
    .weight = weight,
    .first = first,
    .check = check,
};
