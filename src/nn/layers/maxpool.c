/* The largest value of each window, channel by channel. Training keeps which tap won (a byte an
 * output); backward gathers: each input pixel asks the windows that cover it whether it had won, so
 * dx is written once and no two threads meet. A NaN wins. */
#include "nn/pooling.h"
#include "nn/vectors.h"

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

/* A window's part inside the image: `pixel` is its first tap there, number `tap`. */
struct Window {
    const real *pixel;
    int64_t rows, columns, row_step, column_step; /* in elements */
    int tap, tap_row_step;
};

/* VECTOR_LANES channels from `c` on. */
INLINE void largest_vector(const struct Window *window, int64_t c, real *y, uint8_t *winner) {
    vector best = *(const vector *)(window->pixel + c);
    mask won = (mask){0} + window->tap;
    for (int64_t r = 0; r < window->rows; r++)
        for (int64_t s = 0; s < window->columns; s++) {
            vector x = *(const vector *)(window->pixel + r * window->row_step +
                                         s * window->column_step + c);
            mask tap = (mask){0} + (window->tap + (int)r * window->tap_row_step + (int)s);
            mask wins = (x > best) | (x != x);
            best = (vector)(((mask)x & wins) | ((mask)best & ~wins));
            won = (tap & wins) | (won & ~wins);
        }
    *(vector *)(y + c) = best;
    if (winner)
        *(lane_bytes *)(winner + c) = __builtin_convertvector(won, lane_bytes);
}

static void largest_scalar(const struct Window *window, int64_t c, real *y, uint8_t *winner) {
    real best = window->pixel[c];
    int won = window->tap;
    for (int64_t r = 0; r < window->rows; r++)
        for (int64_t s = 0; s < window->columns; s++) {
            real x = window->pixel[r * window->row_step + s * window->column_step + c];
            bool wins = x > best || x != x;
            best = wins ? x : best;
            won = wins ? window->tap + (int)r * window->tap_row_step + (int)s : won;
        }
    y[c] = best;
    if (winner)
        winner[c] = (uint8_t)won;
}

/* One row of outputs. */
static void forward_row(const struct Call *call, int64_t sample, int64_t p) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels, stride = pooling_stride(options), kernel = options->kernel;
    const real *x = (const real *)call->input[0] + sample * shape_elements(in);
    int64_t at = (sample * out.height + p) * out.width * channels;
    struct PoolingRange rows = pooling_taps(options, p, in.height);
    for (int64_t q = 0; q < out.width; q++, at += channels) {
        struct PoolingRange columns = pooling_taps(options, q, in.width);
        int64_t h = p * stride - options->padding + rows.first;
        int64_t w = q * stride - options->padding + columns.first;
        const struct Window window = {.pixel = x + (h * in.width + w) * channels,
                                      .rows = rows.last - rows.first + 1,
                                      .columns = columns.last - columns.first + 1,
                                      .row_step = in.width * channels,
                                      .column_step = channels,
                                      .tap = (int)(rows.first * kernel + columns.first),
                                      .tap_row_step = (int)kernel};
        real *y = (real *)call->output + at;
        uint8_t *winner = call->training ? (uint8_t *)call->saved + at : NULL;
        int64_t c = 0;
        for (; c + VECTOR_LANES <= channels; c += VECTOR_LANES)
            largest_vector(&window, c, y, winner);
        for (; c < channels; c++)
            largest_scalar(&window, c, y, winner);
    }
}

static void forward(const struct Call *call) {
    struct Shape out = call->operation->out;
    int64_t rows = call->samples * out.height;
#pragma omp parallel for if (call->samples * shape_elements(out) >= PARALLEL_ELEMENTS)
    for (int64_t row = 0; row < rows; row++)
        forward_row(call, row / out.height, row % out.height);
}

/* The windows that cover one input pixel: the first output of them, and the pixel's tap there. */
struct Cover {
    const real *dy;
    const uint8_t *winner;
    int64_t rows, columns, row_step, column_step; /* in elements */
    int tap, tap_row_step, tap_column_step;
};

INLINE void gather_vector(const struct Cover *cover, int64_t c, real *dx) {
    vector sum = {0};
    for (int64_t p = 0; p < cover->rows; p++)
        for (int64_t q = 0; q < cover->columns; q++) {
            int64_t at = p * cover->row_step + q * cover->column_step + c;
            int tap = cover->tap - (int)p * cover->tap_row_step - (int)q * cover->tap_column_step;
            mask won = __builtin_convertvector(*(const lane_bytes *)(cover->winner + at), mask);
            sum += (vector)((mask) * (const vector *)(cover->dy + at) & (won == tap));
        }
    *(vector *)(dx + c) = sum;
}

static void gather_scalar(const struct Cover *cover, int64_t c, real *dx) {
    real sum = 0;
    for (int64_t p = 0; p < cover->rows; p++)
        for (int64_t q = 0; q < cover->columns; q++) {
            int64_t at = p * cover->row_step + q * cover->column_step + c;
            int tap = cover->tap - (int)p * cover->tap_row_step - (int)q * cover->tap_column_step;
            sum += cover->winner[at] == tap ? cover->dy[at] : 0;
        }
    dx[c] = sum;
}

/* One row of input pixels. */
static void backward_row(const struct Call *call, int64_t sample, int64_t h) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels, stride = pooling_stride(options), kernel = options->kernel;
    real *dx = (real *)call->input_gradient[0] + (sample * in.height + h) * in.width * channels;
    struct PoolingRange rows = pooling_windows(options, h, out.height);
    for (int64_t w = 0; w < in.width; w++, dx += channels) {
        struct PoolingRange columns = pooling_windows(options, w, out.width);
        int64_t at = ((sample * out.height + rows.first) * out.width + columns.first) * channels;
        int64_t row = h + options->padding - rows.first * stride;
        int64_t column = w + options->padding - columns.first * stride;
        const struct Cover cover = {.dy = (const real *)call->output_gradient + at,
                                    .winner = (const uint8_t *)call->saved + at,
                                    .rows = rows.last - rows.first + 1,
                                    .columns = columns.last - columns.first + 1,
                                    .row_step = out.width * channels,
                                    .column_step = channels,
                                    .tap = (int)(row * kernel + column),
                                    .tap_row_step = (int)(stride * kernel),
                                    .tap_column_step = (int)stride};
        int64_t c = 0;
        for (; c + VECTOR_LANES <= channels; c += VECTOR_LANES)
            gather_vector(&cover, c, dx);
        for (; c < channels; c++)
            gather_scalar(&cover, c, dx);
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
