#include "train/train.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "run/overfit.h"
#include "train/profiler.h"
#include "train/trainer.h"

/* The part of the training time since the newest report that this rank waited for samples. */
static double input_wait(struct Trainer *trainer) {
    struct Pace *pace = &trainer->pace;
    double seconds = pace->seconds - pace->reported;
    double waited = trainer->shards.input_seconds - pace->reported_input_seconds;
    pace->reported = pace->seconds;
    pace->reported_input_seconds = trainer->shards.input_seconds;
    return seconds > 0 ? waited / seconds : 0;
}

/* The figures of the epoch so far. */
static struct EpochReport report_of(struct Trainer *trainer) {
    const struct Progress *progress = &trainer->saved.progress;
    return (struct EpochReport){.step = progress->step,
                                .epoch = progress->epoch + 1,
                                .train = trainer__epoch_figures(trainer),
                                .rate = trainer__rate(trainer, progress->step - 1),
                                .penalty = trainer__penalty(trainer),
                                .seconds = progress->seconds,
                                .input_wait = input_wait(trainer)};
}

/* The validation that is due. A run that is told to stop before or meanwhile leaves it to the
 * process that continues the run, because it may take long: then it is still due. */
static int validate(struct Trainer *trainer, struct EpochReport *report, struct Error *error) {
    struct Validation validation = {0};
    if (trainer__is_stopping(trainer))
        return OK;
    int code = trainer__wait_for_best(trainer, error);
    if (code)
        return code;
    callbacks__before_validation(trainer);
    code = trainer__validate(trainer, &validation, error);
    if (code == ERROR_STOPPED)
        trainer__share_interrupts(trainer);
    report->validation = validation.model;
    report->average = validation.average;
    return code == ERROR_STOPPED ? OK : code;
}

/* At an epoch's end, where the run stops, and after a validation within an epoch. */
static int report_figures(struct Trainer *trainer, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    struct EpochReport report = report_of(trainer);
    int code = progress->validation_is_due ? validate(trainer, &report, error) : OK;
    if (code || progress->validation_is_due)
        return code;
    code = trainer__check_data(trainer, error);
    if (code)
        return code;
    if (progress->end_is_due)
        callbacks__on_epoch(trainer, &report);
    else
        callbacks__on_validated(trainer, &report);
    progress->end_is_due = false;
    return OK;
}

static void begin_epoch(struct Progress *progress) {
    log_debug("epoch %" PRId64 " ends at step %" PRId64, progress->epoch + 1, progress->step);
    progress->epoch++;
    progress->step_in_epoch = 0;
    memset(progress->epoch_sums, 0, sizeof progress->epoch_sums);
}

int trainer__finish_step_again(struct Trainer *trainer, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    struct Validation validation = {0};
    int code = OK;
    if (progress->validation_is_due || trainer__validation_falls(trainer) ||
        replicas__validated(trainer, progress->step)) {
        callbacks__before_validation(trainer);
        code = trainer__validate(trainer, &validation, error);
    }
    progress->end_is_due = false;
    if (progress->step_in_epoch == trainer->parts.time.steps_per_epoch)
        begin_epoch(progress);
    return code;
}

static void remember(struct TrainResult *result, const struct Trainer *trainer) {
    if (trainer->saved.progress.epoch_sums[TALLY_SAMPLES] > 0)
        result->train = trainer__epoch_figures(trainer);
}

static bool stops(const struct Trainer *trainer) {
    return callbacks__want_stop(trainer, &(struct StopReport){0});
}

static bool has_diverged(const struct Trainer *trainer) {
    struct StopReport stop = {0};
    return callbacks__want_stop(trainer, &stop) && stop.diverged;
}

/* Does anything follow from the present step that was left to the process that continues the run?
 */
static bool is_unfinished(const struct Trainer *trainer) {
    return trainer->saved.progress.end_is_due || trainer->saved.progress.validation_is_due;
}

/* What follows from a step: a validation, the end of an epoch, and a checkpoint. `until`: the last
 * step of this process. */
static int finish_step(struct Trainer *trainer, int64_t until, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    struct StopReport stop;
    struct StepReport recovered = {.step = progress->step, .epoch = progress->epoch + 1};
    int code = is_unfinished(trainer) ? report_figures(trainer, error) : OK;
    if (code)
        return code;
    bool stopped = callbacks__want_stop(trainer, &stop);
    if (stopped)
        callbacks__on_stop(trainer, &stop);
    if (!progress->end_is_due && progress->step_in_epoch == trainer->parts.time.steps_per_epoch)
        begin_epoch(progress);
    bool last = stopped || progress->step == until || trainer__is_stopping(trainer);
    if (!trainer__save_is_due(trainer, last))
        return OK;
    code = trainer__check_data(trainer, error);
    if (code)
        return code;
    code = trainer__recover_arrays(trainer, &recovered, error);
    if (code || recovered.fate == STEP_UNDONE)
        return code;
    code = trainer__save(trainer, last, error);
    /* A request to stop that came during a save that failed: nothing more is postponed. */
    bool stops_unsaved = !code && !last && trainer->saving.failing && trainer__is_stopping(trainer);
    return stops_unsaved ? trainer__save(trainer, true, error) : code;
}

/* One step, and what follows from it. */
static int advance(struct Trainer *trainer, int64_t until, struct TrainResult *result,
                   struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    const struct ScheduleTime *time = &trainer->parts.time;
    struct StepReport report;
    int code = trainer__step(trainer, &report, error);
    if (!code && report.fate == STEP_UNDONE) {
        trainer->interrupts.saves = false;
        return is_unfinished(trainer) ? finish_step(trainer, until, error) : OK;
    }
    if (!code)
        code = callbacks__on_step(trainer, &report, error);
    progress->end_is_due =
        progress->step_in_epoch == time->steps_per_epoch || progress->step == time->total;
    progress->validation_is_due =
        trainer__validation_falls(trainer) || trainer->interrupts.validates;
    if (!code && is_unfinished(trainer))
        remember(result, trainer);
    return code ? code : finish_step(trainer, until, error);
}

static int run_steps(struct Trainer *trainer, int64_t until, struct TrainResult *result,
                     struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    int code = OK;
    trainer__share_interrupts(trainer);
    if (progress->end_is_due) /* for its validation alone, also in older checkpoints */
        progress->validation_is_due = trainer->parts.validation != NULL;
    if (is_unfinished(trainer) && !trainer__is_stopping(trainer))
        code = finish_step(trainer, until, error);
    while (!code && progress->step < until && !stops(trainer) && !trainer__is_stopping(trainer))
        code = advance(trainer, until, result, error);
    log_debug("stops at step %" PRId64 " of %" PRId64 "%s", progress->step,
              trainer->parts.time.total,
              code             ? ", which failed"
              : stops(trainer) ? ": the validation no longer improves"
                               : "");
    bool is_over = !is_unfinished(trainer) && (progress->step >= until || stops(trainer));
    return !code && trainer__is_stopping(trainer) && !is_over ? trainer__stopped(trainer, error)
                                                              : code;
}

/* A resumed run that has nothing left to do says so. */
static void note_if_finished(const struct Trainer *trainer) {
    int64_t step = trainer->saved.progress.step;
    if (step == 0 || is_unfinished(trainer))
        return;
    if (stops(trainer))
        progress_note(trainer->bar, "the run is finished: it stopped early at step %" PRId64, step);
    else if (step >= trainer->parts.time.total)
        progress_note(trainer->bar, "the run is finished: all %" PRId64 " steps are done",
                      trainer->parts.time.total);
}

static void note_progress(const struct Trainer *trainer, struct TrainResult *result) {
    result->progress = trainer->saved.progress;
    result->total_steps = trainer->parts.time.total;
}

static void fill_result(const struct Trainer *trainer, struct TrainResult *result) {
    size_t bytes = (size_t)arena_state_elements(model_arena(trainer->parts.model)) * sizeof(float);
    note_progress(trainer, result);
    result->best = trainer->saved.best;
    result->validation = trainer->saved.validation;
    result->overfit_tells = trainer->request->overfit &&
                            run_overfit_tells(trainer->parts.dataset, trainer->parts.train);
    result->average = trainer->saved.average;
    result->shards = trainer->options.train.shards;
    result->penalty = trainer__penalty(trainer);
    result->best_figure = best_figure(&trainer->saved.best, trainer->saved.targets.kind);
    result->stopped_by = trainer__stop_reason(trainer);
    result->stopped_early = stops(trainer);
    result->diverged = has_diverged(trainer);
    result->finished =
        result->stopped_early || trainer->saved.progress.step >= trainer->parts.time.total;
    if (trainer->pace.seconds > 0)
        result->images_per_second = trainer->pace.samples / trainer->pace.seconds;
    digest_text(digest_bytes(trainer->state, bytes), result->digest);
    const float *average = callbacks__weights(trainer);
    if (average)
        digest_text(digest_bytes(average, bytes), result->average_digest);
    result->checkpoint = checkpoint_name(trainer->checkpoints, trainer->saved.progress.step);
}

int train(struct Ranks *ranks, const struct TrainRequest *request, struct TrainResult *result,
          struct Error *error) {
    struct Trainer trainer;
    *result = (struct TrainResult){0};
    int code = trainer__create(&trainer, ranks, request, error);
    int64_t until = trainer.parts.time.total;
    if (request->stop_after && request->stop_after < until)
        until = request->stop_after;
    int64_t epochs = request->stop_after_epochs, steps = trainer.parts.time.steps_per_epoch;
    if (!code && epochs && steps && epochs < until / steps)
        until = epochs * steps;
    if (!code && request->profile)
        code = profiler__create(&trainer, error);
    if (!code)
        code = trainer.saved.progress.step == 0 ? trainer__save(&trainer, true, error)
                                                : trainer__mend_links(&trainer, error);
    if (!code) {
        remember(result, &trainer);
        note_if_finished(&trainer);
        code = run_steps(&trainer, until, result, error);
        if (!code || code == ERROR_STOPPED)
            fill_result(&trainer, result);
        else
            note_progress(&trainer, result);
        if (result->checkpoint)
            result->profile = profiler__finish(&trainer);
    }
    trainer__release(&trainer);
    return code;
}
