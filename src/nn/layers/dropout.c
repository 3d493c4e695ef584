/* Dropout (Srivastava et al. 2014): each element is zeroed with probability `rate`. In the inverted
 * form the others are scaled by 1 / (1 − rate), so that nothing is left to do when predicting. In
 * the plain, original form they stay, and predicting scales everything by 1 − rate. Spatial dropout
 * (Tompson et al. 2015) zeroes whole channels, because neighbouring pixels of a channel are much
 * alike.
 *
 * The mask is a function of seed, node, step, place of the sample in the global batch, and element
 * or channel. It does not depend on rank, thread or shard. */
#include <stddef.h>

#include "nn/layer.h"
#include "nn/mask.h"

enum { DROPOUT_INVERTED, DROPOUT_PLAIN };
static const char *const form_names[] = {"inverted", "plain", NULL};
enum { DROPS_ELEMENTS, DROPS_CHANNELS };
static const char *const drops_names[] = {"elements", "channels", NULL};

struct DropoutOptions {
    double rate;
    int form, drops;
};

#define OPTION(member) offsetof(struct DropoutOptions, member)
static const struct Key keys[] = {
    {"rate", KEY_REAL, OPTION(rate), "0.5", .minimum = 0, .maximum = 1,
     .without_regularisation = "0", .help = "the probability that an element is dropped; below 1"},
    {"form", KEY_ENUM, OPTION(form), "inverted", .names = form_names,
     .help = "inverted: training scales by 1 / (1 - rate), predicting does nothing; plain: "
             "training only drops, predicting scales by 1 - rate"},
    {"drops", KEY_ENUM, OPTION(drops), "elements", .names = drops_names,
     .help = "channels: whole feature maps at once (spatial dropout)"},
    KEY_END};

static const struct DropoutOptions *options_of(const struct Call *call) {
    return call->operation->node->options;
}

static int describe(struct Describe *describe) {
    const struct DropoutOptions *options = describe->node->options;
    struct Shape in = describe->node->in[0];
    if (options->rate >= 1)
        return describe__fail(describe, "rate", "1 would drop everything; expected less");
    if (options->drops == DROPS_CHANNELS && in.fold_height * in.fold_width != 1)
        return describe__fail(describe, "drops",
                              "its input is flattened, so it has no channels: put it before the "
                              "flatten, or drop elements");
    describe->node->out = in;
    describe->node->flops = (double)shape_elements(in);
    return OK;
}

static bool predicts(const struct Node *node) {
    return ((const struct DropoutOptions *)node->options)->form == DROPOUT_PLAIN;
}

/* The elements of the mask of a sample. */
static int64_t mask_size(const struct Operation *operation) {
    const struct DropoutOptions *options = operation->node->options;
    return options->drops == DROPS_CHANNELS ? operation->out.channels
                                            : shape_elements(operation->out);
}

static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    operation->needs.in_place = true;
    operation->needs.backward_in_place = true;
    mask_plan(planning, mask_size(operation));
    return OK;
}

static real scale_of(const struct Call *call) {
    const struct DropoutOptions *options = options_of(call);
    return options->form == DROPOUT_INVERTED ? (real)(1 / (1 - options->rate)) : 1;
}

/* to = from · scale where kept, else 0; the mask of `period` elements is used again and again. */
static void apply(int64_t elements, int64_t period, real scale, const uint32_t *kept,
                  const element *from, element *to) {
    for (int64_t begin = 0; begin < elements; begin += period)
        mask_scale(period, kept, scale, from + begin, to + begin);
}

static void drop_sample(const struct Call *call, int64_t sample) {
    const struct Operation *operation = call->operation;
    int64_t elements = shape_elements(operation->out), period = mask_size(operation);
    struct RandomStream stream = call_stream(call, sample);
    uint32_t *kept = mask_of(call, sample, period);
    mask_fill(&stream, options_of(call)->rate, period, kept);
    apply(elements, period, scale_of(call), kept,
          (const element *)call->input[0] + sample * elements,
          (element *)call->output + sample * elements);
}

static void scale_sample(const struct Call *call, int64_t sample) {
    int64_t elements = shape_elements(call->operation->out);
    const element *x = (const element *)call->input[0] + sample * elements;
    element *y = (element *)call->output + sample * elements;
    real scale = (real)(1 - options_of(call)->rate);
#pragma omp simd
    for (int64_t i = 0; i < elements; i++)
        y[i] = element_round(element_value(x[i]) * scale);
}

static void forward(const struct Call *call) {
    int64_t elements = shape_elements(call->operation->out);
#pragma omp parallel for if (call->samples * elements >= PARALLEL_DRAWS)
    for (int64_t i = 0; i < call->samples; i++)
        (call->stochastic ? drop_sample : scale_sample)(call, i);
}

static void backward(const struct Call *call) {
    const struct Operation *operation = call->operation;
    int64_t elements = shape_elements(operation->out), period = mask_size(operation);
    real scale = scale_of(call);
    if (!call->input_gradient[0])
        return;
#pragma omp parallel for if (call->samples * elements >= PARALLEL_DRAWS)
    for (int64_t i = 0; i < call->samples; i++)
        apply(elements, period, scale, mask_of(call, i, period),
              (const element *)call->output_gradient + i * elements,
              (element *)call->input_gradient[0] + i * elements);
}

const struct Layer KERNEL(layer_dropout) = {
    .kind = {"dropout",
             "zeroes a random part of the features in training: no feature can rely on another; "
             "like training an ensemble that shares its weights",
             keys, sizeof(struct DropoutOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .training_only = true,
    .predicts = predicts,
};
