/* Where a step's time goes: each operation of a run file's plan, forward and backward, with its
 * floor: its floating-point operations over the measured peak of the core, or the bytes it must
 * touch over the measured bandwidth of memory, whichever is longer. What stays in a cache may do
 * better than its floor.
 *
 *   bench_step RUN.yaml HEIGHTxWIDTHxCHANNELS SAMPLES [BACKEND [predict]]
 *
 * One rank, one shard of SAMPLES random images; the data set is not read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bench/peak.h"
#include "nn/plan.h"
#include "run/options.h"

#define STEPS 8

static int stop(const struct Error *error) {
    fprintf(stderr, "bench_step: %s\n", error->text);
    return 1;
}

static void fill_random(float *values, int64_t count) {
    struct RandomStream stream = random_stream(1, RANDOM_TEST, 0, 0, 0);
    for (int64_t i = 0; i < count; i++)
        values[i] = 4 * random_uniform(random_word(&stream, (uint64_t)i)) - 2;
}

static void run_steps(struct Plan *plan, const struct Model *model, int64_t samples, bool training,
                      int steps) {
    const struct Arena *arena = model_arena(model);
    int64_t outputs = shape_elements(model_output(model));
    float *state = memory_allocate((size_t)arena_state_elements(arena) * 4, "state");
    float *gradient = memory_allocate((size_t)arena_gradient_elements(arena) * 4, "gradient");
    model_initialise(model, 1, state);
    for (int step = 0; step < steps; step++) {
        fill_random(plan_input(plan), samples * shape_elements(model_input(model)));
        for (int64_t i = 0; i < samples; i++)
            for (int64_t c = 0; c < outputs; c++)
                plan_target(plan)[i * outputs + c] = c == i % outputs;
        struct PlanRun run = {.samples = samples,
                              .batch = samples,
                              .step = (uint64_t)step,
                              .state = state,
                              .gradient = gradient};
        plan_prepare(plan, state);
        plan_forward(plan, &run);
        if (training)
            plan_backward(plan, &run);
    }
    memory_release(state);
    memory_release(gradient);
}

/* Least bytes: forward reads its inputs and writes its output; backward reads the output's
 * gradient, writes the inputs' and reads what it says it needs. */
static void bytes_of(const struct Operation *operation, int64_t samples, double bytes[2]) {
    double in = 0, out = 4.0 * (double)(samples * shape_elements(operation->out)), gradients = 0;
    for (int i = 0; i < operation->input_count; i++) {
        double one = 4.0 * (double)(samples * shape_elements(operation->in[i]));
        in += one;
        gradients += operation->wants_input_gradient[i] ? one : 0;
    }
    bytes[0] = in + out;
    bytes[1] =
        out + gradients + (operation->needs_input ? in : 0) + (operation->needs_output ? out : 0);
}

static double longer(double a, double b) {
    return a > b ? a : b;
}

static void print_plan(struct Plan *plan, int64_t samples, bool training, double peak,
                       double bandwidth) {
    double total = 0, floors = 0;
    printf("%-18s %-22s %9s %9s %9s %7s %7s\n", "layer", "operation", "forward", "backward",
           "floor", "GF/s", "of floor");
    for (int i = 0; i < plan_operation_count(plan); i++) {
        const struct Operation *operation = plan_operation(plan, i);
        const double *seconds = plan_seconds(plan, i);
        if (!operation->layer->forward) /* a view costs nothing */
            continue;
        double forward = seconds[0] / STEPS, backward = seconds[1] / STEPS, bytes[2];
        bool heavy = !strcmp(operation->layer->kind.name, "conv") ||
                     !strcmp(operation->layer->kind.name, "linear");
        double flops = heavy ? operation->node->flops * (double)samples : 0;
        double times = !training ? 0 : operation->wants_input_gradient[0] ? 2 : 1;
        bytes_of(operation, samples, bytes);
        double floor = longer(flops / peak, bytes[0] / bandwidth) +
                       longer(times * flops / peak, training ? bytes[1] / bandwidth : 0);
        char name[64];
        int length = snprintf(name, sizeof name, "%s", operation->layer->kind.name);
        for (int m = 0; m < operation->merged_count; m++)
            length += snprintf(name + length, sizeof name - (size_t)length, "+%s",
                               operation->merged[m]->layer->kind.name);
        printf("%-18s %-22s %6.2f ms %6.2f ms %6.2f ms", operation->node->path, name, 1e3 * forward,
               1e3 * backward, 1e3 * floor);
        if (heavy)
            printf(" %7.1f", (1 + times) * flops / (forward + backward) * 1e-9);
        else
            printf(" %7s", "");
        printf(" %6.0f%%\n", 100 * floor / (forward + backward));
        total += forward + backward;
        floors += floor;
    }
    printf("together %.2f ms, floor %.2f ms (%.0f%%): %.1f images/s of one core\n", 1e3 * total,
           1e3 * floors, 100 * floors / total, (double)samples / total);
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
    bool training = count < 6 || strcmp(words[5], "predict") != 0;
    struct Shape input = {height, width, channels, 1, 1};
    struct PlanRequest request = {.variant = variant_best(VARIANT_F32_V4),
                                  .training = training,
                                  .samples = {samples},
                                  .sample_counts = 1,
                                  .loss = &options.loss};
    backend_configure(1, request.variant);
    request.backend = backend_find(count > 4 ? words[4] : "auto", request.variant, &error);
    if (!request.backend ||
        runfile_parse(&file, words[1], NULL, NULL, 0, run_keys, &options, &error) ||
        model_create(&model, &options.model, &options.initialise, input, &error) ||
        plan_create(&plan, model, &request, &error))
        return stop(&error);
    double peak = peak_flops(request.variant, 1), bandwidth = peak_bandwidth();
    printf("%s, %lld samples, %s, %s kernels; one core: %.0f GF/s, %.1f GB/s read + write\n",
           words[1], samples, request.backend->name, variant_name(request.variant), peak * 1e-9,
           bandwidth * 1e-9);
    run_steps(plan, model, samples, training, 2);
    plan_time(plan, true);
    run_steps(plan, model, samples, training, STEPS);
    print_plan(plan, samples, training, peak, bandwidth);
    plan_release(plan);
    model_release(model);
    runfile_release(file);
    return 0;
}
