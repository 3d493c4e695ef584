/* A larger image, `factor` times as high and wide, as PyTorch's Upsample with align_corners false:
 * pixel centres lie at half integers. `nearest` repeats every pixel; `bilinear` mixes the two rows
 * and the two columns whose centres are nearest; outside the outermost centres the edge. */
#include <stddef.h>
#include <string.h>

#include "nn/image_rows.h"
#include "nn/layer.h"

enum { MODE_NEAREST, MODE_BILINEAR };
static const char *const mode_names[] = {"nearest", "bilinear", NULL};

struct UpsampleOptions {
    int64_t factor;
    int mode;
};

#define OPTION(member) offsetof(struct UpsampleOptions, member)
static const struct Key keys[] = {
    {"factor", KEY_INT, OPTION(factor), "2", .minimum = 1, .maximum = 64,
     .help = "how many times as high and as wide"},
    {"mode", KEY_ENUM, OPTION(mode), "nearest", .names = mode_names,
     .help = "nearest: every pixel repeated; bilinear: mixed with its neighbours, smooth"},
    KEY_END};

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    const struct UpsampleOptions *options = node->options;
    struct Shape in = node->in[0];
    if (in.fold_height * in.fold_width != 1)
        return describe__fail(describe, NULL, "its input is flattened: put it before the flatten");
    node->out =
        (struct Shape){in.height * options->factor, in.width * options->factor, in.channels, 1, 1};
    node->flops = (options->mode == MODE_BILINEAR ? 8 : 0) * (double)shape_elements(node->out);
    return OK;
}

static const struct UpsampleOptions *options_of(const struct Call *call) {
    return call->operation->node->options;
}

/* One place of an output axis is (1 − part) · x[low] + part · x[high]. */
struct Source {
    int64_t low, high;
    real part;
};
static struct Source source_of(const struct UpsampleOptions *options, int64_t at, int64_t size) {
    int64_t factor = options->factor;
    if (options->mode == MODE_NEAREST)
        return (struct Source){at / factor, at / factor, 0};
    int64_t place = 2 * at + 1 - factor; /* (at + 1/2) / factor − 1/2, in units of 1 / (2 factor) */
    if (place < 0)
        place = 0;
    int64_t low = place / (2 * factor);
    return (struct Source){low, low + 1 < size ? low + 1 : low,
                           (real)(place % (2 * factor)) / (real)(2 * factor)};
}

/* The weight of place `at` of the input axis in an output place. */
static real weight_of(struct Source source, int64_t at) {
    return (source.low == at ? 1 - source.part : 0) + (source.high == at ? source.part : 0);
}

static void mix(int64_t channels, const real *restrict a, const real *restrict b,
                const real *restrict c, const real *restrict d, const real weights[4],
                real *restrict y) {
    real wa = weights[0], wb = weights[1], wc = weights[2], wd = weights[3];
    for (int64_t i = 0; i < channels; i++)
        y[i] = (wa * a[i] + wb * b[i]) + (wc * c[i] + wd * d[i]);
}

/* One row of outputs. */
static void forward_row(const struct Call *call, int64_t sample, int64_t p) {
    const struct UpsampleOptions *options = options_of(call);
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels;
    const real *x = (const real *)call->input[0] + sample * shape_elements(in);
    real *y = (real *)call->output + (sample * out.height + p) * out.width * channels;
    struct Source row = source_of(options, p, in.height);
    const real *upper = x + row.low * in.width * channels,
               *lower = x + row.high * in.width * channels;
    for (int64_t q = 0; q < out.width; q++, y += channels) {
        struct Source column = source_of(options, q, in.width);
        int64_t left = column.low * channels, right = column.high * channels;
        if (options->mode == MODE_NEAREST) {
            memcpy(y, upper + left, (size_t)channels * sizeof(real));
            continue;
        }
        const real weights[] = {(1 - row.part) * (1 - column.part), (1 - row.part) * column.part,
                                row.part * (1 - column.part), row.part * column.part};
        mix(channels, upper + left, upper + right, lower + left, lower + right, weights, y);
    }
}

static void forward(const struct Call *call) {
    each_output_row(call, forward_row);
}

static void add_scaled(int64_t channels, real factor, const real *restrict from,
                       real *restrict to) {
    for (int64_t c = 0; c < channels; c++)
        to[c] += factor * from[c];
}

/* One row of input pixels. Each sums over the outputs in which it has a weight; they lie less than
 * `factor` beyond its own. */
static void backward_row(const struct Call *call, int64_t sample, int64_t h) {
    const struct UpsampleOptions *options = options_of(call);
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels, factor = options->factor;
    const real *dy = (const real *)call->output_gradient + sample * shape_elements(out);
    real *dx = (real *)call->input_gradient[0] + (sample * in.height + h) * in.width * channels;
    memset(dx, 0, (size_t)(in.width * channels) * sizeof(real));
    int64_t first = h > 0 ? (h - 1) * factor : 0;
    for (int64_t p = first; p < (h + 2) * factor && p < out.height; p++) {
        real row = weight_of(source_of(options, p, in.height), h);
        if (row == 0)
            continue;
        for (int64_t q = 0; q < out.width; q++) {
            struct Source column = source_of(options, q, in.width);
            const real *from = dy + (p * out.width + q) * channels;
            add_scaled(channels, row * (1 - column.part), from, dx + column.low * channels);
            if (column.part != 0)
                add_scaled(channels, row * column.part, from, dx + column.high * channels);
        }
    }
}

static void backward(const struct Call *call) {
    each_input_row(call, backward_row);
}

const struct Layer KERNEL(layer_upsample) = {
    .kind = {"upsample",
             "a larger image without weights: reverses the shrinking of strides and pooling", keys,
             sizeof(struct UpsampleOptions)},
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
