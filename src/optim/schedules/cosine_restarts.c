/* F + (1 − F)·½(1 + cos(π t/T)) in each cycle. Cycle i has T = period · growth^i steps, t counts
 * from its start, and each cycle begins at the base rate. Loshchilov and Hutter 2017, "SGDR:
 * stochastic gradient descent with warm restarts". The model at the end of each cycle can be kept
 * (checkpoint.snapshots): Huang et al. 2017, "Snapshot ensembles". */
#include <math.h>

#include "optim/schedule.h"

struct CosineRestartsOptions {
    struct ScheduleCommon common;
    struct Span period;
    int64_t growth;
    double final;
};

static const struct Key keys[] = {
    SCHEDULE_COMMON_KEYS(struct CosineRestartsOptions),
    {.name = "period",
     .type = KEY_SPAN,
     .offset = offsetof(struct CosineRestartsOptions, period),
     .help = "length of the first cycle"},
    {.name = "growth",
     .type = KEY_INT,
     .offset = offsetof(struct CosineRestartsOptions, growth),
     .fallback = "1",
     .minimum = 1,
     .maximum = 1e6,
     .help = "each cycle is this many times as long as the one before"},
    SCHEDULE_FINAL_KEY(struct CosineRestartsOptions),
    KEY_END};

/* The cycle that a step belongs to. */
struct Cycle {
    int64_t index, begin, length;
};

static struct Cycle find_cycle(const struct CosineRestartsOptions *o,
                               const struct ScheduleTime *time, int64_t step) {
    struct Cycle cycle = {.length = span_steps(o->period, time->steps_per_epoch)};
    if (o->growth == 1) {
        cycle.index = step / cycle.length;
        cycle.begin = cycle.index * cycle.length;
        return cycle;
    }
    while (step - cycle.begin >= cycle.length) {
        cycle.begin += cycle.length;
        cycle.length = cycle.length > INT64_MAX / o->growth ? INT64_MAX : cycle.length * o->growth;
        cycle.index++;
    }
    return cycle;
}

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    (void)total;
    const struct CosineRestartsOptions *o = options;
    struct Cycle cycle = find_cycle(o, time, step);
    double fall = 0.5 * (1 + cos(M_PI * (double)(step - cycle.begin) / (double)cycle.length));
    return o->final + (1 - o->final) * fall;
}

static int64_t cycles(const void *options, const struct ScheduleTime *time, int64_t step) {
    return find_cycle(options, time, step).index;
}

static int check(const struct Choice *schedule, const struct ScheduleTime *time,
                 struct Error *error) {
    const struct CosineRestartsOptions *o = schedule->options;
    return span_check(schedule, "period", o->period, time, error);
}

const struct Schedule schedule_cosine_restarts = {
    .kind = {.name = "cosine_restarts",
             .summary = "falls along half a cosine and starts again, cycle after cycle",
             .keys = keys,
             .options_size = sizeof(struct CosineRestartsOptions)},
    .factor = factor,
    .cycles = cycles,
    .check = check,
};
