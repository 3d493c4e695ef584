/* Where a step's time goes: each operation of a run file's plan, forward and backward, next to its
 * floor, as `trainer train --profile` prints it (docs/profiling.md), but of the plan alone and for
 * any backend.
 *
 *   bench_step RUN.yaml HEIGHTxWIDTHxCHANNELS SAMPLES [BACKEND [predict]]
 *
 * One rank, one shard of SAMPLES random images with random targets; the data set is not read. For
 * predictions the weights are prepared once, before the steps that are measured. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compute/peak.h"
#include "nn/plan_work.h"
#include "report/profile.h"
#include "run/options.h"
#include "train/profiler.h"

#define WARM_UP_STEPS 2
#define STEPS 8

static int stop(const struct Error *error) {
    fprintf(stderr, "bench_step: %s\n", error->text);
    return 1;
}

static void fill_random(float *values, int64_t count, float scale) {
    struct RandomStream stream = random_stream(1, RANDOM_TEST, 0, 0, 0);
    for (int64_t i = 0; i < count; i++)
        values[i] = scale * (2 * random_uniform(random_word(&stream, (uint64_t)i)) - 1);
}

static void fill_targets(struct Plan *plan, int64_t samples, int64_t outputs) {
    for (int64_t i = 0; i < samples; i++)
        plan_target(plan)[i * outputs + i % outputs] = 1;
}

/* What an optimiser with momentum reads and writes, so that the caches hold what they would hold
 * when the next step of a training begins. */
static void update(int64_t parameters, float *state, float *velocity, const float *gradient) {
    for (int64_t i = 0; i < parameters; i++) {
        velocity[i] = 0.9F * velocity[i] + gradient[i];
        state[i] -= 1e-6F * velocity[i];
    }
}

/* `stopwatch` has the times of the measured steps afterwards. */
static void run_steps(struct Plan *plan, const struct Model *model, int64_t samples, bool training,
                      struct Stopwatch *stopwatch) {
    const struct Arena *arena = model_arena(model);
    float *state = memory_array(float, arena_state_elements(arena), "state");
    float *gradient = memory_array(float, arena_gradient_elements(arena), "gradient");
    float *velocity = memory_array(float, arena->parameters, "velocity");
    model_initialise(model, 1, state);
    if (training)
        fill_targets(plan, samples, shape_elements(model_output(model)));
    for (int step = 0; step < WARM_UP_STEPS + STEPS; step++) {
        struct ShardCall call = {.samples = samples,
                                 .batch = samples,
                                 .step = (uint64_t)step,
                                 .state = state,
                                 .gradient = gradient};
        if (step == WARM_UP_STEPS)
            stopwatch_clear(stopwatch, stopwatch->works);
        fill_random(plan_input(plan), samples * shape_elements(model_input(model)), 2);
        stopwatch_start(stopwatch);
        if (training || step == 0)
            plan_prepare(plan, state);
        plan_forward(plan, &call);
        if (!training)
            continue;
        plan_backward(plan, &call);
        update(arena->parameters, state, velocity, gradient);
    }
    memory_release(velocity);
    memory_release(state);
    memory_release(gradient);
}

static struct Profile *describe(const struct Plan *plan, double samples, enum Variant variant,
                                const struct Stopwatch *stopwatch) {
    struct Profile *profile = memory_array(struct Profile, 1, "a profile");
    int works = plan_works(plan);
    *profile = (struct Profile){.ranks = 1,
                                .threads = 1,
                                .steps = STEPS,
                                .warm_up = WARM_UP_STEPS,
                                .samples = samples,
                                .peak = peak_flops(variant, 1),
                                .bandwidth = peak_bandwidth(1),
                                .rows = memory_array(struct ProfileRow, works, "a profile"),
                                .seconds = memory_array(double, works, "a profile")};
    for (int work = 0; work < works; work++) {
        struct PlanWork described;
        if (stopwatch->seconds[work] == 0 || !plan_work(plan, work, samples, 1, &described))
            continue; /* it is no part of the steps */
        profile->seconds[profile->row_count] = stopwatch->seconds[work] / STEPS;
        profile->rows[profile->row_count++] =
            profiler__row(&described, profile->peak, profile->bandwidth);
    }
    return profile;
}

int main(int count, char **words) {
    long long height, width, channels, samples = count > 3 ? atoll(words[3]) : 0;
    struct Error error = {0};
    struct RunFile *file;
    struct RunOptions options = {0};
    struct Model *model;
    struct Plan *plan;
    if (count < 4 || sscanf(words[2], "%lldx%lldx%lld", &height, &width, &channels) != 3 ||
        samples < 1) {
        fprintf(stderr,
                "usage: bench_step RUN.yaml HEIGHTxWIDTHxCHANNELS SAMPLES [BACKEND [predict]]\n");
        return 2;
    }
    if (runfile_parse(&file, words[1], NULL, NULL, 0, run_keys, &options, &error))
        return stop(&error);
    struct Shape input = {height, width, channels, 1, 1};
    struct PlanRequest request = {.variant = variant_best(VARIANT_F32_V4),
                                  .precision = (enum Precision)options.train.precision,
                                  .convolution = (enum ConvolutionRule)options.train.convolution,
                                  .training = count < 6 || strcmp(words[5], "predict") != 0,
                                  .samples = {samples},
                                  .sample_counts = 1,
                                  .loss = &options.loss};
    backend_configure(1, request.variant);
    request.backend = backend_find(count > 4 ? words[4] : "auto", request.variant, &error);
    if (!request.backend ||
        model_create(&model, &options.model, &options.initialise, input, &error) ||
        plan_create(&plan, model, &request, &error))
        return stop(&error);
    struct Stopwatch *stopwatch = stopwatch_create(plan_works(plan), 0);
    plan_time(plan, stopwatch);
    run_steps(plan, model, samples, request.training, stopwatch);
    struct Profile *profile = describe(plan, (double)samples, request.variant, stopwatch);
    struct Text table = {0};
    profile_add_table(profile, &table);
    printf("%s, %lld samples, %s, %s kernels\n%s", words[1], samples, request.backend->name,
           variant_name(request.variant), table.data);
    text_release(&table);
    profile_release(profile);
    stopwatch_release(stopwatch);
    plan_release(plan);
    model_release(model);
    runfile_release(file);
    return 0;
}
