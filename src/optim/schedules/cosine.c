/* F + (1 − F)·½(1 + cos(π t/T)) over the T steps after the warm-up.
 * Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts". */
#include <math.h>

#include "optim/schedule.h"

struct CosineOptions {
    struct ScheduleCommon common;
    double final;
};

static const struct Key keys[] = {SCHEDULE_COMMON_KEYS(struct CosineOptions),
                                  SCHEDULE_FINAL_KEY(struct CosineOptions), KEY_END};

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    (void)time;
    const struct CosineOptions *o = options;
    double fall = 0.5 * (1 + cos(M_PI * (double)step / (double)(total > 1 ? total : 1)));
    return o->final + (1 - o->final) * fall;
}

const struct Schedule schedule_cosine = {
    .kind = {.name = "cosine",
             .summary = "falls from the base rate along half a cosine",
             .keys = keys,
             .options_size = sizeof(struct CosineOptions)},
    .factor = factor,
};
