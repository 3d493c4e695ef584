#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "train/trainer.h"

/* The samples [first, first + count) of the epoch's order that step `step_in_epoch` takes. */
static void batch_of_step(const struct Trainer *trainer, int64_t step_in_epoch, int64_t *first,
                          int64_t *count) {
    int64_t batch = trainer->options.train.batch, left;
    *first = step_in_epoch * batch;
    left = trainer->parts.train->count - *first;
    *count = left < batch ? left : batch;
}

/* Shard `shard`'s part of a batch of `count` samples: [*first, *first + returned). */
static int64_t part_of_shard(const struct Trainer *trainer, int64_t shard, int64_t count,
                             int64_t *first) {
    int64_t shards = trainer->options.train.shards;
    *first = shard * count / shards;
    return (shard + 1) * count / shards - *first;
}

struct ShardCall trainer_load_shard(struct Trainer *trainer, int64_t shard) {
    int64_t batch_first, batch, first;
    plan_select(trainer->parts.plan, shard % plan_shards(trainer->parts.plan));
    batch_of_step(trainer, trainer->saved.progress.step_in_epoch, &batch_first, &batch);
    int64_t samples = part_of_shard(trainer, shard, batch, &first);
    struct ShardCall call = {.samples = samples,
                             .first = first,
                             .batch = batch,
                             .seed = (uint64_t)trainer->options.train.seed,
                             .step = (uint64_t)trainer->saved.progress.step,
                             .state = trainer->state};
    if (samples)
        loader_fill(trainer->parts.loader, trainer->saved.progress.epoch, batch_first + first,
                    samples, plan_input(trainer->parts.plan), plan_target(trainer->parts.plan),
                    NULL);
    return call;
}

void trainer_load_shards(struct Trainer *trainer, int64_t first) {
    for (int64_t k = 0; k < plan_shards(trainer->parts.plan); k++)
        trainer->shard_calls[k] = trainer_load_shard(trainer, first + k);
}

/* Where the shards that run together write: one at a time where the exchange wants it, several to
 * gradients of their own, which go there afterwards. */
static void begin_shards(struct Trainer *trainer, int64_t first) {
    int64_t elements = arena_gradient_elements(model_arena(trainer->parts.model));
    int64_t count = plan_shards(trainer->parts.plan);
    trainer_load_shards(trainer, first);
    for (int64_t k = 0; k < count; k++)
        trainer->shard_calls[k].gradient = count == 1 ? exchange_shard_buffer(trainer->exchange)
                                                      : trainer->gradients + k * elements;
}

static void end_shards(struct Trainer *trainer) {
    int64_t elements = arena_gradient_elements(model_arena(trainer->parts.model));
    int64_t count = plan_shards(trainer->parts.plan);
    for (int64_t k = 0; k < count; k++) {
        if (count > 1)
            memcpy(exchange_shard_buffer(trainer->exchange), trainer->shard_calls[k].gradient,
                   (size_t)elements * sizeof(float));
        exchange_shard_done(trainer->exchange);
    }
}

static const float *compute_gradient(struct Trainer *trainer) {
    int64_t first = exchange_first_shard(trainer->exchange);
    int64_t together = plan_shards(trainer->parts.plan);
    plan_prepare(trainer->parts.plan, trainer->state);
    for (int64_t i = 0; i < exchange_shard_count(trainer->exchange); i += together) {
        begin_shards(trainer, first + i);
        plan_forward(trainer->parts.plan, trainer->shard_calls);
        plan_backward(trainer->parts.plan, trainer->shard_calls);
        end_shards(trainer);
    }
    return exchange_finish(trainer->exchange);
}

const float *trainer_batch_statistics(struct Trainer *trainer, const float *state) {
    int64_t first = exchange_first_shard(trainer->exchange);
    int64_t together = plan_shards(trainer->parts.plan);
    size_t bytes =
        (size_t)arena_gradient_elements(model_arena(trainer->parts.model)) * sizeof(float);
    plan_prepare(trainer->parts.plan, state);
    for (int64_t i = 0; i < exchange_shard_count(trainer->exchange); i += together) {
        begin_shards(trainer, first + i);
        for (int64_t k = 0; k < together; k++) {
            trainer->shard_calls[k].state = state;
            memset(trainer->shard_calls[k].gradient, 0, bytes);
        }
        plan_forward(trainer->parts.plan, trainer->shard_calls);
        end_shards(trainer);
    }
    return exchange_finish(trainer->exchange);
}

/* `loss`: the mean over `samples` samples; the others: sums over them. */
static struct Figures figures_of(const struct Trainer *trainer, double loss, double correct,
                                 double squared_error, double samples) {
    struct Figures figures = {0};
    figures_set(&figures, FIGURE_LOSS, loss);
    if (trainer->parts.targets.count)
        figures_set(&figures, FIGURE_RMSE,
                    sqrt(squared_error / samples * trainer->parts.error_unit));
    else
        figures_set(&figures, FIGURE_ACCURACY, correct / samples);
    return figures;
}

struct Figures trainer_epoch_figures(const struct Trainer *trainer) {
    const struct Progress *progress = &trainer->saved.progress;
    if (progress->epoch_samples <= 0)
        return (struct Figures){0};
    return figures_of(trainer, progress->epoch_loss / progress->epoch_samples,
                      progress->epoch_correct, progress->epoch_squared_error,
                      progress->epoch_samples);
}

double trainer_rate(const struct Trainer *trainer, int64_t step) {
    return updater_rate(trainer->parts.updater) * schedule_factor(&trainer->options.schedule,
                                                                  &trainer->parts.time,
                                                                  &trainer->saved.schedule, step);
}

int trainer_step(struct Trainer *trainer, struct StepReport *report, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    double start = clock_seconds();
    const float *sum = compute_gradient(trainer);
    const float *tallies = sum + arena_state_elements(model_arena(trainer->parts.model));
    double samples = tallies[TALLY_SAMPLES];
    double rate = trainer_rate(trainer, progress->step);
    *report = (struct StepReport){.step = progress->step + 1,
                                  .epoch = progress->epoch + 1,
                                  .figures = figures_of(trainer, tallies[TALLY_LOSS],
                                                        tallies[TALLY_CORRECT],
                                                        tallies[TALLY_SQUARED_ERROR], samples),
                                  .rate = rate};
    double loss = report->figures.value[FIGURE_LOSS];
    if (!isfinite(loss))
        return trainer_diagnose(trainer, false, error);
    if (!updater_step(trainer->parts.updater, rate, progress->step + 1, trainer->state, sum) ||
        !model_update_statistics(trainer->parts.model, sum, trainer->state))
        return trainer_diagnose(trainer, true, error);
    report->gradient_norm = updater_gradient_norm(trainer->parts.updater);

    progress->epoch_loss += loss * samples;
    progress->epoch_correct += tallies[TALLY_CORRECT];
    progress->epoch_squared_error += tallies[TALLY_SQUARED_ERROR];
    progress->epoch_samples += samples;
    progress->step++;
    progress->step_in_epoch++;
    trainer_update_average(trainer);
    double seconds = clock_seconds() - start;
    progress->seconds += seconds;
    trainer->stepped_seconds += seconds;
    trainer->stepped_samples += samples;
    report->images_per_second = samples / seconds;
    int64_t every = trainer->options.train.check_every;
    return every && progress->step % every == 0 ? trainer_compare_replicas(trainer, error) : OK;
}

int trainer_compare_replicas(struct Trainer *trainer, struct Error *error) {
    size_t bytes = (size_t)arena_state_elements(model_arena(trainer->parts.model)) * sizeof(float);
    struct Digest digest = digest_bytes(trainer->state, bytes);
    int64_t least[2] = {(int64_t)digest.high, (int64_t)digest.low}, most[2] = {least[0], least[1]};
    ranks_minimum(trainer->ranks, least, 2);
    ranks_maximum(trainer->ranks, most, 2);
    if (least[0] == most[0] && least[1] == most[1])
        return OK;
    return fail(error, ERROR_NUMERIC,
                "step %lld: the ranks' replicas differ; a machine computes wrongly, or "
                "train.exchange is not bit-exact",
                (long long)trainer->saved.progress.step);
}
