#include <math.h>

#include "base/clock.h"
#include "train/profiler.h"
#include "train/trainer.h"

/* Steps. The measurement of a penalty reads all weights once more. */
#define PENALTY_EVERY 10

struct Position trainer__position(const struct Trainer *trainer) {
    const struct Progress *progress = &trainer->saved.progress;
    return (struct Position){progress->step, progress->epoch, progress->step_in_epoch};
}

static struct Figures figures_of(const struct Trainer *trainer, const double sums[TALLY_COUNT]) {
    return figures_of_sums(sums, &trainer->parts.dataset->targets, trainer->parts.error_unit);
}

struct Figures trainer__epoch_figures(const struct Trainer *trainer) {
    return figures_of(trainer, trainer->saved.progress.epoch_sums);
}

double trainer__rate(const struct Trainer *trainer, int64_t step) {
    return updater_rate(trainer->parts.updater) *
           schedule_factor(&trainer->options.schedule, &trainer->parts.time,
                           &trainer->saved.schedule, step) *
           trainer->saved.recovery.rate_factor;
}

double trainer__penalty(const struct Trainer *trainer) {
    const struct Updater *updater = trainer->parts.updater;
    return updater_has_penalty(updater) ? updater_penalty(updater, trainer->state) : NAN;
}

/* Updates the model, if all numbers are finite. Skipped steps are no steps of the optimiser. */
static int update(struct Trainer *trainer, const struct StepGradient *gradient,
                  struct StepReport *report, struct Error *error) {
    const float *sum = gradient->values;
    const struct Arena *arena = model_arena(trainer->parts.model);
    struct Updater *updater = trainer->parts.updater;
    const struct Position position = trainer__position(trainer);
    const struct BatchCut cut = shards__cut(&trainer->shards, &position);
    int64_t number = report->step - trainer->saved.recovery.skipped;
    if (!isfinite(report->figures.value[FIGURE_LOSS]))
        return trainer__recover(trainer, NONFINITE_LOSS, report, error);
    if (trainer__looks_ahead(trainer) &&
        !(updater_gradient_is_finite(updater, sum) &&
          model_statistics_are_finite(trainer->parts.model, sum, cut)))
        return trainer__recover(trainer, NONFINITE_GRADIENT, report, error);
    replicas__note(trainer, trainer->state + arena->parameters,
                   arena->statistics * (int64_t)sizeof(float));
    callbacks__before_update(trainer, gradient);
    bool finite = updater_step(updater, report->rate, number, trainer->state, sum) &&
                  model_update_statistics(trainer->parts.model, sum, cut, trainer->state);
    if (!finite) {
        replicas__close_link(trainer);
        return trainer__recover(trainer, NONFINITE_UPDATE, report, error);
    }
    report->gradient_norm = updater_gradient_norm(updater);
    trainer->saved.recovery.skipped_in_a_row = 0;
    return OK;
}

/* What makes weighted means of the loss and the gradient, which are sums / samples. A batch whose
 * weights are all 0 changes nothing. */
static double weighted_scale(const struct Trainer *trainer, const float *tallies) {
    double weight = tallies[TALLY_WEIGHT];
    if (!plan_has_weights(trainer->parts.plan))
        return 1;
    return weight > 0 ? tallies[TALLY_SAMPLES] / weight : 0;
}

/* What is known of a step before its update. `loss`: to the last bit. */
static struct StepReport begin_report(const struct Trainer *trainer, const double *sums,
                                      double loss) {
    const struct Progress *progress = &trainer->saved.progress;
    struct StepReport report = {.step = progress->step + 1,
                                .epoch = progress->epoch + 1,
                                .figures = figures_of(trainer, sums),
                                .rate = trainer__rate(trainer, progress->step),
                                .gradient_norm = NAN,
                                .penalty = NAN};
    if (progress->step % PENALTY_EVERY == 0)
        report.penalty = trainer__penalty(trainer);
    figures_set(&report.figures, FIGURE_LOSS, loss);
    return report;
}

/* The step that began at `start` is done, or skipped. */
static void count_step(struct Trainer *trainer, const double *sums, double start,
                       struct StepReport *report) {
    struct Progress *progress = &trainer->saved.progress;
    replicas__close_link(trainer);
    for (int i = 0; i < TALLY_COUNT && report->fate == STEP_DONE; i++)
        progress->epoch_sums[i] += sums[i];
    progress->step++;
    progress->step_in_epoch++;
    callbacks__on_update(trainer);
    replicas__close_link(trainer);
    double seconds = clock_seconds() - start;
    progress->seconds += seconds;
    trainer->pace.seconds += seconds;
    trainer__hear_interrupts(trainer, seconds);
    trainer->pace.samples += sums[TALLY_SAMPLES];
    report->images_per_second = sums[TALLY_SAMPLES] / seconds;
}

int trainer__step(struct Trainer *trainer, struct StepReport *report, struct Error *error) {
    int64_t step = trainer->saved.progress.step + 1;
    double start = clock_seconds();
    const struct Position position = trainer__position(trainer);
    profiler__begin_step(trainer->profiler, step);
    beat_step(ranks_beat(trainer->ranks), step, trainer->pace.seconds <= 0);
    const float *sum = shards__gradient(&trainer->shards, &position, trainer->state);
    const float *tallies = sum + arena_state_elements(model_arena(trainer->parts.model));
    double samples = tallies[TALLY_SAMPLES], scale = weighted_scale(trainer, tallies);
    double sums[TALLY_COUNT];
    for (int i = 0; i < TALLY_COUNT; i++)
        sums[i] = i == TALLY_LOSS ? tallies[i] * samples : tallies[i];
    updater_scale_gradient(trainer->parts.updater, scale);
    *report = begin_report(trainer, sums, tallies[TALLY_LOSS] * scale);
    int code = trainer__check_samples(trainer, error);
    if (!code)
        code = trainer__hear_of_save(trainer, error);
    if (!code)
        code = update(trainer, &(struct StepGradient){step, sum, scale}, report, error);
    if (!code && report->fate == STEP_UNDONE)
        trainer__hear_interrupts(trainer, 0);
    else if (!code)
        count_step(trainer, sums, start, report);
    profiler__lap(trainer->profiler, WORK_UPDATE);
    return code;
}
