#include "train/experiment.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "train/trainer.h"

struct Experiment {
    struct TrainRequest request;
    struct Trainer trainer;
    float *initial;  /* the state that the run begins with */
    float *slots;    /* of the optimiser at the beginning, one after the other */
    float *gradient; /* of the last step */
    double scale;    /* what made it of the exchanged sum */
    bool compiled;   /* a step was made: libraries have their kernels */
};

static const struct Arena *arena_of(const struct Experiment *experiment) {
    return model_arena(experiment->trainer.parts.model);
}

static size_t state_bytes(const struct Experiment *experiment) {
    return (size_t)arena_state_elements(arena_of(experiment)) * sizeof(float);
}

/* Copies the optimiser's slots to where their start is kept, or back. */
static void copy_slots(struct Experiment *experiment, bool back) {
    struct Updater *updater = experiment->trainer.parts.updater;
    int64_t elements = arena_of(experiment)->parameters;
    for (int i = 0; i < updater_slot_count(updater); i++) {
        float *kept = experiment->slots + i * elements, *slot = updater_slot(updater, i);
        memcpy(back ? slot : kept, back ? kept : slot, (size_t)elements * sizeof(float));
    }
}

static void keep_start(struct Experiment *experiment) {
    const struct Arena *arena = arena_of(experiment);
    int slots = updater_slot_count(experiment->trainer.parts.updater);
    experiment->initial =
        memory_array(float, arena_state_elements(arena), "the initial weights of an experiment");
    experiment->slots =
        memory_array(float, slots * arena->parameters, "the optimiser of an experiment");
    experiment->gradient = memory_array(float, arena->parameters, "the gradient of an experiment");
    memcpy(experiment->initial, experiment->trainer.state, state_bytes(experiment));
    copy_slots(experiment, false);
}

int experiment_create(struct Experiment **experiment, struct Ranks *ranks,
                      const struct TrainRequest *request, struct Error *error) {
    static const struct Callback *const none[] = {NULL};
    struct Experiment *made = memory_array(struct Experiment, 1, "an experiment");
    made->request = *request;
    made->request.trial = true;
    made->request.callbacks = none;
    int code = trainer__create(&made->trainer, ranks, &made->request, error);
    if (!code)
        keep_start(made);
    else
        experiment_release(made);
    *experiment = code ? NULL : made;
    return code;
}

void experiment_release(struct Experiment *experiment) {
    if (!experiment)
        return;
    trainer__release(&experiment->trainer);
    memory_release(experiment->initial);
    memory_release(experiment->slots);
    memory_release(experiment->gradient);
    memory_release(experiment);
}

const struct RunOptions *experiment_options(const struct Experiment *experiment) {
    return &experiment->trainer.options;
}

const struct RunParts *experiment_parts(const struct Experiment *experiment) {
    return &experiment->trainer.parts;
}

enum Variant experiment_variant(const struct Experiment *experiment) {
    return experiment->trainer.variant;
}

const float *experiment_state(const struct Experiment *experiment) {
    return experiment->trainer.state;
}

const float *experiment_initial(const struct Experiment *experiment) {
    return experiment->initial;
}

double experiment_rate(const struct Experiment *experiment, int64_t step) {
    return trainer__rate(&experiment->trainer, step);
}

const float *experiment_gradient(const struct Experiment *experiment) {
    return experiment->gradient;
}

void experiment_restart(struct Experiment *experiment) {
    struct Progress *progress = &experiment->trainer.saved.progress;
    memcpy(experiment->trainer.state, experiment->initial, state_bytes(experiment));
    copy_slots(experiment, true);
    *progress = (struct Progress){0};
}

static bool all_finite(const float *values, int64_t count) {
    float sum = 0; /* stays 0, or is NaN */
    for (int64_t i = 0; i < count; i++)
        sum += values[i] * 0.0f;
    return sum == 0;
}

static void advance(struct Experiment *experiment) {
    struct Progress *progress = &experiment->trainer.saved.progress;
    progress->step++;
    progress->step_in_epoch++;
    if (progress->step_in_epoch == experiment->trainer.parts.time.steps_per_epoch) {
        progress->epoch++;
        progress->step_in_epoch = 0;
    }
}

/* The step's own figures, and its gradient with the weights of samples in it. */
static void measure(struct Experiment *experiment, const float *sum, struct ExperimentStep *step) {
    const struct Arena *arena = arena_of(experiment);
    const struct RunParts *parts = &experiment->trainer.parts;
    const float *tallies = sum + arena_state_elements(arena);
    double weight = tallies[TALLY_WEIGHT], scale = 1;
    if (plan_has_weights(parts->plan))
        scale = weight > 0 ? tallies[TALLY_SAMPLES] / weight : 0;
    experiment->scale = scale;
    for (int64_t i = 0; i < arena->parameters; i++)
        experiment->gradient[i] = (float)(sum[i] * scale);
    step->samples = tallies[TALLY_SAMPLES];
    step->loss = tallies[TALLY_LOSS] * scale;
    step->accuracy = targets_are_values(&parts->dataset->targets)
                         ? NAN
                         : tallies[TALLY_CORRECT] / tallies[TALLY_SAMPLES];
    step->finite = isfinite(step->loss) && all_finite(experiment->gradient, arena->parameters);
}

int experiment_step(struct Experiment *experiment, double rate, struct ExperimentStep *step,
                    struct Error *error) {
    struct Trainer *trainer = &experiment->trainer;
    struct Progress *progress = &trainer->saved.progress;
    double start = clock_seconds();
    const struct Position position = trainer__position(trainer);
    const struct BatchCut cut = shards__cut(&trainer->shards, &position);
    beat_step(ranks_beat(trainer->ranks), progress->step + 1, !experiment->compiled);
    const float *sum = shards__gradient(&trainer->shards, &position, trainer->state);
    experiment->compiled = true;
    measure(experiment, sum, step);
    int code = trainer__check_samples(trainer, error);
    if (code)
        return code;
    if (!isnan(rate)) {
        updater_scale_gradient(trainer->parts.updater, experiment->scale);
        bool updated =
            updater_step(trainer->parts.updater, rate, progress->step + 1, trainer->state, sum);
        updated &= model_update_statistics(trainer->parts.model, sum, cut, trainer->state);
        step->finite &= updated;
    }
    advance(experiment);
    step->seconds = clock_seconds() - start;
    return OK;
}

int experiment_validate(struct Experiment *experiment, struct Evaluation *evaluation,
                        struct Error *error) {
    const struct Trainer *trainer = &experiment->trainer;
    const struct RunParts *parts = &trainer->parts;
    int64_t outputs = parts->dataset->targets.count;
    struct Predictor predictor = {.name = parts->validation->name,
                                  .plan = parts->validation_plan,
                                  .loader = parts->validation_loader,
                                  .state = trainer->state,
                                  .parameters = model_arena(parts->model)->parameters,
                                  .loss = &trainer->options.loss,
                                  .scale = &parts->scale,
                                  .outputs = outputs};
    struct EvaluateRequest request = {.members = &predictor,
                                      .member_count = 1,
                                      .metrics = metrics_for(parts->dataset),
                                      .split = parts->validation,
                                      .outputs = outputs};
    struct Evaluation results[2];
    beat_enter(ranks_beat(trainer->ranks), BEAT_VALIDATING);
    int code = evaluate(trainer->ranks, &request, results, error);
    *evaluation = results[0];
    evaluation_release(&results[1]);
    return code;
}
