/* Fully connected: y (n,O) = x (n,F) · wᵀ + bias. */
#include <inttypes.h>
#include <stddef.h>

#include "nn/dropconnect.h"
#include "nn/initialise.h"
#include "nn/layer.h"

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

/* The state is the dropped weights, if there are any. */
static int plan(struct Planning *planning) {
    const struct LinearOptions *options = planning->operation->node->options;
    if (options->dropconnect > 0 && planning->stochastic) {
        struct Dropconnect *drop = memory_allocate(sizeof *drop, "dropped weights");
        *drop = dropconnect_create(planning, options->dropconnect);
        planning->operation->needs.state = drop;
    }
    planning->operation->needs.input = planning->training;
    planning->operation->needs.accumulates = true;
    return OK;
}

static void release(struct Operation *operation) {
    if (operation->needs.state)
        dropconnect_release(operation->needs.state);
    memory_release(operation->needs.state);
    operation->needs.state = NULL;
}

static void prepare(const struct Call *call) {
    struct Dropconnect *drop = call->operation->needs.state;
    if (drop)
        drop->made = false;
}

/* The weights as forward used them. */
static const real *weights_of(const struct Call *call) {
    const struct Dropconnect *drop = call->operation->needs.state;
    return drop ? drop->weights : call_parameter(call, 0);
}

static bool has_bias(const struct Call *call) {
    return ((const struct LinearOptions *)call->operation->node->options)->bias;
}

static void forward(const struct Call *call) {
    int64_t in = call->operation->in[0].channels, out = call->operation->out.channels;
    real *y = call->output;
    if (call->operation->needs.state)
        dropconnect_make(call->operation->needs.state, call);
    if (has_bias(call)) {
        const real *bias = call_parameter(call, 1);
        for (int64_t i = 0; i < call->samples; i++)
            for (int64_t o = 0; o < out; o++)
                y[i * out + o] = bias[o];
    }
    call->backend->gemm(false, true, call->samples, out, in, 1.0, call->input[0], in,
                        weights_of(call), in, has_bias(call) ? 1.0 : 0.0, y, out);
}

static void backward(const struct Call *call) {
    int64_t in = call->operation->in[0].channels, out = call->operation->out.channels;
    const real *dy = call->output_gradient;
    call->backend->gemm(true, false, out, in, call->samples, 1.0, dy, out, call->input[0], in, 0.0,
                        call_gradient(call, 0), in);
    if (call->operation->needs.state)
        dropconnect_backward(call->operation->needs.state, call_gradient(call, 0));
    if (has_bias(call)) {
        real *bias = call_gradient(call, 1);
        for (int64_t o = 0; o < out; o++)
            bias[o] = 0;
        for (int64_t i = 0; i < call->samples; i++)
            for (int64_t o = 0; o < out; o++)
                bias[o] += dy[i * out + o];
    }
    if (!call->input_gradient[0])
        return;
    call_lap(call, PLAN_BACKWARD_WEIGHTS);
    call->backend->gemm(false, false, call->samples, in, out, 1.0, dy, out, weights_of(call), in,
                        call->accumulate[0] ? 1.0 : 0.0, call->input_gradient[0], in);
}

const struct Layer KERNEL(layer_linear) = {
    .kind = {"linear",
             "fully connected: every output sees every input; most of an old network's weights",
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
};
