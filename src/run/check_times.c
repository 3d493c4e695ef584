#include <inttypes.h>

#include "optim/average.h"
#include "run/check_steps.h"

static int check_snapshots(const struct RunRequest *request, const struct ScheduleTime *time,
                           struct Error *error) {
    static const char key[] = "checkpoint.snapshots";
    const struct RunOptions *options = request->options;
    if (!options->checkpoint.snapshots || !time_knows(time, &options->schedule))
        return OK;
    if (!schedule_has_cycles(&options->schedule))
        return runfile_fail(request->file, error, ERROR_RUN_FILE, key,
                            "are taken where a cycle of the schedule ends, and %s has none; "
                            "cosine_restarts has",
                            options->schedule.kind->name);
    if (!schedule_cycles(&options->schedule, time, time->total))
        return runfile_fail(request->file, error, ERROR_RUN_FILE, key,
                            "the run ends before the schedule's first cycle does");
    return OK;
}

static int check_lookahead(const struct RunRequest *request, const struct ScheduleTime *time,
                           struct Error *error) {
    int64_t every = request->options->lookahead.every;
    if (every <= time->total)
        return OK;
    return runfile_fail(request->file, error, ERROR_RUN_FILE, "lookahead.every",
                        "the slow weights would follow at step %" PRId64
                        " first, and the run has %" PRId64 "; a short trial goes without "
                        "lookahead",
                        every, time->total);
}

/* Checks what depends on the times of validations. */
static int check_validation(const struct RunRequest *request, const struct ScheduleTime *time,
                            struct Error *error) {
    static const char key[] = "validation.every";
    const struct RunOptions *options = request->options;
    struct Span every = options->validation.every.span;
    if (every.value > 0 && time->steps_per_epoch && span_steps(every, time->steps_per_epoch) < 1)
        return runfile_fail(request->file, error, ERROR_RUN_FILE, key,
                            "must be at least one step, or 0 for the end of the run alone");
    bool plateau = schedule_needs_validations(&options->schedule);
    if (options->validation.every.seconds <= 0 || (!plateau && !options->early_stopping.patience))
        return OK;
    return runfile_fail(
        request->file, error, ERROR_RUN_FILE, key,
        "is a time, which makes %s depend on the clock, so that no two runs would be the "
        "same; expected epochs or steps",
        plateau ? options->schedule.kind->name : "early_stopping");
}

static int check_times(const struct RunRequest *request, struct ScheduleTime *time,
                       struct Error *error) {
    const struct RunOptions *options = request->options;
    time->total = span_steps(options->train.length, time->steps_per_epoch);
    if (time->total < 1)
        return runfile_fail(request->file, error, ERROR_RUN_FILE, "train.length",
                            "must be at least one step");
    large_batch_apply(&options->large_batch, options->train.batch, time);
    int code = large_batch_check(request->file, &options->schedule, time, error);
    if (!code)
        code = schedule_check(&options->schedule, time, error);
    if (!code && options->average.kind)
        code = average_check(&options->average, time, error);
    if (!code)
        code = check_lookahead(request, time, error);
    if (!code)
        code = check_validation(request, time, error);
    return code ? code : check_snapshots(request, time, error);
}

static int measure_time(const struct RunRequest *request, struct RunParts *parts,
                        struct Error *error) {
    const struct TrainOptions *options = &request->options->train;
    int64_t count = parts->train->count, batch = options->batch;
    bool drop = options->last_batch == LAST_BATCH_DROP;
    parts->time.steps_per_epoch = drop ? count / batch : (count + batch - 1) / batch;
    return check_times(request, &parts->time, error);
}

static int check_times_in_steps(const struct RunRequest *request, struct Error *error) {
    struct ScheduleTime time = {0};
    return request->options->train.length.epochs ? OK : check_times(request, &time, error);
}

int run__check_times(const struct RunRequest *request, struct RunParts *parts,
                     struct Error *error) {
    return parts->dataset ? measure_time(request, parts, error)
                          : check_times_in_steps(request, error);
}
