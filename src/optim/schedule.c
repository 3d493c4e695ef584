#include "optim/schedule.h"

#include <inttypes.h>

#define SCHEDULE(name) extern const struct Schedule schedule_##name;
#include "optim/schedules.def"
#undef SCHEDULE

#define SCHEDULE(name) &schedule_##name.kind,
static const struct Kind *const kinds[] = {
#include "optim/schedules.def"
    NULL};
#undef SCHEDULE

const struct KindTable schedule_kinds = {.what = "schedule", .kinds = kinds};

bool schedule_state_is_valid(const struct ScheduleState *state) {
    return state->scale >= 0 && state->scale <= 1 && patience_is_valid(&state->patience) &&
           state->cooldown >= 0;
}

static bool is_valid(const void *value) {
    return schedule_state_is_valid(value);
}

static const struct SavedField saved_fields[] = {
    SAVED_FIELD(struct ScheduleState, "scale", scale, .start = 1, .optional = true),
    PATIENCE_SAVED_FIELDS(struct ScheduleState, patience.),
    SAVED_FIELD(struct ScheduleState, "cooldown", cooldown, .optional = true), SAVED_END};
const struct SavedTable schedule_state_saved = {
    .what = "a schedule", .fields = saved_fields, .is_valid = is_valid};

/* The kind of a choice is the first member of a struct Schedule. */
static const struct Schedule *schedule_of(const struct Choice *choice) {
    return (const struct Schedule *)choice->kind;
}

/* The warm-up of the schedule or of the large-batch rule; schedule_check refuses both at once. */
static int64_t warmup_steps(const struct Choice *choice, const struct ScheduleTime *time) {
    const struct ScheduleCommon *common = choice->options;
    return span_steps(common->warmup, time->steps_per_epoch) + time->scale_warmup;
}

double schedule_factor(const struct Choice *choice, const struct ScheduleTime *time,
                       const struct ScheduleState *state, int64_t step) {
    int64_t warmup = warmup_steps(choice, time);
    double scale = time->scale > 0 ? time->scale : 1;
    if (step < time->scale_warmup)
        return 1 + (scale - 1) * (double)step / (double)warmup;
    if (step < warmup)
        return scale * (double)(step + 1) / (double)warmup;
    return scale * state->scale *
           schedule_of(choice)->factor(choice->options, time, step - warmup, time->total - warmup);
}

int64_t schedule_last_change(const struct Choice *choice, const struct ScheduleTime *time) {
    const struct Schedule *schedule = schedule_of(choice);
    return schedule->last_change ? schedule->last_change(choice->options, time) : -1;
}

bool schedule_rises(const struct Choice *choice) {
    return schedule_of(choice)->rises;
}

bool schedule_needs_validations(const struct Choice *choice) {
    return schedule_of(choice)->observe != NULL;
}

int schedule_metric(const struct Choice *choice) {
    return schedule_of(choice)->metric(choice->options);
}

void schedule_follow(const struct Choice *choice, int metric) {
    if (schedule_of(choice)->follow)
        schedule_of(choice)->follow(choice->options, metric);
}

void schedule_observe(const struct Choice *choice, const struct ScheduleTime *time,
                      const struct Figures *validation, int64_t step, struct ScheduleState *state) {
    const struct Schedule *schedule = schedule_of(choice);
    if (schedule->observe && step > warmup_steps(choice, time))
        schedule->observe(choice->options, validation, state);
}

bool schedule_has_cycles(const struct Choice *choice) {
    return schedule_of(choice)->cycles != NULL;
}

int64_t schedule_cycles(const struct Choice *choice, const struct ScheduleTime *time,
                        int64_t step) {
    const struct Schedule *schedule = schedule_of(choice);
    int64_t warmup = warmup_steps(choice, time);
    return schedule->cycles && step > warmup
               ? schedule->cycles(choice->options, time, step - warmup)
               : 0;
}

int schedule_check(const struct Choice *choice, const struct ScheduleTime *time,
                   struct Error *error) {
    const struct Schedule *schedule = schedule_of(choice);
    int64_t warmup = warmup_steps(choice, time), own = warmup - time->scale_warmup;
    if (own && schedule->rises)
        return schema_fail(error, choice, "warmup",
                           "%s rises to the base rate by itself; leave the warm-up out",
                           choice->kind->name);
    if (own && time->scale_warmup)
        return schema_fail(error, choice, "warmup",
                           "large_batch has a warm-up of its own; leave this one out, or set "
                           "large_batch.warmup to 0");
    if (warmup > time->total)
        return schema_fail(error, choice, "warmup",
                           "%" PRId64 " steps of warm-up are more than the run's %" PRId64
                           " steps; in a short trial set it to 0",
                           warmup, time->total);
    return schedule->check && time_knows(time, choice) ? schedule->check(choice, time, error) : OK;
}
