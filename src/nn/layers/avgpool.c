/* The mean of each window, as PyTorch counts it: with count_include_pad the padding counts as zeros
 * (but not what ceil_mode reaches beyond the padding); without it only the window's pixels inside
 * the image count. */
#include <string.h>

#include "nn/image_rows.h"
#include "nn/pooling.h"

static const struct Key keys[] = {POOLING_KEYS,
                                  {"count_include_pad", KEY_BOOL, POOLING_OPTION(count_include_pad),
                                   "true",
                                   .help = "the padding's zeros count in the mean; false: only "
                                           "pixels of the image do"},
                                  KEY_END};

static void add_scaled(int64_t channels, real factor, const real *restrict from,
                       real *restrict to) {
    for (int64_t c = 0; c < channels; c++)
        to[c] += factor * from[c];
}

/* The number of places of a window on an axis that count. */
static int64_t counted(const struct PoolingOptions *options, int64_t window, int64_t size) {
    int64_t start = window * pooling_stride(options) - options->padding;
    int64_t end = start + options->kernel, edge = size + options->padding;
    end = end < edge ? end : edge;
    if (!options->count_include_pad) {
        start = start > 0 ? start : 0;
        end = end < size ? end : size;
    }
    return end - start;
}

/* The factor of each pixel in window (p, q). */
static real factor_of(const struct Call *call, int64_t p, int64_t q) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape in = call->operation->in[0];
    if (options->count_include_pad && !options->ceil_mode)
        return 1 / (real)(options->kernel * options->kernel);
    return 1 / (real)(counted(options, p, in.height) * counted(options, q, in.width));
}

/* One row of outputs. */
static void forward_row(const struct Call *call, int64_t sample, int64_t p) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels, stride = pooling_stride(options);
    const real *x = (const real *)call->input[0] + sample * shape_elements(in);
    real *y = (real *)call->output + (sample * out.height + p) * out.width * channels;
    struct PoolingRange rows = pooling_taps(options, p, in.height);
    for (int64_t q = 0; q < out.width; q++, y += channels) {
        struct PoolingRange columns = pooling_taps(options, q, in.width);
        real factor = factor_of(call, p, q);
        memset(y, 0, (size_t)channels * sizeof(real));
        for (int64_t r = rows.first; r <= rows.last; r++)
            for (int64_t s = columns.first; s <= columns.last; s++) {
                int64_t h = p * stride - options->padding + r;
                int64_t w = q * stride - options->padding + s;
                add_scaled(channels, factor, x + (h * in.width + w) * channels, y);
            }
    }
}

static void forward(const struct Call *call) {
    each_output_row(call, forward_row);
}

/* One row of input pixels. Each sums over the windows that cover it. */
static void backward_row(const struct Call *call, int64_t sample, int64_t h) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels;
    const real *dy = (const real *)call->output_gradient + sample * shape_elements(out);
    real *dx = (real *)call->input_gradient[0] + (sample * in.height + h) * in.width * channels;
    struct PoolingRange rows = pooling_windows(options, h, out.height);
    for (int64_t w = 0; w < in.width; w++, dx += channels) {
        struct PoolingRange columns = pooling_windows(options, w, out.width);
        memset(dx, 0, (size_t)channels * sizeof(real));
        for (int64_t p = rows.first; p <= rows.last; p++)
            for (int64_t q = columns.first; q <= columns.last; q++)
                add_scaled(channels, factor_of(call, p, q), dy + (p * out.width + q) * channels,
                           dx);
    }
}

static void backward(const struct Call *call) {
    each_input_row(call, backward_row);
}

const struct Layer KERNEL(layer_avgpool) = {
    .kind = {"avgpool", "the mean of each window: smaller images, smoothly", keys,
             sizeof(struct PoolingOptions)},
    .describe = pooling_describe,
    .forward = forward,
    .backward = backward,
};
