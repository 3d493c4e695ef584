/* The largest value of each channel over the whole image: (H,W,C) -> (1,1,C). Training keeps its
 * place; of equal values the first pixel gets the gradient. A NaN wins. */
#include <inttypes.h>
#include <string.h>

#include "nn/layer.h"

static int describe(struct Describe *describe) {
    struct Shape in = describe->node->in[0];
    if (in.fold_height * in.fold_width != 1)
        return describe__fail(describe, NULL, "its input is flattened: put it before the flatten");
    if (in.height * in.width > INT32_MAX)
        return describe__fail(describe, NULL,
                              "an image of %" PRId64 " x %" PRId64 " has too many pixels",
                              in.height, in.width);
    describe->node->out = (struct Shape){1, 1, in.channels, 1, 1};
    describe->node->flops = (double)shape_elements(in);
    return OK;
}

static int plan(struct Planning *planning) {
    if (planning->training)
        planning->operation->needs.saved_bytes =
            (size_t)(planning->samples[0] * planning->operation->out.channels) * sizeof(int32_t);
    return OK;
}

static void largest(int64_t pixels, int64_t channels, const real *restrict x, real *restrict y) {
    memcpy(y, x, (size_t)channels * sizeof(real));
    for (int64_t i = 1; i < pixels; i++)
        for (int64_t c = 0; c < channels; c++) {
            real value = x[i * channels + c];
            y[c] = (value > y[c]) | (value != value) ? value : y[c];
        }
}

static void largest_and_place(int64_t pixels, int64_t channels, const real *restrict x,
                              real *restrict y, int32_t *restrict place) {
    memcpy(y, x, (size_t)channels * sizeof(real));
    memset(place, 0, (size_t)channels * sizeof *place);
    for (int64_t i = 1; i < pixels; i++)
        for (int64_t c = 0; c < channels; c++) {
            real value = x[i * channels + c];
            bool wins = (value > y[c]) | (value != value);
            y[c] = wins ? value : y[c];
            place[c] = wins ? (int32_t)i : place[c];
        }
}

static void forward(const struct Call *call) {
    struct Shape in = call->operation->in[0];
    int64_t pixels = in.height * in.width, channels = in.channels;
#pragma omp parallel for if (call->samples * shape_elements(in) >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++) {
        const real *x = (const real *)call->input[0] + i * pixels * channels;
        real *y = (real *)call->output + i * channels;
        if (call->training)
            largest_and_place(pixels, channels, x, y, (int32_t *)call->saved + i * channels);
        else
            largest(pixels, channels, x, y);
    }
}

static void backward(const struct Call *call) {
    struct Shape in = call->operation->in[0];
    int64_t elements = shape_elements(in), channels = in.channels;
    const real *dy = call->output_gradient;
    const int32_t *place = call->saved;
    if (!call->input_gradient[0])
        return;
#pragma omp parallel for if (call->samples * elements >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++) {
        real *dx = (real *)call->input_gradient[0] + i * elements;
        memset(dx, 0, (size_t)elements * sizeof(real));
        for (int64_t c = 0; c < channels; c++)
            dx[place[i * channels + c] * channels + c] = dy[i * channels + c];
    }
}

const struct Layer KERNEL(layer_global_maxpool) = {
    .kind =
        {"global_maxpool",
         "the largest value of each channel over the image: whether a feature is anywhere in it",
         NULL, 0},
    .describe = describe,
    .drops_space = true,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
