#include "train/profiler.h"
#include "train/trainer.h"

/* Does something follow an area under a curve? Only then is it worth keeping all scores. */
static bool follows_ranking(const struct Trainer *trainer) {
    const struct RunOptions *options = &trainer->options;
    int metrics[] = {
        best_metric(options->checkpoint.best),
        options->early_stopping.patience ? options->early_stopping.metric : -1,
        schedule_needs_validations(&options->schedule) ? schedule_metric(&options->schedule) : -1};
    bool any = false;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        any |= metrics[i] == FIGURE_ROC_AUC || metrics[i] == FIGURE_PR_AUC;
    return any;
}

/* The figures of `state`, the model's or the average's. */
static int measure(struct Trainer *trainer, const float *state, struct Figures *figures,
                   struct Error *error) {
    int64_t outputs = trainer->parts.dataset->targets.count;
    struct Predictor predictor = {.name = trainer->parts.validation->name,
                                  .plan = trainer->parts.validation_plan,
                                  .loader = trainer->parts.validation_loader,
                                  .state = state,
                                  .parameters = model_arena(trainer->parts.model)->parameters,
                                  .loss = &trainer->options.loss,
                                  .scale = &trainer->parts.scale,
                                  .outputs = outputs};
    struct EvaluateRequest request = {.members = &predictor,
                                      .member_count = 1,
                                      .metrics = metrics_for(trainer->parts.dataset),
                                      .ranking = follows_ranking(trainer),
                                      .split = trainer->parts.validation,
                                      .outputs = outputs,
                                      .is_interrupted = trainer__stop_is_pending,
                                      .interrupt_context = trainer};
    struct Evaluation results[2];
    int code = evaluate(trainer->ranks, &request, results, error);
    if (!code)
        *figures = results[0].figures;
    evaluation_release(&results[0]);
    evaluation_release(&results[1]);
    return code;
}

bool trainer__validation_falls(const struct Trainer *trainer) {
    const struct ScheduleTime *time = &trainer->parts.time;
    const struct Interval *every = &trainer->options.validation.every;
    int64_t step = trainer->saved.progress.step;
    int64_t steps = every->seconds > 0 ? 0 : span_steps(every->span, time->steps_per_epoch);
    return trainer->parts.validation && (step == time->total || (steps && step % steps == 0));
}

int trainer__validate(struct Trainer *trainer, struct Validation *validation, struct Error *error) {
    const float *average = callbacks__weights(trainer);
    profiler__lap(trainer->profiler, WORK_OTHER);
    beat_enter(ranks_beat(trainer->ranks), BEAT_VALIDATING);
    int code = measure(trainer, trainer->state, &validation->model, error);
    if (!code && average)
        code = measure(trainer, average, &validation->average, error);
    profiler__lap(trainer->profiler, WORK_VALIDATION);
    if (code)
        return code;
    struct Progress *progress = &trainer->saved.progress;
    if (!trainer__validation_falls(trainer))
        replicas__note_validation(trainer);
    progress->validation_is_due = false;
    progress->validated_seconds = progress->seconds;
    trainer->saved.validation = validation->model;
    trainer->saved.average = validation->average;
    enum TargetKind targets = trainer->saved.targets.kind;
    best_observe(&trainer->saved.best,
                 best_metric_figure(trainer->options.checkpoint.best, targets),
                 validation__used(validation), progress->step);
    callbacks__on_validation(trainer, validation);
    return OK;
}
