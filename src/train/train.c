#include "train/train.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "train/trainer.h"

/* The schedule learns the figures of the model that it trains, early stopping those by which the
 * best checkpoint is chosen. */
static void watch_validation(struct Trainer *trainer, const struct Figures *model,
                             const struct Figures *used) {
    struct PatienceRule rule = {.figure =
                                    patience_figure(trainer->options.early_stopping.metric, used),
                                .threshold = trainer->options.early_stopping.minimum_improvement};
    schedule_observe(&trainer->options.schedule, &trainer->parts.time, model,
                     trainer->saved.progress.step, &trainer->saved.schedule);
    patience_observe(&trainer->saved.stopping, rule, used);
}

/* At the last step there is nothing left to stop. */
bool trainer_stopped_early(const struct Trainer *trainer) {
    int64_t patience = trainer->options.early_stopping.patience;
    return patience && trainer->saved.stopping.waited >= patience &&
           trainer->saved.progress.step < trainer->parts.time.total;
}

/* What best.h5 goes by. */
static enum Figure best_figure(const struct Trainer *trainer) {
    return trainer->parts.targets.count ? FIGURE_LOSS : FIGURE_ACCURACY;
}

/* True if the validation is the best so far. */
static bool improves(struct Trainer *trainer, const struct Figures *validation) {
    struct Best *best = &trainer->saved.best;
    enum Figure figure = best_figure(trainer);
    double value = validation->value[figure];
    if (best->step > 0 && !figure_is_better(figure, value, best->metric))
        return false;
    *best = (struct Best){.metric = value, .step = trainer->saved.progress.step};
    return true;
}

/* The figures of `state`, the model's or the average's. */
static int validate_state(struct Trainer *trainer, const float *state, struct Figures *figures,
                          struct Error *error) {
    int64_t outputs = dataset_outputs(trainer->parts.dataset);
    struct Predictor predictor = {.name = trainer->parts.validation->name,
                                  .plan = trainer->parts.validation_plan,
                                  .loader = trainer->parts.validation_loader,
                                  .state = state,
                                  .loss = &trainer->options.loss,
                                  .scale = &trainer->parts.targets,
                                  .outputs = outputs};
    struct EvaluateRequest request = {.members = &predictor,
                                      .member_count = 1,
                                      .metrics = metrics_for(trainer->parts.dataset),
                                      .split = trainer->parts.validation,
                                      .outputs = outputs};
    struct Evaluation results[2];
    int code = evaluate(trainer->ranks, &request, results, error);
    if (!code)
        *figures = results[0].figures;
    evaluation_release(&results[0]);
    evaluation_release(&results[1]);
    return code;
}

/* The best checkpoint is the best as eval uses it: with its average where it holds one. */
static int validate(struct Trainer *trainer, struct EpochReport *report, struct Error *error) {
    int code = validate_state(trainer, trainer->state, &report->validation, error);
    if (!code && trainer_has_average(trainer)) {
        trainer_measure_average(trainer);
        code = validate_state(trainer, trainer->average, &report->average, error);
    }
    if (code)
        return code;
    bool averaged = figures_any(&report->average);
    const struct Figures *used = averaged ? &report->average : &report->validation;
    trainer->saved.validation = report->validation;
    trainer->saved.average = report->average;
    watch_validation(trainer, &report->validation, used);
    trainer->best_is_newest = improves(trainer, used);
    return OK;
}

static void report_early_stop(struct Trainer *trainer) {
    const struct Patience *stopping = &trainer->saved.stopping;
    struct StopReport report = {.step = trainer->saved.progress.step,
                                .epoch = trainer->saved.progress.epoch + 1,
                                .figure = patience_figure(trainer->options.early_stopping.metric,
                                                          &trainer->saved.validation),
                                .best = stopping->best,
                                .waited = stopping->waited};
    if (trainer->metrics)
        metrics_file_stop(trainer->metrics, &report);
    char best[FIGURE_TEXT];
    progress_note(trainer->bar,
                  "stopped early at step %" PRId64 " of %" PRId64 ": %" PRId64
                  " validation%s in a row did not improve on the %s %s",
                  report.step, trainer->parts.time.total, report.waited,
                  report.waited == 1 ? "" : "s", figure_kinds[report.figure].label,
                  figure_text(report.figure, report.best, FIGURE_DIGITS, best));
}

/* Of a schedule that watches: the rate was lowered to what it is now; a rate of 0 stays. */
static void report_rate(struct Trainer *trainer, double before) {
    double now = trainer_rate(trainer, trainer->saved.progress.step);
    if (now == before)
        return;
    progress_note(
        trainer->bar, "the validation no longer improved: rate %.4g -> %.4g behind step %lld (%s)",
        before, now, (long long)trainer->saved.progress.step, trainer->options.schedule.kind->name);
}

/* At an epoch's end, and where the run stops: the figures of the epoch so far. */
static int report_epoch(struct Trainer *trainer, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    double scale = trainer->saved.schedule.scale;
    struct EpochReport report = {.step = progress->step,
                                 .epoch = progress->epoch + 1,
                                 .train = trainer_epoch_figures(trainer),
                                 .rate = trainer_rate(trainer, progress->step - 1),
                                 .seconds = progress->seconds};
    int code = trainer->parts.validation ? validate(trainer, &report, error) : OK;
    if (!code && trainer->metrics) {
        metrics_file_epoch(trainer->metrics, &report);
        progress_epoch(trainer->bar, &report);
    }
    if (!code && trainer->saved.schedule.scale != scale &&
        progress->step < trainer->parts.time.total)
        report_rate(trainer, report.rate);
    if (!code && trainer_stopped_early(trainer))
        report_early_stop(trainer);
    return code;
}

static void begin_epoch(struct Progress *progress) {
    log_debug("epoch %" PRId64 " ends at step %" PRId64, progress->epoch + 1, progress->step);
    progress->epoch++;
    progress->step_in_epoch = 0;
    progress->epoch_loss = progress->epoch_correct = progress->epoch_samples = 0;
    progress->epoch_squared_error = 0;
}

static bool save_is_due(const struct Trainer *trainer, bool last) {
    int64_t every =
        span_steps(trainer->options.checkpoint.every, trainer->parts.time.steps_per_epoch);
    return last || trainer->best_is_newest || trainer_snapshot_is_due(trainer) ||
           (every && trainer->saved.progress.step % every == 0);
}

static void remember(struct TrainResult *result, const struct Trainer *trainer) {
    if (trainer->saved.progress.epoch_samples > 0)
        result->train = trainer_epoch_figures(trainer);
}

static int run_steps(struct Trainer *trainer, int64_t until, struct TrainResult *result,
                     struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    int code = OK;
    while (!code && progress->step < until && !trainer_stopped_early(trainer)) {
        struct StepReport report;
        code = trainer_step(trainer, &report, error);
        if (code)
            break;
        if (trainer->metrics) {
            metrics_file_step(trainer->metrics, &report);
            progress_step(trainer->bar, &report);
        }
        bool last = progress->step == until, finished = progress->step == trainer->parts.time.total;
        bool epoch_ends = progress->step_in_epoch == trainer->parts.time.steps_per_epoch;
        trainer->best_is_newest = false;
        if (epoch_ends || finished) {
            remember(result, trainer);
            code = report_epoch(trainer, error);
        }
        if (epoch_ends)
            begin_epoch(progress);
        last |= trainer_stopped_early(trainer);
        if (!code && save_is_due(trainer, last))
            code = trainer_save(trainer, error);
    }
    log_debug("stops at step %" PRId64 " of %" PRId64 "%s", progress->step,
              trainer->parts.time.total,
              code                             ? ", which failed"
              : trainer_stopped_early(trainer) ? ": the validation no longer improves"
                                               : "");
    return code;
}

/* A resumed run that has nothing left to do says so. */
static void note_if_finished(const struct Trainer *trainer) {
    if (trainer->saved.progress.step == 0)
        return;
    if (trainer_stopped_early(trainer))
        progress_note(trainer->bar, "the run is finished: it stopped early at step %lld",
                      (long long)trainer->saved.progress.step);
    else if (trainer->saved.progress.step >= trainer->parts.time.total)
        progress_note(trainer->bar, "the run is finished: all %lld steps are done",
                      (long long)trainer->parts.time.total);
}

static void fill_result(const struct Trainer *trainer, struct TrainResult *result) {
    size_t bytes = (size_t)arena_state_elements(model_arena(trainer->parts.model)) * sizeof(float);
    result->progress = trainer->saved.progress;
    result->best = trainer->saved.best;
    result->validation = trainer->saved.validation;
    result->average = trainer->saved.average;
    result->total_steps = trainer->parts.time.total;
    result->best_figure = best_figure(trainer);
    result->stopped_early = trainer_stopped_early(trainer);
    result->finished =
        result->stopped_early || trainer->saved.progress.step >= trainer->parts.time.total;
    if (trainer->stepped_seconds > 0)
        result->images_per_second = trainer->stepped_samples / trainer->stepped_seconds;
    digest_text(digest_bytes(trainer->state, bytes), result->digest);
    if (trainer_has_average(trainer))
        digest_text(digest_bytes(trainer->average, bytes), result->average_digest);
    result->checkpoint = checkpoint_name(trainer->checkpoints, trainer->saved.progress.step);
}

int train(struct Ranks *ranks, const struct TrainRequest *request, struct TrainResult *result,
          struct Error *error) {
    struct Trainer trainer;
    *result = (struct TrainResult){0};
    int code = trainer_create(&trainer, ranks, request, error);
    int64_t until = trainer.parts.time.total;
    if (request->stop_after && request->stop_after < until)
        until = request->stop_after;
    if (!code && trainer.saved.progress.step == 0) {
        code = trainer_check_room(&trainer, error);
        if (!code)
            code = trainer_save(&trainer, error);
        if (code)
            trainer_discard(&trainer);
    } else if (!code) {
        code = trainer_mend_links(&trainer, error);
    }
    if (!code) {
        remember(result, &trainer);
        note_if_finished(&trainer);
        code = run_steps(&trainer, until, result, error);
    }
    if (!code)
        fill_result(&trainer, result);
    trainer_release(&trainer);
    return code;
}
