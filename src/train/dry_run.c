#include "train/dry_run.h"

#include <math.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/on_nan.h"
#include "train/trainer.h"

#define STEPS 2

extern const struct Callback callback_average, callback_replica_check;

static int64_t most_of_ranks(const struct Trainer *trainer, int64_t value) {
    ranks_maximum(trainer->ranks, &value, 1);
    return value;
}

/* Seconds since `start`, on the slowest rank. */
static double seconds_since(const struct Trainer *trainer, double start) {
    return 1e-9 * (double)most_of_ranks(trainer, (int64_t)(1e9 * (clock_seconds() - start)));
}

static int refuse_if_stopped(struct Trainer *trainer, struct Error *error) {
    trainer__share_interrupts(trainer);
    if (!trainer__is_stopping(trainer))
        return OK;
    return fail(error, ERROR_STOPPED, "the dry run was stopped by %s; nothing was kept",
                trainer__stop_reason(trainer));
}

static int make_steps(struct Trainer *trainer, struct DryRun *dry, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    const struct ScheduleTime *time = &trainer->parts.time;
    int code = refuse_if_stopped(trainer, error);
    while (!code && dry->steps < STEPS && progress->step < time->total) {
        struct StepReport report;
        double start = clock_seconds();
        code = trainer__step(trainer, &report, error);
        if (code)
            break;
        double seconds = seconds_since(trainer, start);
        dry->step_seconds = dry->steps++ ? fmin(dry->step_seconds, seconds) : seconds;
        dry->train = report.figures;
        if (progress->step_in_epoch == time->steps_per_epoch) {
            progress->epoch++;
            progress->step_in_epoch = 0;
        }
        code = refuse_if_stopped(trainer, error);
    }
    return code;
}

static int validate(struct Trainer *trainer, struct DryRun *dry, struct Error *error) {
    struct Validation validation = {0};
    if (!trainer->parts.validation)
        return OK;
    double start = clock_seconds();
    callbacks__before_validation(trainer);
    int code = trainer__validate(trainer, &validation, error);
    if (code == ERROR_STOPPED)
        return refuse_if_stopped(trainer, error);
    dry->validation_seconds = seconds_since(trainer, start);
    dry->validated_samples = trainer->parts.validation->count;
    dry->validation = *validation__used(&validation);
    return code;
}

/* By validation.every; the end of the run has one in any case. */
static int64_t validations_left(const struct Trainer *trainer, const struct DryRun *dry) {
    const struct Interval *every = &trainer->options.validation.every;
    int64_t total = dry->total_steps, first = dry->first_step;
    double training = dry->step_seconds * (double)(total - first);
    if (!trainer->parts.validation || first == total)
        return 0;
    if (every->seconds > 0)
        return 1 + (int64_t)(training / every->seconds);
    int64_t steps = span_steps(every->span, trainer->parts.time.steps_per_epoch);
    return steps ? total / steps - first / steps + (total % steps != 0) : 1;
}

static void describe(const struct Trainer *trainer, struct DryRun *dry) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    dry->memory = most_of_ranks(trainer, (int64_t)usage.ru_maxrss * 1024);
    dry->granted = memory_granted();
    dry->checkpoint_bytes = trainer__checkpoint_bytes(trainer);
    dry->validations = validations_left(trainer, dry);
    dry->seconds = dry->step_seconds * (double)(dry->total_steps - dry->first_step) +
                   dry->validation_seconds * (double)dry->validations;
}

int train_dry_run(struct Ranks *ranks, const struct TrainRequest *request, struct DryRun *dry,
                  struct Error *error) {
    /* Those that do work of the run, and write nothing. */
    static const struct Callback *const working[] = {&callback_average, &callback_replica_check,
                                                     NULL};
    struct TrainRequest trying = *request;
    struct Trainer trainer;
    trying.dry = true;
    trying.callbacks = working;
    *dry = (struct DryRun){.ranks = ranks_size(ranks)};
    int code = trainer__create(&trainer, ranks, &trying, error);
    if (!code) {
        trainer.options.train.on_nan = (struct Choice){.kind = &on_nan_stop};
        dry->first_step = trainer.saved.progress.step;
        dry->total_steps = trainer.parts.time.total;
        code = make_steps(&trainer, dry, error);
    }
    if (!code)
        code = validate(&trainer, dry, error);
    if (!code)
        describe(&trainer, dry);
    trainer__release(&trainer);
    return code;
}
