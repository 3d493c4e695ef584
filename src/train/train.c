#include "train/train.h"

#include <math.h>

#include "base/memory.h"
#include "base/text.h"
#include "train/trainer.h"

/* What follows the figures of the validation learns them: the schedule those of the model that it
 * trains, early stopping those by which the best checkpoint is chosen. */
static void watch_validation(struct Trainer *trainer, const struct ValidationFigures *model,
                             const struct ValidationFigures *used) {
    /* Of values, R² stands in the accuracy's place: it rises to 1 too. */
    bool values = trainer->targets.count > 0;
    struct Validation trained = {model->loss, values ? model->r2 : model->accuracy};
    struct Validation seen = {used->loss, values ? used->r2 : used->accuracy};
    struct PatienceRule rule = {.metric =
                                    (enum PatienceMetric)trainer->options.early_stopping.metric,
                                .threshold = trainer->options.early_stopping.minimum_improvement};
    schedule_observe(&trainer->options.schedule, &trainer->time, &trained, trainer->progress.step,
                     &trainer->schedule_state);
    patience_observe(&trainer->stopping, rule, &seen);
}

/* At the last step there is nothing left to stop. */
bool trainer_stopped_early(const struct Trainer *trainer) {
    int64_t patience = trainer->options.early_stopping.patience;
    return patience && trainer->stopping.waited >= patience &&
           trainer->progress.step < trainer->time.total;
}

/* What best.h5 goes by: the accuracy, of values the loss. True where it is the best so far. */
static bool improves(struct Trainer *trainer, const struct ValidationFigures *figures) {
    struct Progress *progress = &trainer->progress;
    bool values = trainer->targets.count > 0;
    double metric = values ? figures->loss : figures->accuracy;
    bool better = values ? metric < progress->best_metric : metric > progress->best_metric;
    if (progress->best_metric >= 0 && !better)
        return false;
    progress->best_metric = metric;
    progress->best_step = progress->step;
    return true;
}

/* The figures of `state`, the model's or the average's. */
static int validate_state(struct Trainer *trainer, const float *state,
                          struct ValidationFigures *figures, struct Error *error) {
    int64_t outputs = dataset_outputs(trainer->dataset);
    struct Predictor predictor = {.name = trainer->validation->name,
                                  .plan = trainer->validation_plan,
                                  .loader = trainer->validation_loader,
                                  .state = state,
                                  .loss = &trainer->options.loss,
                                  .scale = &trainer->targets,
                                  .outputs = outputs};
    struct EvaluateRequest request = {.members = &predictor,
                                      .member_count = 1,
                                      .judge = judge_for(trainer->dataset),
                                      .split = trainer->validation,
                                      .outputs = outputs};
    struct Evaluation results[2];
    int code = evaluate(trainer->ranks, &request, results, error);
    double samples = (double)results[0].samples;
    if (!code)
        *figures = (struct ValidationFigures){.measured = true,
                                              .loss = results[0].loss,
                                              .accuracy = (double)results[0].correct / samples,
                                              .top5 = (double)results[0].top5 / samples,
                                              .rmse = results[0].overall_rmse,
                                              .r2 = results[0].overall_r2};
    evaluation_release(&results[0]);
    evaluation_release(&results[1]);
    return code;
}

/* The best checkpoint is the best as eval uses it: with its average where it holds one. */
static int validate(struct Trainer *trainer, struct EpochFigures *figures, struct Error *error) {
    struct Progress *progress = &trainer->progress;
    const struct ValidationFigures *model = &figures->validation, *average = &figures->average;
    int code = validate_state(trainer, trainer->state, &figures->validation, error);
    if (!code && trainer_has_average(trainer)) {
        trainer_measure_average(trainer);
        code = validate_state(trainer, trainer->average, &figures->average, error);
    }
    if (code)
        return code;
    const struct ValidationFigures *used = average->measured ? average : model;
    progress->validation_loss = model->loss;
    progress->validation_accuracy = model->accuracy;
    progress->validation_rmse = model->rmse;
    progress->validation_r2 = model->r2;
    progress->average_loss = average->measured ? average->loss : -1;
    progress->average_accuracy = average->measured ? average->accuracy : -1;
    progress->average_rmse = average->rmse;
    progress->average_r2 = average->r2;
    watch_validation(trainer, model, used);
    trainer->best_is_newest = improves(trainer, used);
    return OK;
}

static void report_early_stop(struct Trainer *trainer) {
    const struct Patience *stopping = &trainer->stopping;
    bool rises = trainer->options.early_stopping.metric == PATIENCE_ACCURACY;
    bool r2 = rises && trainer->targets.count > 0, accuracy = rises && !r2;
    struct StopFigures figures = {
        .step = trainer->progress.step,
        .epoch = trainer->progress.epoch + 1,
        .metric = r2 ? "r2" : patience_metric_names[trainer->options.early_stopping.metric],
        .best = stopping->best,
        .waited = stopping->waited};
    if (trainer->metrics)
        metrics_stop(trainer->metrics, &figures);
    char best[32];
    text_figure(figures.best, best);
    if (accuracy)
        snprintf(best, sizeof best, "%.2f %%", 100 * figures.best);
    progress_note(trainer->bar,
                  "stopped early at step %lld of %lld: %lld validation%s in a row did not improve "
                  "on the %s %s",
                  (long long)figures.step, (long long)trainer->time.total,
                  (long long)figures.waited, figures.waited == 1 ? "" : "s",
                  r2 ? "R2" : figures.metric, best);
}

/* Of a schedule that watches: the rate was lowered to what it is now; a rate of 0 stays. */
static void report_rate(struct Trainer *trainer, double before) {
    double now = trainer_rate(trainer, trainer->progress.step);
    if (now == before)
        return;
    progress_note(
        trainer->bar, "the validation no longer improved: rate %.4g -> %.4g behind step %lld (%s)",
        before, now, (long long)trainer->progress.step, trainer->options.schedule.kind->name);
}

/* At an epoch's end, and where the run stops: the figures of the epoch so far. */
static int report_epoch(struct Trainer *trainer, struct Error *error) {
    struct Progress *progress = &trainer->progress;
    double samples = progress->epoch_samples, scale = trainer->schedule_state.scale;
    struct EpochFigures figures = {
        .step = progress->step,
        .epoch = progress->epoch + 1,
        .regression = trainer->targets.count > 0,
        .train_loss = progress->epoch_loss / samples,
        .train_rmse = trainer_rmse(trainer, progress->epoch_squared_error, samples),
        .train_accuracy = progress->epoch_correct / samples,
        .rate = trainer_rate(trainer, progress->step - 1),
        .seconds = progress->seconds};
    int code = trainer->validation ? validate(trainer, &figures, error) : OK;
    if (!code && trainer->metrics) {
        metrics_epoch(trainer->metrics, &figures);
        progress_epoch(trainer->bar, &figures);
    }
    if (!code && trainer->schedule_state.scale != scale && progress->step < trainer->time.total)
        report_rate(trainer, figures.rate);
    if (!code && trainer_stopped_early(trainer))
        report_early_stop(trainer);
    return code;
}

static void begin_epoch(struct Progress *progress) {
    progress->epoch++;
    progress->step_in_epoch = 0;
    progress->epoch_loss = progress->epoch_correct = progress->epoch_samples = 0;
    progress->epoch_squared_error = 0;
}

static bool save_is_due(const struct Trainer *trainer, bool last) {
    int64_t every = span_steps(trainer->options.checkpoint.every, trainer->time.steps_per_epoch);
    return last || trainer->best_is_newest || trainer_snapshot_is_due(trainer) ||
           (every && trainer->progress.step % every == 0);
}

static void remember(struct TrainResult *result, const struct Trainer *trainer) {
    const struct Progress *progress = &trainer->progress;
    if (progress->epoch_samples <= 0)
        return;
    result->train_loss = progress->epoch_loss / progress->epoch_samples;
    result->train_accuracy = progress->epoch_correct / progress->epoch_samples;
    result->train_rmse =
        trainer_rmse(trainer, progress->epoch_squared_error, progress->epoch_samples);
}

static int run_steps(struct Trainer *trainer, int64_t until, struct TrainResult *result,
                     struct Error *error) {
    struct Progress *progress = &trainer->progress;
    int code = OK;
    while (!code && progress->step < until && !trainer_stopped_early(trainer)) {
        struct StepFigures figures;
        code = trainer_step(trainer, &figures, error);
        if (code)
            break;
        if (trainer->metrics) {
            metrics_step(trainer->metrics, &figures);
            progress_step(trainer->bar, &figures);
        }
        bool last = progress->step == until, finished = progress->step == trainer->time.total;
        bool epoch_ends = progress->step_in_epoch == trainer->time.steps_per_epoch;
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
    return code;
}

/* A resumed run that has nothing left to do says so. */
static void note_if_finished(const struct Trainer *trainer) {
    if (trainer->progress.step == 0)
        return;
    if (trainer_stopped_early(trainer))
        progress_note(trainer->bar, "the run is finished: it stopped early at step %lld",
                      (long long)trainer->progress.step);
    else if (trainer->progress.step >= trainer->time.total)
        progress_note(trainer->bar, "the run is finished: all %lld steps are done",
                      (long long)trainer->time.total);
}

static void fill_result(const struct Trainer *trainer, struct TrainResult *result) {
    size_t bytes = (size_t)arena_state_elements(model_arena(trainer->model)) * sizeof(float);
    result->progress = trainer->progress;
    result->total_steps = trainer->time.total;
    result->regression = trainer->targets.count > 0;
    result->stopped_early = trainer_stopped_early(trainer);
    result->finished = result->stopped_early || trainer->progress.step >= trainer->time.total;
    if (trainer->stepped_seconds > 0)
        result->images_per_second = trainer->stepped_samples / trainer->stepped_seconds;
    digest_text(digest_bytes(trainer->state, bytes), result->digest);
    if (trainer_has_average(trainer))
        digest_text(digest_bytes(trainer->average, bytes), result->average_digest);
    result->checkpoint = checkpoint_name(trainer->checkpoints, trainer->progress.step);
}

int train(struct Ranks *ranks, const struct TrainRequest *request, struct TrainResult *result,
          struct Error *error) {
    struct Trainer trainer;
    *result = (struct TrainResult){.train_loss = NAN, .train_accuracy = NAN};
    int code = trainer_create(&trainer, ranks, request, error);
    int64_t until = trainer.time.total;
    if (request->stop_after && request->stop_after < until)
        until = request->stop_after;
    if (!code && trainer.progress.step == 0) {
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
