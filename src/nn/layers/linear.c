/* Fully connected: y (n,O) = x (n,F) · wᵀ + bias. Passes that the plan's rule gives to methods of
 * our own are those of a convolution of one pixel; the others are the library's products of
 * matrices, or, in bf16, its kernels for such a convolution. */
#include <inttypes.h>
#include <stddef.h>

#include "compute/convolution.h"
#include "nn/dropconnect.h"
#include "nn/initialise.h"
#include "nn/layer.h"
#include "nn/plan.h"

struct LinearOptions {
    int64_t out;
    bool bias;
    struct Choice weight_init, bias_init;
    double dropconnect;
};

#define OPTION(member) offsetof(struct LinearOptions, member)
static const struct Key keys[] = {
    {"out", KEY_INT, OPTION(out), .minimum = 1, .maximum = 1 << 24, .unit = "features",
     .help = "output features"},
    {"bias", KEY_BOOL, OPTION(bias), "true",
     .help = "one number added to each output; useless before a batchnorm"},
    INITIALISE_KEYS(struct LinearOptions),
    DROPCONNECT_KEY(struct LinearOptions),
    KEY_END};

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    const struct LinearOptions *options = node->options;
    struct Shape in = node->in[0];
    if (in.height != 1 || in.width != 1)
        return describe__fail(describe, NULL,
                              "its input is an image of %" PRId64 " x %" PRId64 " x %" PRId64
                              ": put a flatten before it",
                              in.height, in.width, in.channels);
    node->out = (struct Shape){1, 1, options->out, 1, 1};
    node->flops = 2.0 * (double)in.channels * (double)options->out;

    /* After a flatten PyTorch's features run over (C,H,W), ours over (H,W,C). */
    const int64_t size[] = {options->out, in.fold_height, in.fold_width,
                            in.channels / (in.fold_height * in.fold_width)};
    struct LayoutRow row = describe__row(describe, "weight", ROLE_WEIGHT, 4, size);
    for (int i = 0; i < 4; i++)
        row.arena->order[i] = (int[]){0, 3, 1, 2}[i];
    row.arena->file_rank = 2;
    row.arena->file_size[0] = options->out;
    row.arena->file_size[1] = in.channels;
    row.model->fan_in = in.channels;
    row.model->fan_out = options->out;
    row.model->initialiser = *initialise_weights(describe->initialise, &options->weight_init);
    int code = describe__bias(describe, row, options->bias, &options->bias_init);
    return code ? code : dropconnect_describe(describe, options->dropconnect);
}

static bool draws(const struct Node *node) {
    return ((const struct LinearOptions *)node->options)->dropconnect > 0;
}

/* Products of matrices are fp32, so that the form for bf16 needs kernels for every pass. */
static const bool in_bf16 = KERNEL_PRECISION == PRECISION_BF16;

static bool serves(const struct PlanRequest *request) {
    return !in_bf16 || convolution_linear_in_bf16(request->convolution, request->backend);
}

struct LinearState {
    struct Convolution *methods; /* NULL: they serve no pass */
    unsigned own;                /* the passes that they serve */
    struct Dropconnect drop;
};

static bool owns(const struct LinearState *state, enum Pass pass) {
    return state->own & PASS_BIT(pass);
}

static int make_methods(struct Planning *planning, struct LinearState *state) {
    struct Operation *operation = planning->operation;
    const struct ConvShape pixel = {.height = 1,
                                    .width = 1,
                                    .in_channels = operation->in[0].channels,
                                    .out_channels = operation->out.channels,
                                    .kernel_height = 1,
                                    .kernel_width = 1,
                                    .stride_height = 1,
                                    .stride_width = 1,
                                    .dilation_height = 1,
                                    .dilation_width = 1,
                                    .groups = 1,
                                    .out_height = 1,
                                    .out_width = 1,
                                    .fixed_weights = !planning->training};
    struct ConvolutionRequest request = planning_request(planning, &pixel);
    unsigned all = request.passes;
    state->own = request.passes = in_bf16 ? all : convolution_own_passes(&request);
    if (state->own) {
        int code = convolution_create(&state->methods, &request, planning->error);
        if (code)
            return code;
        operation->needs.scratch_bytes = convolution_scratch_bytes(state->methods);
        operation->needs.prepared_bytes = convolution_prepared_bytes(state->methods);
    }
    for (int pass = 0; pass < PASS_COUNT; pass++)
        if (all & PASS_BIT(pass))
            operation->needs.kernels[pass] =
                owns(state, (enum Pass)pass) ? convolution_kernels(state->methods, (enum Pass)pass)
                                             : planning->backend->name;
    return OK;
}

static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    const struct LinearOptions *options = operation->node->options;
    struct LinearState *state = memory_allocate(sizeof *state, "a linear layer");
    *state = (struct LinearState){.drop = dropconnect_create(planning, options->dropconnect)};
    operation->needs.state = state;
    operation->needs.input = planning->training;
    int code = make_methods(planning, state);
    if (code)
        return code;
    operation->needs.accumulates = !owns(state, BACKWARD_DATA);
    operation->needs.pairs = !in_bf16 && state->drop.rate <= 0 && owns(state, BACKWARD_WEIGHTS) &&
                             2 * planning->samples[0] <= convolution_pair_samples(state->methods);
    return OK;
}

static void release(struct Operation *operation) {
    struct LinearState *state = operation->needs.state;
    if (!state)
        return;
    convolution_release(state->methods);
    dropconnect_release(&state->drop);
    memory_release(state);
    operation->needs.state = NULL;
}

/* The weights as forward used them. */
static const real *weights_of(const struct Call *call) {
    const struct LinearState *state = call->operation->needs.state;
    return state->drop.rate > 0 ? state->drop.weights : call_parameter(call, 0);
}

static void prepare(const struct Call *call, unsigned passes) {
    struct LinearState *state = call->operation->needs.state;
    if (dropconnect_prepares(&state->drop, passes) && state->methods)
        convolution_prepare(state->methods, passes, weights_of(call), call->prepared);
}

static bool has_bias(const struct Call *call) {
    return ((const struct LinearOptions *)call->operation->node->options)->bias;
}

/* The library's products give each number of samples bits of its own: of two shards, the samples
 * from `first` on that are multiplied together. */
static int64_t samples_from(const struct Call *call, int64_t first) {
    return first < call->cut ? call->cut - first : call->samples - first;
}

static void multiply_inputs(const struct Call *call, const real *bias) {
    int64_t in = call->operation->in[0].channels, out = call->operation->out.channels;
    const real *x = call->input[0];
    real *y = call->output;
    for (int64_t i = 0; bias && i < call->samples; i++)
        for (int64_t o = 0; o < out; o++)
            y[i * out + o] = bias[o];
    for (int64_t i = 0, count; i < call->samples; i += count) {
        count = samples_from(call, i);
        call->backend->gemm(false, true, count, out, in, 1.0, x + i * in, in, weights_of(call), in,
                            bias ? 1.0 : 0.0, y + i * out, out);
    }
}

static void forward(const struct Call *call) {
    const struct ConvInput x = call_input(call);
    struct LinearState *state = call->operation->needs.state;
    if (state->drop.rate > 0 && dropconnect_make(&state->drop, call) && state->methods)
        convolution_prepare(state->methods, dropconnect_passes(call), state->drop.weights,
                            call->prepared);
    const real *bias = has_bias(call) ? call_parameter(call, 1) : NULL;
    if (owns(state, FORWARD))
        convolution_forward(state->methods, call->samples, &x, weights_of(call), call->prepared,
                            bias, call->output, call->scratch);
    else
        multiply_inputs(call, bias);
}

static void multiply_gradients(const struct Call *call) {
    int64_t in = call->operation->in[0].channels, out = call->operation->out.channels;
    const real *dy = call->output_gradient;
    call->backend->gemm(true, false, out, in, call->samples, 1.0, dy, out, call->input[0], in, 0.0,
                        call_gradient(call, 0), in);
    if (!has_bias(call))
        return;
    real *bias = call_gradient(call, 1);
    for (int64_t o = 0; o < out; o++)
        bias[o] = 0;
    for (int64_t i = 0; i < call->samples; i++)
        for (int64_t o = 0; o < out; o++)
            bias[o] += dy[i * out + o];
}

static void find_weights_gradient(const struct Call *call) {
    const struct LinearState *state = call->operation->needs.state;
    const real *dy = call->output_gradient;
    const struct ConvInput x = call_input(call);
    real *dw = call_gradient(call, 0), *dbias = has_bias(call) ? call_gradient(call, 1) : NULL;
    if (call->cut)
        convolution_backward_weights_of_pair(state->methods, call->samples, call->cut, &x, dy, dw,
                                             dbias, call->scratch);
    else if (owns(state, BACKWARD_WEIGHTS))
        convolution_backward_weights(state->methods, call->samples, &x, dy, dw, dbias,
                                     call->scratch);
    else
        multiply_gradients(call);
}

static void multiply_back(const struct Call *call) {
    int64_t in = call->operation->in[0].channels, out = call->operation->out.channels;
    const real *dy = call->output_gradient;
    real *dx = call->input_gradient[0];
    for (int64_t i = 0, count; i < call->samples; i += count) {
        count = samples_from(call, i);
        call->backend->gemm(false, false, count, in, out, 1.0, dy + i * out, out, weights_of(call),
                            in, call->accumulate[0] ? 1.0 : 0.0, dx + i * in, in);
    }
}

static void backward(const struct Call *call) {
    struct LinearState *state = call->operation->needs.state;
    find_weights_gradient(call);
    if (state->drop.rate > 0)
        dropconnect_backward(&state->drop, call_gradient(call, 0));
    if (!call->input_gradient[0])
        return;
    call_lap(call, PLAN_BACKWARD_WEIGHTS);
    if (owns(state, BACKWARD_DATA))
        convolution_backward_data(state->methods, call->samples, call->output_gradient,
                                  weights_of(call), call->prepared, call->input_gradient[0],
                                  call->scratch);
    else
        multiply_back(call);
}

const struct Layer KERNEL(layer_linear) = {
    .kind = {"linear",
             "fully connected: every output sees every input; holds most of the weights of older "
             "networks",
             keys, sizeof(struct LinearOptions)},
    .describe = describe,
    .drops_space = true,
    .products = true,
    .plan = plan,
    .release = release,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .draws = draws,
    .serves = serves,
};
