#include <math.h>

#include "base/clock.h"
#include "train/trainer.h"

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
    return updater_rate(trainer->parts.updater) * schedule_factor(&trainer->options.schedule,
                                                                  &trainer->parts.time,
                                                                  &trainer->saved.schedule, step);
}

int trainer__step(struct Trainer *trainer, struct StepReport *report, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    double start = clock_seconds();
    const struct Position position = trainer__position(trainer);
    beat_step(ranks_beat(trainer->ranks), progress->step + 1, trainer->stepped_seconds <= 0);
    const float *sum = shards__gradient(&trainer->shards, &position, trainer->state);
    const struct Arena *arena = model_arena(trainer->parts.model);
    const float *tallies = sum + arena_state_elements(arena);
    double loss = tallies[TALLY_LOSS], samples = tallies[TALLY_SAMPLES];
    double sums[TALLY_COUNT];
    for (int i = 0; i < TALLY_COUNT; i++)
        sums[i] = i == TALLY_LOSS ? loss * samples : tallies[i];
    double rate = trainer__rate(trainer, progress->step);
    *report = (struct StepReport){.step = progress->step + 1,
                                  .epoch = progress->epoch + 1,
                                  .figures = figures_of(trainer, sums),
                                  .rate = rate};
    figures_set(&report->figures, FIGURE_LOSS, loss); /* to the last bit */
    if (!isfinite(loss))
        return trainer__diagnose(trainer, false, error);
    replicas__note(trainer, trainer->state + arena->parameters, arena->statistics);
    bool finite =
        updater_step(trainer->parts.updater, rate, progress->step + 1, trainer->state, sum) &&
        model_update_statistics(trainer->parts.model, sum, shards__cut(&trainer->shards, &position),
                                trainer->state);
    replicas__close_link(trainer);
    if (!finite)
        return trainer__diagnose(trainer, true, error);
    report->gradient_norm = updater_gradient_norm(trainer->parts.updater);

    for (int i = 0; i < TALLY_COUNT; i++)
        progress->epoch_sums[i] += sums[i];
    progress->step++;
    progress->step_in_epoch++;
    callbacks__on_update(trainer);
    replicas__close_link(trainer);
    double seconds = clock_seconds() - start;
    progress->seconds += seconds;
    trainer->stepped_seconds += seconds;
    trainer__hear_interrupts(trainer, seconds);
    trainer->stepped_samples += samples;
    report->images_per_second = samples / seconds;
    return OK;
}
