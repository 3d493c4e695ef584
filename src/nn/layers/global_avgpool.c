/* The mean of each channel over the whole image: (H,W,C) -> (1,1,C). */
#include "nn/layer.h"

static int describe(struct Describe *describe) {
    struct Shape in = describe->node->in[0];
    if (in.fold_height * in.fold_width != 1)
        return describe__fail(describe, NULL, "its input is flattened: put it before the flatten");
    describe->node->out = (struct Shape){1, 1, in.channels, 1, 1};
    describe->node->flops = (double)shape_elements(in);
    return OK;
}

#define BLOCK 64 /* channels that are summed together */

static void mean_of(int64_t pixels, int64_t channels, const element *restrict x,
                    element *restrict y) {
    for (int64_t first = 0; first < channels; first += BLOCK) {
        int64_t count = channels - first < BLOCK ? channels - first : BLOCK;
        real sums[BLOCK] = {0};
        for (int64_t i = 0; i < pixels; i++)
            for (int64_t c = 0; c < count; c++)
                sums[c] += element_value(x[i * channels + first + c]);
        for (int64_t c = 0; c < count; c++)
            y[first + c] = element_round(sums[c] / (real)pixels);
    }
}

static void spread(int64_t pixels, int64_t channels, const element *restrict dy,
                   element *restrict dx) {
    real factor = 1 / (real)pixels;
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t c = 0; c < channels; c++)
            dx[i * channels + c] = element_round(element_value(dy[c]) * factor);
}

static void forward(const struct Call *call) {
    struct Shape in = call->operation->in[0];
    const element *x = call->input[0];
    element *y = call->output;
#pragma omp parallel for if (call->samples * shape_elements(in) >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        mean_of(in.height * in.width, in.channels, x + i * shape_elements(in), y + i * in.channels);
}

static void backward(const struct Call *call) {
    struct Shape in = call->operation->in[0];
    const element *dy = call->output_gradient;
    element *dx = call->input_gradient[0];
    if (!dx)
        return;
#pragma omp parallel for if (call->samples * shape_elements(in) >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        spread(in.height * in.width, in.channels, dy + i * in.channels,
               dx + i * shape_elements(in));
}

const struct Layer KERNEL(layer_global_avgpool) = {
    .kind = {"global_avgpool",
             "the mean of each channel over the image: replaces the large linear layers of old "
             "networks and has no weights",
             NULL, 0},
    .describe = describe,
    .drops_space = true,
    .forward = forward,
    .backward = backward,
};
