#include <math.h>

#include "base/clock.h"
#include "train/trainer.h"

struct Position trainer__position(const struct Trainer *trainer) {
    const struct Progress *progress = &trainer->saved.progress;
    return (struct Position){progress->step, progress->epoch, progress->step_in_epoch};
}

/* `loss`: the mean over `samples` samples; the others: sums over them. */
static struct Figures figures_of(const struct Trainer *trainer, double loss, double correct,
                                 double squared_error, double samples) {
    struct Figures figures = {0};
    figures_set(&figures, FIGURE_LOSS, loss);
    if (targets_are_values(&trainer->parts.dataset->targets))
        figures_set(&figures, FIGURE_RMSE,
                    sqrt(squared_error / samples * trainer->parts.error_unit));
    else
        figures_set(&figures, FIGURE_ACCURACY, correct / samples);
    return figures;
}

struct Figures trainer__epoch_figures(const struct Trainer *trainer) {
    const struct Progress *progress = &trainer->saved.progress;
    if (progress->epoch_samples <= 0)
        return (struct Figures){0};
    return figures_of(trainer, progress->epoch_loss / progress->epoch_samples,
                      progress->epoch_correct, progress->epoch_squared_error,
                      progress->epoch_samples);
}

double trainer__rate(const struct Trainer *trainer, int64_t step) {
    return updater_rate(trainer->parts.updater) * schedule_factor(&trainer->options.schedule,
                                                                  &trainer->parts.time,
                                                                  &trainer->saved.schedule, step);
}

int trainer__step(struct Trainer *trainer, struct StepReport *report, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    double start = clock_seconds();
    const struct Position position = trainer__position(trainer);
    const float *sum = shards__gradient(&trainer->shards, &position, trainer->state);
    const float *tallies = sum + arena_state_elements(model_arena(trainer->parts.model));
    double samples = tallies[TALLY_SAMPLES];
    double rate = trainer__rate(trainer, progress->step);
    *report = (struct StepReport){.step = progress->step + 1,
                                  .epoch = progress->epoch + 1,
                                  .figures = figures_of(trainer, tallies[TALLY_LOSS],
                                                        tallies[TALLY_CORRECT],
                                                        tallies[TALLY_SQUARED_ERROR], samples),
                                  .rate = rate};
    double loss = report->figures.value[FIGURE_LOSS];
    if (!isfinite(loss))
        return trainer__diagnose(trainer, false, error);
    if (!updater_step(trainer->parts.updater, rate, progress->step + 1, trainer->state, sum) ||
        !model_update_statistics(trainer->parts.model, sum, trainer->state))
        return trainer__diagnose(trainer, true, error);
    report->gradient_norm = updater_gradient_norm(trainer->parts.updater);

    progress->epoch_loss += loss * samples;
    progress->epoch_correct += tallies[TALLY_CORRECT];
    progress->epoch_squared_error += tallies[TALLY_SQUARED_ERROR];
    progress->epoch_samples += samples;
    progress->step++;
    progress->step_in_epoch++;
    callbacks__on_update(trainer);
    double seconds = clock_seconds() - start;
    progress->seconds += seconds;
    trainer->stepped_seconds += seconds;
    trainer->stepped_samples += samples;
    report->images_per_second = samples / seconds;
    return OK;
}
