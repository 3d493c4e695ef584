/* Two-dimensional convolution (cross-correlation, as everywhere in this field):
 *   y(n,p,q,o) = bias(o) + Σ_{r,s,i} x(n, p·stride + r·dilation − padding, …, i) · w(o,r,s,i)
 * When predicting, a batch normalisation after it, γ·(y − mean)/√(var + ε) + β, is folded into it:
 * with s = γ/√(var + ε) the weights of each output channel become s·w, the bias β + s·(bias −
 * mean). A ReLU after that, or after the convolution itself, runs while the output is cached. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "compute/convolution.h"
#include "nn/dropconnect.h"
#include "nn/initialise.h"
#include "nn/layer.h"
#include "nn/layer_options.h"

#define OPTION(member) offsetof(struct ConvOptions, member)
static const struct Key keys[] = {
    {"out", KEY_INT, OPTION(out), .minimum = 1, .maximum = 1 << 20, .unit = "channels",
     .help = "output channels"},
    {"kernel", KEY_INT, OPTION(kernel), .minimum = 1, .maximum = 1024, .unit = "pixels",
     .help = "height and width of the filters"},
    {"stride", KEY_INT, OPTION(stride), "1", .minimum = 1, .maximum = 1024, .unit = "pixels",
     .help = "distance between neighbouring places of the filter"},
    {"padding", KEY_INT, OPTION(padding), "0", .minimum = 0, .maximum = 1024, .unit = "pixels",
     .help = "zeros added on every side; (kernel - 1) / 2 keeps the size"},
    {"dilation", KEY_INT, OPTION(dilation), "1", .minimum = 1, .maximum = 1024, .unit = "pixels",
     .help = "distance between neighbouring taps of the filter"},
    {"groups", KEY_INT, OPTION(groups), "1", .minimum = 1, .maximum = 1 << 20,
     .help = "the channels are divided into this many groups, which do not see each other"},
    {"bias", KEY_BOOL, OPTION(bias), "true",
     .help = "one number added to each output channel; useless before a batchnorm"},
    INITIALISE_KEYS(struct ConvOptions),
    DROPCONNECT_KEY(struct ConvOptions),
    KEY_END};

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    const struct ConvOptions *options = node->options;
    struct Shape in = node->in[0];
    int64_t kernel = options->kernel, reach = options->dilation * (kernel - 1) + 1;
    if (in.fold_height * in.fold_width != 1)
        return describe__fail(describe, NULL, "its input is flattened: put it before the flatten");
    if (in.height + 2 * options->padding < reach || in.width + 2 * options->padding < reach)
        return describe__fail(describe, "kernel",
                              "the kernel reaches over %" PRId64
                              " pixels, the padded input has %" PRId64 " x %" PRId64,
                              reach, in.height + 2 * options->padding,
                              in.width + 2 * options->padding);
    if (in.channels % options->groups || options->out % options->groups)
        return describe__fail(describe, "groups",
                              "%" PRId64 " groups must divide the %" PRId64
                              " input and the %" PRId64 " output channels",
                              options->groups, in.channels, options->out);
    node->out = (struct Shape){(in.height + 2 * options->padding - reach) / options->stride + 1,
                               (in.width + 2 * options->padding - reach) / options->stride + 1,
                               options->out, 1, 1};

    const int64_t size[] = {options->out, kernel, kernel, in.channels / options->groups};
    struct LayoutRow row = describe__row(describe, "weight", ROLE_WEIGHT, 4, size);
    row.model->fan_in = kernel * kernel * size[3];
    row.model->fan_out = kernel * kernel * options->out;
    row.model->groups = options->groups;
    row.model->initialiser = *initialise_weights(describe->initialise, &options->weight_init);
    for (int i = 0; i < 4; i++) {
        row.arena->order[i] = (int[]){0, 3, 1, 2}[i];
        row.arena->file_size[i] = size[row.arena->order[i]];
    }
    node->flops = 2.0 * (double)row.model->fan_in * (double)shape_elements(node->out);
    int code = describe__bias(describe, row, options->bias, &options->bias_init);
    return code ? code : dropconnect_describe(describe, options->dropconnect);
}

struct ConvState {
    struct Convolution *conv;
    struct Dropconnect drop;
};

static bool draws(const struct Node *node) {
    return ((const struct ConvOptions *)node->options)->dropconnect > 0;
}

static const struct Node *fused_norm(const struct Operation *operation) {
    return operation_fused(operation, LAYER_IDENTITY(batchnorm));
}

static const struct Node *fused_relu(const struct Operation *operation) {
    return operation_fused(operation, LAYER_IDENTITY(relu));
}

static bool fuses(const struct Operation *operation, const struct Node *next) {
    if (operation->training || fused_relu(operation))
        return false;
    if (next->layer == LAYER_IDENTITY(batchnorm))
        return !operation->fused_count && !draws(operation->node) &&
               ((const struct BatchnormOptions *)next->options)->fold;
    return next->layer == LAYER_IDENTITY(relu);
}

/* Folded weights and bias lie after what is prepared from them. */
static size_t folded_offset(const struct ConvState *state) {
    return memory_round_up(convolution_prepared_bytes(state->conv));
}

static struct ConvShape shape_of(const struct Operation *operation) {
    const struct ConvOptions *options = operation->node->options;
    struct Shape in = operation->in[0], out = operation->node->out;
    return (struct ConvShape){
        .height = in.height,
        .width = in.width,
        .in_channels = in.channels,
        .out_channels = out.channels,
        .kernel_height = options->kernel,
        .kernel_width = options->kernel,
        .stride_height = options->stride,
        .stride_width = options->stride,
        .pad_height = options->padding,
        .pad_width = options->padding,
        .dilation_height = options->dilation,
        .dilation_width = options->dilation,
        .groups = options->groups,
        .out_height = out.height,
        .out_width = out.width,
        .relu = fused_relu(operation),
        .fixed_weights = !operation->training,
    };
}

static bool normalises(const struct Planning *planning) {
    const struct ConvShape shape = shape_of(planning->operation);
    const struct ConvolutionRequest request = planning_request(planning, &shape);
    return convolution_normalises(&request);
}

static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    const struct ConvOptions *options = operation->node->options;
    const struct ConvShape shape = shape_of(operation);
    const struct ConvolutionRequest request = planning_request(planning, &shape);
    struct Convolution *conv;
    int code = convolution_create(&conv, &request, planning->error);
    if (code)
        return code;
    struct ConvState *state = memory_allocate(sizeof *state, "a convolution");
    *state = (struct ConvState){conv, dropconnect_create(planning, options->dropconnect)};
    operation->needs.state = state;
    operation->needs.scratch_bytes = convolution_scratch_bytes(conv);
    operation->needs.prepared_bytes = convolution_prepared_bytes(conv);
    for (int pass = 0; pass < PASS_COUNT; pass++)
        operation->needs.kernels[pass] = convolution_kernels(conv, (enum Pass)pass);
    operation->needs.joint_backward = convolution_is_joint(conv);
    if (fused_norm(operation))
        operation->needs.prepared_bytes =
            folded_offset(state) +
            (size_t)(operation->rows[0].count + shape.out_channels) * sizeof(real);
    operation->needs.input = planning->training;
    return OK;
}

static void release(struct Operation *operation) {
    struct ConvState *state = operation->needs.state;
    if (!state)
        return;
    convolution_release(state->conv);
    dropconnect_release(&state->drop);
    memory_release(state);
    operation->needs.state = NULL;
}

static bool has_bias(const struct Call *call) {
    return ((const struct ConvOptions *)call->operation->node->options)->bias;
}

struct Filters {
    const real *weights, *bias; /* bias NULL: none */
};

static struct Filters filters_of(const struct Call *call) {
    const struct Operation *operation = call->operation;
    const struct ConvState *state = operation->needs.state;
    if (!fused_norm(operation))
        return (struct Filters){state->drop.rate > 0 ? state->drop.weights
                                                     : call_parameter(call, 0),
                                has_bias(call) ? call_parameter(call, 1) : NULL};
    const real *folded =
        (const real *)((const char *)call->prepared + folded_offset(operation->needs.state));
    return (struct Filters){folded, folded + operation->rows[0].count};
}

static void fold(const struct Call *call, const struct Node *norm) {
    const struct Operation *operation = call->operation;
    const struct BatchnormOptions *options = norm->options;
    const struct ArenaRow *rows = operation->rows + (norm->first_row - operation->node->first_row);
    const real *state = call->parameters, *weights = call_parameter(call, 0);
    const real *gamma = state + rows[BATCHNORM_SCALE].offset;
    const real *beta = state + rows[BATCHNORM_SHIFT].offset;
    const real *mean = state + rows[BATCHNORM_MEAN].offset;
    const real *variance = state + rows[BATCHNORM_VARIANCE].offset;
    int64_t channels = operation->out.channels, count = operation->rows[0].count / channels;
    real *folded = (real *)((char *)call->prepared + folded_offset(operation->needs.state));
    for (int64_t o = 0; o < channels; o++) {
        double scale = (double)gamma[o] / sqrt((double)variance[o] + options->epsilon);
        double bias = has_bias(call) ? (double)call_parameter(call, 1)[o] : 0;
        for (int64_t i = o * count; i < (o + 1) * count; i++)
            folded[i] = (real)((double)weights[i] * scale);
        folded[channels * count + o] = (real)((double)beta[o] + (bias - (double)mean[o]) * scale);
    }
}

static void prepare(const struct Call *call, unsigned passes) {
    struct ConvState *state = call->operation->needs.state;
    if (!dropconnect_prepares(&state->drop, passes))
        return;
    const struct Node *norm = fused_norm(call->operation);
    if (norm)
        fold(call, norm);
    convolution_prepare(state->conv, passes, filters_of(call).weights, call->prepared);
}

static void forward(const struct Call *call) {
    struct ConvState *state = call->operation->needs.state;
    struct Filters filters = filters_of(call);
    if (state->drop.rate > 0 && dropconnect_make(&state->drop, call))
        convolution_prepare(state->conv, dropconnect_passes(call), filters.weights, call->prepared);
    const struct ConvInput x = call_input(call);
    convolution_forward(state->conv, call->samples, &x, filters.weights, call->prepared,
                        filters.bias, call->output, call->scratch);
}

/* Both gradients at once if one kernel makes them together. */
static void backward(const struct Call *call) {
    const struct ConvState *state = call->operation->needs.state;
    const real *weights = filters_of(call).weights;
    real *bias_gradient = has_bias(call) ? call_gradient(call, 1) : NULL;
    const struct ConvInput x = call_input(call);
    bool joint = call->operation->needs.joint_backward;
    if (joint)
        convolution_backward(state->conv, call->samples, &x, call->output_gradient, weights,
                             call->prepared, call->input_gradient[0], call_gradient(call, 0),
                             bias_gradient, call->scratch);
    else
        convolution_backward_weights(state->conv, call->samples, &x, call->output_gradient,
                                     call_gradient(call, 0), bias_gradient, call->scratch);
    if (state->drop.rate > 0)
        dropconnect_backward(&state->drop, call_gradient(call, 0));
    if (joint || !call->input_gradient[0])
        return;
    call_lap(call, PLAN_BACKWARD_WEIGHTS);
    convolution_backward_data(state->conv, call->samples, call->output_gradient, weights,
                              call->prepared, call->input_gradient[0], call->scratch);
}

const struct Layer KERNEL(layer_conv) = {
    .kind = {"conv",
             "convolution: the same small filters at every place of the image, so few weights",
             keys, sizeof(struct ConvOptions)},
    .describe = describe,
    .plan = plan,
    .fuses = fuses,
    .release = release,
    .prepare = prepare,
    .draws = draws,
    .normalises = normalises,
    .forward = forward,
    .backward = backward,
    .products = true,
};
