/* The run's average of weights (optim/average.h): kept step by step, given its running statistics
 * before it is used. */
#include "train/trainer.h"

bool trainer_has_average(const struct Trainer *trainer) {
    return trainer->average && average_begun(&trainer->options.average, &trainer->parts.time,
                                             trainer->saved.progress.step);
}

void trainer_update_average(struct Trainer *trainer) {
    if (!trainer->average)
        return;
    const struct Arena *arena = model_arena(trainer->parts.model);
    const struct Choice *choice = &trainer->options.average;
    double weight = average_weight(choice, &trainer->parts.time, trainer->saved.progress.step);
    bool with_statistics = average_batches(choice, &trainer->parts.time) == 0;
    if (weight > 0)
        average_blend(trainer->average, trainer->state,
                      with_statistics ? arena_state_elements(arena) : arena->parameters, weight);
}

/* The mean over the first batches of the present epoch's order, each as a training step would see
 * it. All shards take part, and what they find goes through the exchange: the same bits on any
 * number of ranks. */
void trainer_measure_average(struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    const struct Progress *progress = &trainer->saved.progress;
    if (!trainer_has_average(trainer) || !arena->statistics ||
        trainer->average_measured == progress->step)
        return;
    int64_t batches = average_batches(&trainer->options.average, &trainer->parts.time);
    struct Position position = {.epoch = progress->epoch};
    for (int64_t i = 0; i < batches; i++) {
        position.step = progress->step + i;
        position.step_in_epoch = i;
        const float *sum = shards_statistics(&trainer->shards, &position, trainer->average);
        average_blend(trainer->average + arena->parameters, sum + arena->parameters,
                      arena->statistics, 1 / (double)(i + 1));
    }
    trainer->average_measured = progress->step;
}
