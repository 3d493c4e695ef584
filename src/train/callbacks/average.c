/* The average of weights (optim/average.h): follows the weights step by step, and gets its running
 * statistics before it is used. */
#include "optim/average.h"
#include "base/memory.h"
#include "train/trainer.h"

struct State {
    float *average;        /* as trainer->state; NULL: the run keeps none */
    int64_t measured_step; /* after which its statistics were measured; −1: not yet */
};

static void make(const struct Trainer *trainer, void *callback) {
    struct State *state = callback;
    int64_t elements = arena_state_elements(model_arena(trainer->parts.model));
    if (trainer->options.average.kind)
        state->average = memory_array(float, elements, "the average of weights");
    state->measured_step = -1;
}

static void release(void *callback) {
    memory_release(((struct State *)callback)->average);
}

static const float *weights(const struct Trainer *trainer, const void *callback) {
    const struct State *state = callback;
    bool begun = state->average && average_begun(&trainer->options.average, &trainer->parts.time,
                                                 trainer->saved.progress.step);
    return begun ? state->average : NULL;
}

static void blend(struct Trainer *trainer, void *callback) {
    struct State *state = callback;
    const struct Choice *choice = &trainer->options.average;
    if (!state->average)
        return;
    const struct Arena *arena = model_arena(trainer->parts.model);
    double weight = average_weight(choice, &trainer->parts.time, trainer->saved.progress.step);
    bool with_statistics = average_batches(choice, &trainer->parts.time) == 0;
    int64_t count = with_statistics ? arena_state_elements(arena) : arena->parameters;
    if (weight <= 0 || (weight < 1 && trainer__skipped(trainer)))
        return;
    uint32_t replaced = average_blend(state->average, trainer->state, count, weight);
    replicas__note(trainer, &replaced, sizeof replaced);
}

/* The mean of the statistics over the first batches of the present epoch's order, each as a
 * training step would find them. All shards take part, and the exchange adds them up: the bits are
 * the same on any number of ranks. */
static void measure(struct Trainer *trainer, void *callback) {
    struct State *state = callback;
    const struct Arena *arena = model_arena(trainer->parts.model);
    const struct Progress *progress = &trainer->saved.progress;
    if (!weights(trainer, state) || !arena->statistics || state->measured_step == progress->step)
        return;
    int64_t batches = average_batches(&trainer->options.average, &trainer->parts.time);
    struct Position position = {.epoch = progress->epoch};
    replicas__note(trainer, state->average + arena->parameters,
                   arena->statistics * (int64_t)sizeof(float));
    for (int64_t i = 0; i < batches; i++) {
        position.step = progress->step + i;
        position.step_in_epoch = i;
        const float *sum = shards__statistics(&trainer->shards, &position, state->average);
        model_average_statistics(trainer->parts.model, sum,
                                 shards__cut(&trainer->shards, &position), 1 / (double)(i + 1),
                                 state->average);
    }
    state->measured_step = progress->step;
}

static int on_save(struct Trainer *trainer, void *state, struct Error *error) {
    (void)error;
    measure(trainer, state);
    return OK;
}

static void write_average(const struct Trainer *trainer, const void *state,
                          struct CheckpointWriter *writer) {
    const float *average = weights(trainer, state);
    if (average)
        checkpoint_put_average(writer, model_arena(trainer->parts.model), average);
}

static int restore(struct Trainer *trainer, void *callback, const struct Checkpoint *checkpoint,
                   struct Error *error) {
    struct State *state = callback;
    state->measured_step = -1;
    if (!weights(trainer, state))
        return OK;
    state->measured_step = trainer->saved.progress.step;
    return checkpoint_get_average(checkpoint, model_arena(trainer->parts.model), state->average,
                                  error);
}

const struct Callback callback_average = {.name = "average of weights",
                                          .state_size = sizeof(struct State),
                                          .release = release,
                                          .write = write_average,
                                          .restore = restore,
                                          .make = make,
                                          .on_update = blend,
                                          .before_validation = measure,
                                          .on_save = on_save,
                                          .weights = weights};
