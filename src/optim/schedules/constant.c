#include "optim/schedule.h"

struct ConstantOptions {
    struct ScheduleCommon common;
};

static const struct Key keys[] = {SCHEDULE_COMMON_KEYS(struct ConstantOptions), KEY_END};

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    (void)options, (void)time, (void)step, (void)total;
    return 1;
}

extern const struct Schedule schedule_constant;
static const struct ConstantOptions without_warmup;

struct Choice schedule_none(void) {
    return (struct Choice){.kind = &schedule_constant.kind,
                           .options = (void *)(uintptr_t)&without_warmup};
}

const struct Schedule schedule_constant = {
    .kind = {.name = "constant",
             .summary = "the base rate throughout",
             .keys = keys,
             .options_size = sizeof(struct ConstantOptions)},
    .factor = factor,
};
