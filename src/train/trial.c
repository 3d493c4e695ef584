#include "train/trial.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/sort.h"
#include "comm/exchange_time.h"
#include "train/trainer.h"

#define WARM_UP 2
#define MOST_STEPS 20
#define LEAST_STEPS 3
#define BUDGET 4e9 /* nanoseconds of the measured steps, about */

/* In seconds. */
static double median(int64_t *nanoseconds, int count) {
    qsort(nanoseconds, (size_t)count, sizeof *nanoseconds, sort_integers);
    return 1e-9 * (double)nanoseconds[count / 2];
}

/* One step, timed on the slowest rank, and what the exchange adds to it. */
struct Timing {
    int64_t step, exposed; /* nanoseconds */
};

static int time_step(struct Trainer *trainer, struct Timing *timing, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    struct StepReport report;
    ranks_barrier(trainer->ranks);
    double start = clock_seconds(), exposed = exchange_exposed(trainer->shards.exchange);
    int code = trainer__step(trainer, &report, error);
    timing->step = (int64_t)(1e9 * (clock_seconds() - start));
    timing->exposed = (int64_t)(1e9 * (exchange_exposed(trainer->shards.exchange) - exposed));
    if (code)
        return code;
    ranks_maximum(trainer->ranks, &timing->step, 1);
    ranks_minimum(trainer->ranks, &timing->exposed, 1);
    if (progress->step_in_epoch == trainer->parts.time.steps_per_epoch) {
        progress->epoch++;
        progress->step_in_epoch = 0;
    }
    return OK;
}

static int time_steps(struct Trainer *trainer, struct Trial *trial, struct Error *error) {
    int64_t times[MOST_STEPS], exposed[MOST_STEPS], total = trainer->parts.time.total, sum = 0;
    struct Timing one;
    int code = OK;
    for (int i = 0; !code && i < WARM_UP && i + 1 < total; i++)
        code = time_step(trainer, &one, error);
    while (!code && trial->steps < MOST_STEPS && trainer->saved.progress.step < total &&
           (trial->steps < LEAST_STEPS || (double)sum < BUDGET)) {
        code = time_step(trainer, &one, error);
        if (!code) {
            times[trial->steps] = one.step;
            exposed[trial->steps++] = one.exposed;
            sum += one.step;
        }
    }
    if (code)
        return code;
    trial->step_seconds = median(times, trial->steps);
    trial->exposed_seconds = median(exposed, trial->steps);
    return OK;
}

static void describe(const struct Trainer *trainer, struct Trial *trial) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    const struct TrainOptions *options = &trainer->options.train;
    int64_t slots = updater_slot_count(trainer->parts.updater);
    int64_t states = trainer->options.average.kind ? 2 : 1;
    *trial = (struct Trial){
        .batch = options->batch,
        .shards = options->shards,
        .threads = options->threads,
        .parameters = arena->trained,
        .gradient_bytes = trainer->shards.gradient_elements * (int64_t)sizeof(float),
        .checkpoint_bytes = (states * arena_state_elements(arena) + slots * arena->parameters) *
                            (int64_t)sizeof(float)};
    snprintf(trial->exchange, sizeof trial->exchange, "%s",
             exchange_name(trainer->shards.exchange));
}

int train_trial(struct Ranks *ranks, const struct TrainRequest *request, struct Trial *trial,
                struct Error *error) {
    static const struct Callback *const none[] = {NULL};
    struct TrainRequest trying = *request;
    struct Trainer trainer;
    trying.trial = true;
    trying.callbacks = none;
    *trial = (struct Trial){0};
    int code = trainer__create(&trainer, ranks, &trying, error);
    if (!code) {
        describe(&trainer, trial);
        code = time_steps(&trainer, trial, error);
    }
    if (!code)
        trial->exchange_seconds =
            exchange_time(trainer.shards.exchange, ranks, trainer.shards.gradient_elements, 0.5);
    trainer__release(&trainer);
    return code;
}
