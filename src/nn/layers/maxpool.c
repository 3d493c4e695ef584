/* The largest value of each window, channel by channel. Training keeps which tap won (a byte an
 * output); backward gathers: each input pixel asks the windows that cover it whether it had won, so
 * dx is written once and no two threads meet. A NaN wins. */
#include <string.h>

#include "nn/pooling.h"

#define PARALLEL_ELEMENTS 65536

static int describe(struct Describe *describe) {
    const struct PoolingOptions *options = describe->node->options;
    if (options->kernel > 16)
        return describe_fail(describe, "kernel", "%lld is more than 16",
                             (long long)options->kernel);
    return pooling_describe(describe);
}

static int plan(struct Planning *planning) {
    if (planning->training)
        planning->operation->saved_bytes =
            (size_t)(planning->samples[0] * shape_elements(planning->operation->out));
    return OK;
}

static void first_tap(int64_t channels, uint8_t tap, const real *restrict x, real *restrict y,
                      uint8_t *restrict winner) {
    memcpy(y, x, (size_t)channels * sizeof(real));
    if (winner)
        memset(winner, tap, (size_t)channels);
}

static void next_tap(int64_t channels, uint8_t tap, const real *restrict x, real *restrict y,
                     uint8_t *restrict winner) {
    if (winner)
        for (int64_t c = 0; c < channels; c++) {
            bool wins = x[c] > y[c] || x[c] != x[c];
            y[c] = wins ? x[c] : y[c];
            winner[c] = wins ? tap : winner[c];
        }
    else
        for (int64_t c = 0; c < channels; c++)
            y[c] = x[c] > y[c] || x[c] != x[c] ? x[c] : y[c];
}

/* One row of outputs. */
static void forward_row(const struct Call *call, int64_t sample, int64_t p) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels, stride = pooling_stride(options);
    const real *x = (const real *)call->input[0] + sample * shape_elements(in);
    int64_t at = (sample * out.height + p) * out.width * channels;
    struct PoolingRange rows = pooling_taps(options, p, in.height);
    for (int64_t q = 0; q < out.width; q++, at += channels) {
        struct PoolingRange columns = pooling_taps(options, q, in.width);
        real *y = (real *)call->output + at;
        uint8_t *winner = call->training ? (uint8_t *)call->saved + at : NULL;
        for (int64_t r = rows.first; r <= rows.last; r++)
            for (int64_t s = columns.first; s <= columns.last; s++) {
                int64_t h = p * stride - options->padding + r;
                int64_t w = q * stride - options->padding + s;
                const real *pixel = x + (h * in.width + w) * channels;
                bool first = r == rows.first && s == columns.first;
                (first ? first_tap : next_tap)(channels, (uint8_t)(r * options->kernel + s), pixel,
                                               y, winner);
            }
    }
}

static void forward(const struct Call *call) {
    struct Shape out = call->operation->out;
    int64_t rows = call->samples * out.height;
#pragma omp parallel for if (call->samples * shape_elements(out) >= PARALLEL_ELEMENTS)
    for (int64_t row = 0; row < rows; row++)
        forward_row(call, row / out.height, row % out.height);
}

static void gather(bool first, int64_t channels, uint8_t tap, const uint8_t *restrict winner,
                   const real *restrict dy, real *restrict dx) {
    if (first)
        for (int64_t c = 0; c < channels; c++)
            dx[c] = winner[c] == tap ? dy[c] : 0;
    else
        for (int64_t c = 0; c < channels; c++)
            dx[c] += winner[c] == tap ? dy[c] : 0;
}

/* One row of input pixels. */
static void backward_row(const struct Call *call, int64_t sample, int64_t h) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels, stride = pooling_stride(options);
    struct PoolingRange rows = pooling_windows(options, h, out.height);
    for (int64_t w = 0; w < in.width; w++) {
        struct PoolingRange columns = pooling_windows(options, w, out.width);
        real *dx =
            (real *)call->input_gradient[0] + ((sample * in.height + h) * in.width + w) * channels;
        bool first = true;
        for (int64_t p = rows.first; p <= rows.last; p++)
            for (int64_t q = columns.first; q <= columns.last; q++, first = false) {
                int64_t tap = (h + options->padding - p * stride) * options->kernel +
                              (w + options->padding - q * stride);
                int64_t at = ((sample * out.height + p) * out.width + q) * channels;
                gather(first, channels, (uint8_t)tap, (const uint8_t *)call->saved + at,
                       (const real *)call->output_gradient + at, dx);
            }
        if (first)
            memset(dx, 0, (size_t)channels * sizeof(real));
    }
}

static void backward(const struct Call *call) {
    struct Shape in = call->operation->in[0];
    int64_t rows = call->samples * in.height;
    if (!call->input_gradient[0])
        return;
#pragma omp parallel for if (call->samples * shape_elements(in) >= PARALLEL_ELEMENTS)
    for (int64_t row = 0; row < rows; row++)
        backward_row(call, row / in.height, row % in.height);
}

const struct Layer KERNEL(layer_maxpool) = {
    .kind = {"maxpool", "the largest value of each window: smaller images, small shifts forgotten",
             pooling_keys, sizeof(struct PoolingOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
