#include "net.h"

#include "base/memory.h"
#include "nn/initialise.h"
#include "nn/layer_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

struct NetOptions {
    struct ChoiceList layers;
    struct Choice loss;
    struct InitialiseOptions initialise;
};
static const struct Key keys[] = {{"layers", KEY_CHOICES, offsetof(struct NetOptions, layers),
                                   .kinds = &layer_kinds, .help = "the layers"},
                                  {"loss", KEY_CHOICE, offsetof(struct NetOptions, loss),
                                   "cross_entropy", .kinds = &loss_kinds, .help = "the loss"},
                                  {"initialise", KEY_SECTION,
                                   offsetof(struct NetOptions, initialise), .keys = initialise_keys,
                                   .help = "how parameters start"},
                                  KEY_END};

int net_try(struct Net *net, const char *layers, struct Shape input, struct Error *error) {
    struct NetOptions options = {0};
    *net = (struct Net){0};
    char *text = memory_print("layers: %s\n", layers);
    int code = runfile_parse(&net->file, "test", text, NULL, 0, keys, &options, error);
    memory_release(text);
    if (code)
        return code;
    net->layers = options.layers;
    net->loss = options.loss;
    code = model_create(&net->model, &net->layers, &options.initialise, input, error);
    if (code)
        runfile_release(net->file);
    return code;
}

struct Net net_create(const char *layers, struct Shape input) {
    struct Net net;
    struct Error error;
    if (net_try(&net, layers, input, &error))
        fail_msg("%s", error.text);
    return net;
}

void net_release(struct Net *net) {
    model_release(net->model);
    runfile_release(net->file);
}

static void put(enum Variant variant, void *to, int64_t i, double value) {
    if (variant == VARIANT_F64)
        ((double *)to)[i] = value;
    else
        ((float *)to)[i] = (float)value;
}

static double *take(enum Variant variant, const void *from, int64_t count) {
    double *values = memory_array(double, count, "test");
    for (int64_t i = 0; i < count; i++)
        values[i] =
            variant == VARIANT_F64 ? ((const double *)from)[i] : (double)((const float *)from)[i];
    return values;
}

/* Values that float holds exactly, so that every variant starts from the same. */
static void *make_state(const struct Model *model, enum Variant variant) {
    const struct Arena *arena = model_arena(model);
    int64_t count = arena_state_elements(arena);
    float *start = memory_array(float, count, "test");
    double *noise = memory_array(double, count, "test");
    void *state = memory_allocate((size_t)count * (size_t)variant_bytes(variant), "test");
    model_initialise(model, 1, start);
    struct RandomStream stream = random_stream(1, RANDOM_TEST, 9, 0, 0);
    random_normal(&stream, count, noise);
    for (int r = 0; r < arena->row_count; r++) {
        const struct ArenaRow *row = &arena->rows[r];
        for (int64_t i = row->offset; i < row->offset + row->count; i++)
            put(variant, state, i,
                (double)(float)((double)start[i] +
                                0.1 * (row->role == ROLE_STATISTIC ? fabs(noise[i]) : noise[i])));
    }
    memory_release(start);
    memory_release(noise);
    return state;
}

static double input_of(const struct NetRun *run, double noise) {
    if (run->whole_inputs)
        return rint(noise);
    return (double)(run->bf16_inputs ? bf16_value(bf16_round((float)noise)) : (float)noise);
}

static void fill(const struct NetRun *run, struct Plan *plan, int64_t inputs, int64_t outputs) {
    double *noise = memory_array(double, inputs, "test");
    for (int64_t i = 0; i < run->samples; i++) {
        uint64_t place = (uint64_t)(run->first + i);
        struct RandomStream stream = random_stream(2, RANDOM_TEST, 1, 0, place);
        random_normal(&stream, inputs, noise);
        for (int64_t j = 0; j < inputs; j++)
            put(run->variant, plan_input(plan), i * inputs + j, input_of(run, noise[j]));
        float *target = plan_target(plan) + i * outputs;
        double sum = 0;
        stream = random_stream(2, RANDOM_TEST, 2, 0, place);
        for (int64_t j = 0; j < outputs; j++)
            sum += target[j] = 0.1f + random_uniform(random_word(&stream, (uint64_t)j));
        for (int64_t j = 0; j < outputs; j++)
            target[j] = (float)(target[j] / sum);
    }
    memory_release(noise);
}

struct Result net_run(const struct Net *net, const struct NetRun *run) {
    struct Error error;
    const struct Backend *backend =
        backend_find(run->backend ? run->backend : "openblas", run->variant, &error);
    if (!backend)
        fail_msg("%s", error.text);
    struct PlanRequest request = {.variant = run->variant,
                                  .precision = run->precision,
                                  .backend = backend,
                                  .training = !run->inference,
                                  .sample_dropout = run->sample_dropout,
                                  .samples = {run->samples},
                                  .sample_counts = 1,
                                  .loss = &net->loss,
                                  .no_fusion = run->no_fusion,
                                  .frozen = run->frozen,
                                  .input_gradient = !run->inference && !run->frozen};
    struct Plan *plan;
    if (plan_create(&plan, net->model, &request, &error))
        fail_msg("%s", error.text);
    const struct Arena *arena = model_arena(net->model);
    int64_t inputs = shape_elements(model_input(net->model));
    struct Result result = {.outputs = run->samples * shape_elements(model_output(net->model)),
                            .gradients = arena_gradient_elements(arena),
                            .inputs = run->samples * inputs,
                            .operations = plan_operation_count(plan)};
    void *state = make_state(net->model, run->variant);
    void *gradient =
        memory_allocate((size_t)result.gradients * (size_t)variant_bytes(run->variant), "test");
    if (run->frozen)
        memset(gradient, 0xFF, (size_t)result.gradients * (size_t)variant_bytes(run->variant));
    fill(run, plan, inputs, shape_elements(model_output(net->model)));
    result.state = take(run->variant, state, arena_state_elements(arena));
    result.input = take(run->variant, plan_input(plan), result.inputs);
    result.target = memory_allocate((size_t)result.outputs * sizeof(float), "test");
    memcpy(result.target, plan_target(plan), (size_t)result.outputs * sizeof(float));
    struct ShardCall call = {.samples = run->samples,
                             .first = run->first,
                             .batch = run->batch ? run->batch : run->samples,
                             .seed = run->seed,
                             .step = run->step,
                             .state = state,
                             .gradient = gradient};
    plan_prepare(plan, state);
    plan_forward(plan, &call);
    result.scores = take(run->variant, plan_scores(plan), result.outputs);
    if (!run->inference) {
        plan_backward(plan, &call);
        result.gradient = take(run->variant, gradient, result.gradients);
        if (!run->frozen)
            result.input_gradient = take(run->variant, plan_input_gradient(plan), result.inputs);
    }
    memory_release(state);
    memory_release(gradient);
    plan_release(plan);
    return result;
}

void result_release(struct Result *result) {
    memory_release(result->scores);
    memory_release(result->gradient);
    memory_release(result->input_gradient);
    memory_release(result->state);
    memory_release(result->input);
    memory_release(result->target);
}

double difference(int64_t count, const double *a, const double *b) {
    double largest = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        double d = fabs(a[i] - b[i]);
        if (!(d <= largest)) /* also true for a NaN, which then stays */
            largest = d;
        squares += b[i] * b[i];
    }
    return largest / (1e-4 + sqrt(squares / (double)count));
}

double distance(int64_t count, const double *a, const double *b) {
    double far = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        far += (a[i] - b[i]) * (a[i] - b[i]);
        squares += b[i] * b[i];
    }
    return sqrt(far) / (0.05 + sqrt(squares));
}

int64_t pick(uint64_t *position, int64_t bound) {
    struct RandomStream stream = random_stream(3, RANDOM_TEST, 0, 0, 0);
    return 1 + (int64_t)random_below(random_word(&stream, (*position)++), (uint32_t)bound);
}
