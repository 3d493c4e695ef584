/* 1 − (1 − F)·t/T over the T steps after the warm-up. */
#include "optim/schedule.h"

struct LinearOptions {
    struct ScheduleCommon common;
    double final;
};

static const struct Key keys[] = {SCHEDULE_COMMON_KEYS(struct LinearOptions),
                                  SCHEDULE_FINAL_KEY(struct LinearOptions), KEY_END};

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    (void)time;
    const struct LinearOptions *o = options;
    return 1 - (1 - o->final) * (double)step / (double)(total > 1 ? total : 1);
}

const struct Schedule schedule_linear = {
    .kind = {.name = "linear",
             .summary = "falls from the base rate along a straight line",
             .keys = keys,
             .options_size = sizeof(struct LinearOptions)},
    .factor = factor,
};
