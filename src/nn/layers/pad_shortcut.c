/* The shortcut without parameters of He et al. 2015 (option A), in the form of its common
 * implementations: every stride-th pixel, and zero channels before (half of the missing ones,
 * rounded down) and after. */
#include "nn/pad_shortcut.h"

#include <string.h>

#include "nn/image_rows.h"
#include "nn/layer.h"

static int describe(struct Describe *describe) {
    const struct PadShortcutOptions *options = describe->node->options;
    struct Shape in = describe->node->in[0];
    describe->node->out =
        (struct Shape){(in.height - 1) / options->stride + 1, (in.width - 1) / options->stride + 1,
                       options->channels, 1, 1};
    return OK;
}

static int plan(struct Planning *planning) {
    planning->operation->needs.accumulates = true;
    return OK;
}

static int64_t stride_of(const struct Call *call) {
    return ((const struct PadShortcutOptions *)call->operation->node->options)->stride;
}

static void forward_row(const struct Call *call, int64_t sample, int64_t p) {
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t stride = stride_of(call), front = (out.channels - in.channels) / 2;
    const element *x = (const element *)call->input[0] +
                       (sample * in.height + p * stride) * in.width * in.channels;
    element *y = (element *)call->output + (sample * out.height + p) * out.width * out.channels;
    memset(y, 0, (size_t)(out.width * out.channels) * sizeof(element));
    for (int64_t q = 0; q < out.width; q++)
        memcpy(y + q * out.channels + front, x + q * stride * in.channels,
               (size_t)in.channels * sizeof(element));
}

static void forward(const struct Call *call) {
    each_output_row(call, forward_row);
}

static void backward_sample(const struct Call *call, int64_t sample) {
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t stride = stride_of(call), front = (out.channels - in.channels) / 2;
    const element *dy =
        (const element *)call->output_gradient + sample * shape_elements(out) + front;
    element *dx = (element *)call->input_gradient[0] + sample * shape_elements(in);
    if (!call->accumulate[0])
        memset(dx, 0, (size_t)shape_elements(in) * sizeof(element));
    for (int64_t p = 0; p < out.height; p++)
        for (int64_t q = 0; q < out.width; q++, dy += out.channels) {
            element *to = dx + (p * in.width + q) * stride * in.channels;
#pragma omp simd
            for (int64_t c = 0; c < in.channels; c++)
                to[c] = element_round(element_value(to[c]) + element_value(dy[c]));
        }
}

static void backward(const struct Call *call) {
    if (!call->input_gradient[0])
        return;
#pragma omp parallel for if (call->samples * shape_elements(call->operation->out) >=               \
                             PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        backward_sample(call, i);
}

const struct Layer KERNEL(layer_pad_shortcut) = {
    .kind = {"pad_shortcut", "every stride-th pixel, zero channels around", NULL,
             sizeof(struct PadShortcutOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
