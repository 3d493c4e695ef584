/* x for x > 0, a · x below, with a learnt slope a: one for the layer, or one for each channel. The
 * gradient of a slope is the sum of dy · x over all x below zero. He et al. 2015, "Delving deep
 * into rectifiers". */
#include <stddef.h>

#include "nn/channel_sums.h"
#include "nn/initialise.h"
#include "nn/layer.h"

enum { SLOPES_ONE, SLOPES_CHANNEL };
static const char *const slopes_names[] = {"one", "channel", NULL};

struct PreluOptions {
    int slopes;
    struct ConstantOptions start; /* of the slopes */
};

static const struct Key keys[] = {
    {"slopes", KEY_ENUM, offsetof(struct PreluOptions, slopes), "one", .names = slopes_names,
     .help = "one for the whole layer, or one for each channel"},
    {"slope", KEY_REAL, offsetof(struct PreluOptions, start.value), "0.25", .minimum = -1e3,
     .maximum = 1e3, .help = "where the slopes (weight) start"},
    KEY_END};

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    struct PreluOptions *options = node->choice->options;
    node->out = node->in[0];
    node->flops = 2.0 * (double)shape_elements(node->out);
    struct LayoutRow row = options->slopes == SLOPES_CHANNEL
                               ? describe__channel_row(describe, "weight", ROLE_SLOPE)
                               : describe__row(describe, "weight", ROLE_SLOPE, 1, (int64_t[]){1});
    row.model->initialiser = initialise_constant(&options->start);
    return OK;
}

static bool one_slope(const struct Operation *operation) {
    return ((const struct PreluOptions *)operation->node->options)->slopes == SLOPES_ONE;
}

/* The pixels of all samples of a shard. */
static int64_t pixels_of(const struct Operation *operation, int64_t samples) {
    return samples * operation->out.height * operation->out.width;
}

/* Work space: the slope of every channel, the gradients of the slopes, and each chunk's part of
 * these. */
static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    int64_t chunks = channel_chunks(pixels_of(operation, planning->samples[0]));
    operation->needs.in_place = true;
    operation->needs.backward_in_place = true;
    operation->needs.input = planning->training;
    operation->needs.scratch_bytes =
        (size_t)((2 + chunks) * operation->out.channels) * sizeof(real);
    return OK;
}

static const real *spread_slopes(const struct Call *call) {
    const real *slope = call_parameter(call, 0);
    real *spread = call->scratch;
    int stride = one_slope(call->operation) ? 0 : 1;
    for (int64_t c = 0; c < call->operation->out.channels; c++)
        spread[c] = slope[c * stride];
    return spread;
}

static void value_chunk(int64_t pixels, int64_t channels, const real *slope, const real *x,
                        real *y) {
    for (int64_t p = 0; p < pixels; p++, x += channels, y += channels)
#pragma omp simd
        for (int64_t c = 0; c < channels; c++)
            y[c] = x[c] > 0 ? x[c] : slope[c] * x[c];
}

static void forward(const struct Call *call) {
    int64_t channels = call->operation->out.channels;
    int64_t pixels = pixels_of(call->operation, call->samples);
    const real *slope = spread_slopes(call), *x = call->input[0];
    real *y = call->output;
#pragma omp parallel for if (pixels * channels >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < channel_chunks(pixels); i++)
        value_chunk(channel_chunk_length(pixels, i), channels, slope,
                    x + i * CHANNEL_CHUNK * channels, y + i * CHANNEL_CHUNK * channels);
}

/* dx may be the memory of dy, or NULL if it is not wanted. */
static void gradient_chunk(int64_t pixels, int64_t channels, const real *slope, const real *x,
                           const real *dy, real *dx, real *restrict part) {
    for (int64_t c = 0; c < channels; c++)
        part[c] = 0;
    for (int64_t p = 0; p < pixels; p++, x += channels, dy += channels) {
#pragma omp simd
        for (int64_t c = 0; c < channels; c++)
            part[c] += x[c] > 0 ? 0 : x[c] * dy[c];
        if (!dx)
            continue;
#pragma omp simd
        for (int64_t c = 0; c < channels; c++)
            dx[c] = x[c] > 0 ? dy[c] : slope[c] * dy[c];
        dx += channels;
    }
}

static void backward(const struct Call *call) {
    int64_t channels = call->operation->out.channels;
    int64_t pixels = pixels_of(call->operation, call->samples), chunks = channel_chunks(pixels);
    const real *slope = spread_slopes(call), *x = call->input[0], *dy = call->output_gradient;
    real *dx = call->input_gradient[0], *total = (real *)call->scratch + channels;
    real *parts = total + channels, *gradient = call_gradient(call, 0);
#pragma omp parallel for if (pixels * channels >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < chunks; i++) {
        int64_t at = i * CHANNEL_CHUNK * channels;
        gradient_chunk(channel_chunk_length(pixels, i), channels, slope, x + at, dy + at,
                       dx ? dx + at : NULL, parts + i * channels);
    }
    channel_totals(chunks, channels, parts, total);
    double sum = 0;
    for (int64_t c = 0; c < channels; c++) {
        sum += (double)total[c];
        if (!one_slope(call->operation))
            gradient[c] = total[c];
    }
    if (one_slope(call->operation))
        gradient[0] = (real)sum;
}

const struct Layer KERNEL(layer_prelu) = {
    .kind = {"prelu",
             "leaky ReLU whose slope below zero is learnt: does not saturate, does not die, costs "
             "little; the input has to be kept",
             keys, sizeof(struct PreluOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
