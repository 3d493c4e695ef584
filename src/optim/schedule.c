#include "optim/schedule.h"

#include <math.h>

#define SCHEDULE(name) extern const struct Schedule schedule_##name;
#include "optim/schedules.def"
#undef SCHEDULE

#define SCHEDULE(name) &schedule_##name.kind,
static const struct Kind *const kinds[] = {
#include "optim/schedules.def"
    NULL};
#undef SCHEDULE

const struct KindTable schedule_kinds = {.what = "schedule", .kinds = kinds};

int64_t span_steps(struct Span span, int64_t steps_per_epoch) {
    return llround(span.epochs ? span.value * (double)steps_per_epoch : span.value);
}

/* The kind is the first member of its Schedule. */
static const struct Schedule *schedule_of(const struct Choice *choice) {
    return (const struct Schedule *)choice->kind;
}

static int64_t warmup_steps(const struct Choice *choice, const struct ScheduleTime *time) {
    const struct ScheduleCommon *common = choice->options;
    return span_steps(common->warmup, time->steps_per_epoch);
}

double schedule_factor(const struct Choice *choice, const struct ScheduleTime *time, int64_t step) {
    int64_t warmup = warmup_steps(choice, time);
    if (step < warmup)
        return (double)(step + 1) / (double)warmup;
    return schedule_of(choice)->factor(choice->options, time, step - warmup, time->total - warmup);
}

int schedule_check(const struct Choice *choice, const struct ScheduleTime *time,
                   struct Error *error) {
    int64_t warmup = warmup_steps(choice, time);
    if (warmup > time->total)
        return schema_fail(error, choice, "warmup",
                           "%lld steps of warm-up are more than the run's %lld steps; a run cut "
                           "short for a trial goes with --set schedule.warmup=0",
                           (long long)warmup, (long long)time->total);
    const struct Schedule *schedule = schedule_of(choice);
    return schedule->check ? schedule->check(choice, time, error) : OK;
}
