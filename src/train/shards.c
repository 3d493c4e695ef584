#include "train/shards.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "train/profiler.h"

int shards__create(struct Shards *shards, struct Ranks *ranks, enum ExchangeAlgorithm algorithm,
                   enum Variant variant, struct Error *error) {
    int64_t together = plan_shards(shards->plan), elements = shards->gradient_elements;
    shards->beat = ranks_beat(ranks);
    shards->calls = memory_array(struct ShardCall, together, "shards");
    if (together > 1 && !plan_pairs(shards->plan))
        shards->gradients = memory_array(float, together *elements, "gradients of shards");
    int code = exchange_create(&shards->exchange, ranks, shards->count, elements, algorithm,
                               variant, error);
    if (!code && plan_pairs(shards->plan))
        exchange_expect_pairs(shards->exchange, shards->parameters);
    if (!code && !plan_gathers(shards->plan))
        exchange_expect_early(shards->exchange, shards->parameters);
    return code;
}

void shards__release(struct Shards *shards) {
    if (shards->exchange)
        exchange_release(shards->exchange);
    memory_release(shards->calls);
    memory_release(shards->gradients);
}

struct BatchCut shards__cut(const struct Shards *shards, const struct Position *position) {
    int64_t left = shards->samples - position->step_in_epoch * shards->batch;
    return (struct BatchCut){.batch = left < shards->batch ? left : shards->batch,
                             .shards = shards->count};
}

void shards__prepare_ahead(struct Shards *shards) {
    int64_t of_shard = (shards->batch + shards->count - 1) / shards->count;
    loader_work_ahead(shards->loader, of_shard * plan_shards(shards->plan));
}

struct ShardCall shards__load(struct Shards *shards, const struct Position *position,
                              const float *state, int64_t shard) {
    struct BatchCut cut = shards__cut(shards, position);
    int64_t batch_first = position->step_in_epoch * shards->batch;
    int64_t first = batch_cut_first(cut, shard);
    struct ShardCall call = {.samples = batch_cut_first(cut, shard + 1) - first,
                             .first = first,
                             .batch = cut.batch,
                             .seed = shards->seed,
                             .step = (uint64_t)position->step,
                             .state = state};
    plan_select(shards->plan, shard % plan_shards(shards->plan));
    if (call.samples && plan_weights(shards->plan))
        loader_fill_weighted(shards->loader, position->epoch, batch_first + first, call.samples,
                             plan_input(shards->plan), plan_target(shards->plan),
                             plan_weights(shards->plan));
    else if (call.samples)
        loader_fill(shards->loader, position->epoch, batch_first + first, call.samples,
                    plan_input(shards->plan), plan_target(shards->plan), NULL);
    return call;
}

/* Lets the loader make the samples of the shards from `shard` on that run together. */
static void expect(const struct Shards *shards, const struct Position *position, int64_t shard) {
    struct BatchCut cut = shards__cut(shards, position);
    int64_t first = batch_cut_first(cut, shard);
    int64_t end = batch_cut_first(cut, shard + plan_shards(shards->plan));
    loader_expect(shards->loader, position->epoch, position->step_in_epoch * shards->batch + first,
                  end - first, plan_weights(shards->plan) != NULL);
}

/* The same of those that this rank computes after the first `done` of its shards in the step. */
static void expect_next(const struct Shards *shards, const struct Position *position,
                        int64_t done) {
    int64_t first = exchange_first_shard(shards->exchange);
    struct Position next = {position->step + 1, position->epoch, position->step_in_epoch + 1};
    if (done < exchange_shard_count(shards->exchange)) {
        expect(shards, position, first + done);
        return;
    }
    if (next.step_in_epoch == shards->steps_per_epoch) {
        next.epoch++;
        next.step_in_epoch = 0;
    }
    if (next.step < shards->steps)
        expect(shards, &next, first);
}

static void lap(const struct Shards *shards, enum StepWork work) {
    stopwatch_lap(shards->stopwatch, shards->first_work + (int)work);
}

void shards__load_together(struct Shards *shards, const struct Position *position,
                           const float *state, int64_t first) {
    double start = clock_seconds();
    for (int64_t k = 0; k < plan_shards(shards->plan); k++) {
        shards->calls[k] = shards__load(shards, position, state, first + k);
        shards->loaded += (double)shards->calls[k].samples;
    }
    shards->input_seconds += clock_seconds() - start;
    lap(shards, WORK_INPUT);
}

/* One that runs alone, and a pair, write into the exchange's buffers; others that run together
 * write gradients of their own, which are copied there afterwards. */
static void set_gradients(struct Shards *shards) {
    for (int64_t k = 0; k < plan_shards(shards->plan) && shards->gradients; k++)
        shards->calls[k].gradient = shards->gradients + k * shards->gradient_elements;
    if (!shards->gradients)
        shards->calls[0].gradient = exchange_shard_buffer(shards->exchange);
    if (plan_pairs(shards->plan))
        shards->calls[1].gradient = exchange_second_buffer(shards->exchange);
}

static void tell_ready(void *context, int64_t first) {
    const struct Shards *shards = context;
    exchange_ready(shards->exchange, first);
    lap(shards, WORK_READY);
}

/* What is complete can be exchanged while the rest is computed, unless computing communicates. */
static void backward(struct Shards *shards) {
    if (plan_gathers(shards->plan))
        plan_backward(shards->plan, shards->calls);
    else
        plan_backward_telling(shards->plan, shards->calls, tell_ready, shards);
}

static void hand_over_gradients(struct Shards *shards) {
    size_t bytes = (size_t)shards->gradient_elements * sizeof(float);
    for (int64_t k = 0; k < plan_shards(shards->plan) && shards->gradients; k++) {
        memcpy(exchange_shard_buffer(shards->exchange), shards->calls[k].gradient, bytes);
        exchange_shard_done(shards->exchange);
    }
    if (!shards->gradients)
        exchange_shard_done(shards->exchange);
}

static const float *run(struct Shards *shards, const struct Position *position, const float *state,
                        bool trains) {
    int64_t first = exchange_first_shard(shards->exchange), together = plan_shards(shards->plan);
    size_t bytes = (size_t)shards->gradient_elements * sizeof(float);
    plan_prepare(shards->plan, state);
    for (int64_t i = 0; i < exchange_shard_count(shards->exchange); i += together) {
        shards__load_together(shards, position, state, first + i);
        expect_next(shards, position, i + together);
        set_gradients(shards);
        for (int64_t k = 0; k < together && !trains; k++)
            memset(shards->calls[k].gradient, 0, bytes);
        plan_forward(shards->plan, shards->calls);
        if (trains)
            backward(shards);
        if (shards->tell && i + together >= exchange_shard_count(shards->exchange))
            shards->tell(shards->tell_context, exchange_own_notes(shards->exchange));
        hand_over_gradients(shards);
        lap(shards, WORK_SUM);
        beat_move(shards->beat);
    }
    const float *sum = exchange_finish(shards->exchange);
    lap(shards, WORK_EXCHANGE);
    return sum;
}

const float *shards__gradient(struct Shards *shards, const struct Position *position,
                              const float *state) {
    return run(shards, position, state, true);
}

const float *shards__statistics(struct Shards *shards, const struct Position *position,
                                const float *state) {
    return run(shards, position, state, false);
}
