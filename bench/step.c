/* Where a step's time goes: each operation of a run file's plan, forward and backward, next to its
 * floor. The floor is the longer of two times: the operation's floating-point operations at the
 * measured peak of the core, and the bytes that it must touch at the measured bandwidth of memory.
 * Data that stay in a cache may beat the floor.
 *
 *   bench_step RUN.yaml HEIGHTxWIDTHxCHANNELS SAMPLES [BACKEND [predict]]
 *
 * One rank, one shard of SAMPLES random images; the data set is not read, and the loss is not
 * computed: a random gradient of the scores takes its place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "compute/peak.h"
#include "nn/lifetimes.h"
#include "nn/plan_parts.h"
#include "run/options.h"

#define WARM_UP_STEPS 2
#define STEPS 8

struct Bench {
    struct Plan *plan;
    const struct Model *model;
    int64_t samples;
    bool training;
    double peak, bandwidth; /* of one core: operations a second, bytes a second */
};

/* The time of one operation, summed over the timed steps. */
struct Seconds {
    double forward, backward;
};

static int stop(const struct Error *error) {
    fprintf(stderr, "bench_step: %s\n", error->text);
    return 1;
}

static void fill_random(float *values, int64_t count, float scale) {
    struct RandomStream stream = random_stream(1, RANDOM_TEST, 0, 0, 0);
    for (int64_t i = 0; i < count; i++)
        values[i] = scale * (2 * random_uniform(random_word(&stream, (uint64_t)i)) - 1);
}

static void run_step(const struct Bench *bench, const struct ShardCall *call,
                     struct Seconds *seconds) {
    struct Plan *plan = bench->plan;
    const struct Operations *operations = &plan->operations;
    fill_random(plan_input(plan), bench->samples * shape_elements(model_input(bench->model)), 2);
    plan_prepare(plan, call->state);
    for (int i = 0; i < operations->count; i++) {
        double start = clock_seconds();
        plan__forward_operation(plan, i, call);
        seconds[i].forward += clock_seconds() - start;
    }
    if (!bench->training)
        return;
    fill_random(plan->shards[0].gradients[operations->output],
                bench->samples * shape_elements(model_output(bench->model)), 0.01f);
    for (int i = operations->count - 1; i >= 0; i--) {
        if (!operations->needs_gradient[operations->items[i].output])
            continue;
        double start = clock_seconds();
        plan__backward_operation(plan, i, call);
        seconds[i].backward += clock_seconds() - start;
    }
}

/* Seconds of every operation; the caller releases the array. */
static struct Seconds *run_steps(const struct Bench *bench) {
    const struct Arena *arena = model_arena(bench->model);
    int count = plan_operation_count(bench->plan);
    float *state = memory_array(float, arena_state_elements(arena), "state");
    float *gradient = memory_array(float, arena_gradient_elements(arena), "gradient");
    struct Seconds *seconds = memory_array(struct Seconds, count, "seconds");
    model_initialise(bench->model, 1, state);
    for (int step = 0; step < WARM_UP_STEPS + STEPS; step++) {
        struct ShardCall call = {.samples = bench->samples,
                                 .batch = bench->samples,
                                 .step = (uint64_t)step,
                                 .state = state,
                                 .gradient = gradient};
        if (step == WARM_UP_STEPS)
            memset(seconds, 0, (size_t)count * sizeof *seconds);
        run_step(bench, &call, seconds);
    }
    memory_release(state);
    memory_release(gradient);
    return seconds;
}

/* Least bytes: forward reads its inputs and writes its output; backward reads the output's
 * gradient, writes the inputs' gradients, and reads the inputs and the output if it needs them. */
static void bytes_of(const struct Operation *operation, int64_t samples, double bytes[2]) {
    double in = 0, out = 4.0 * (double)(samples * shape_elements(operation->out)), gradients = 0;
    for (int i = 0; i < operation->input_count; i++) {
        double one = 4.0 * (double)(samples * shape_elements(operation->in[i]));
        in += one;
        gradients += operation->needs_input_gradient[i] ? one : 0;
    }
    bytes[0] = in + out;
    bytes[1] =
        out + gradients + (operation->needs.input ? in : 0) + (operation->needs.output ? out : 0);
}

static double longer(double a, double b) {
    return a > b ? a : b;
}

/* The floating-point operations that a peak can be reached with: those of products. */
static double product_flops(const struct Operation *operation, int64_t samples) {
    const char *name = operation->layer->kind.name;
    bool product = !strcmp(name, "conv") || !strcmp(name, "linear");
    return product ? operation->node->flops * (double)samples : 0;
}

/* Passes of backward over the products: for the weights, and for the input if it needs a gradient.
 */
static int backward_products(const struct Bench *bench, const struct Operation *operation) {
    return !bench->training ? 0 : operation->needs_input_gradient[0] ? 2 : 1;
}

static double floor_of(const struct Bench *bench, const struct Operation *operation) {
    double flops = product_flops(operation, bench->samples), bytes[2];
    bytes_of(operation, bench->samples, bytes);
    double forward = longer(flops / bench->peak, bytes[0] / bench->bandwidth);
    if (!bench->training)
        return forward;
    return forward + longer(backward_products(bench, operation) * flops / bench->peak,
                            bytes[1] / bench->bandwidth);
}

static void print_operation(const struct Bench *bench, const struct Operation *operation,
                            double forward, double backward) {
    double flops = product_flops(operation, bench->samples), floor = floor_of(bench, operation);
    char name[64];
    int length = snprintf(name, sizeof name, "%s", operation->layer->kind.name);
    for (int m = 0; m < operation->fused_count && length < (int)sizeof name; m++)
        length += snprintf(name + length, sizeof name - (size_t)length, "+%s",
                           operation->fused[m]->layer->kind.name);
    printf("%-18s %-22s %6.2f ms %6.2f ms %6.2f ms", operation->node->path, name, 1e3 * forward,
           1e3 * backward, 1e3 * floor);
    if (flops > 0)
        printf(" %7.1f",
               (1 + backward_products(bench, operation)) * flops / (forward + backward) * 1e-9);
    else
        printf(" %7s", "");
    printf(" %6.0f%%\n", 100 * floor / (forward + backward));
}

static void print_plan(const struct Bench *bench, const struct Seconds *seconds) {
    double total = 0, floors = 0;
    printf("%-18s %-22s %9s %9s %9s %7s %7s\n", "layer", "operation", "forward", "backward",
           "floor", "GF/s", "of floor");
    for (int i = 0; i < plan_operation_count(bench->plan); i++) {
        const struct Operation *operation = &bench->plan->operations.items[i];
        double forward = seconds[i].forward / STEPS, backward = seconds[i].backward / STEPS;
        if (operation__is_view(operation)) /* costs nothing */
            continue;
        print_operation(bench, operation, forward, backward);
        total += forward + backward;
        floors += floor_of(bench, operation);
    }
    printf("together %.2f ms, floor %.2f ms (%.0f%%): %.1f images/s of one core\n", 1e3 * total,
           1e3 * floors, 100 * floors / total, (double)bench->samples / total);
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
    struct Shape input = {height, width, channels, 1, 1};
    struct PlanRequest request = {.variant = variant_best(VARIANT_F32_V4),
                                  .training = count < 6 || strcmp(words[5], "predict") != 0,
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
    const struct Bench bench = {.plan = plan,
                                .model = model,
                                .samples = samples,
                                .training = request.training,
                                .peak = peak_flops(request.variant, 1),
                                .bandwidth = peak_bandwidth(1)};
    printf("%s, %lld samples, %s, %s kernels; one core: %.0f GF/s, %.1f GB/s read + write\n",
           words[1], samples, request.backend->name, variant_name(request.variant),
           bench.peak * 1e-9, bench.bandwidth * 1e-9);
    struct Seconds *seconds = run_steps(&bench);
    print_plan(&bench, seconds);
    memory_release(seconds);
    plan_release(plan);
    model_release(model);
    runfile_release(file);
    return 0;
}
