/* The largest of k pieces: y(c) = max over j < k of x(j · C + c), from k · C channels to C. After a
 * linear layer or convolution of k · C outputs each y is the largest of k linear functions
 * (Goodfellow et al. 2013, "Maxout networks"). Piece j is the channels j · C … (j + 1) · C − 1, in
 * PyTorch x.unflatten(1, (k, C)).amax(1), also after a flatten. The gradient goes to the first
 * piece that is largest. A NaN stays a NaN. */
#include <inttypes.h>
#include <stddef.h>

#include "nn/layer.h"

struct MaxoutOptions {
    int64_t pieces;
};

static const struct Key keys[] = {
    {"pieces", KEY_INT, offsetof(struct MaxoutOptions, pieces), "2", .minimum = 2, .maximum = 255,
     .help = "k: the layer before has k times as many outputs as this one"},
    KEY_END};

static int64_t pieces_of(const struct Node *node) {
    return ((const struct MaxoutOptions *)node->options)->pieces;
}

/* The channels of a pixel; features remember the pixels that a flatten folded into them. */
static int64_t pixel_channels(struct Shape shape) {
    return shape.channels / (shape.fold_height * shape.fold_width);
}

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    struct Shape in = node->in[0];
    int64_t pieces = pieces_of(node);
    if (pixel_channels(in) % pieces)
        return describe__fail(describe, "pieces",
                              "%" PRId64 " channels cannot be cut into %" PRId64
                              " equal pieces; expected a "
                              "multiple of %" PRId64 " from the layer before",
                              pixel_channels(in), pieces, pieces);
    node->out = in;
    node->out.channels = in.channels / pieces;
    node->flops = (double)shape_elements(in);
    return OK;
}

static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    if (planning->training) /* which piece won, one byte for each output */
        operation->needs.saved_bytes =
            (size_t)(planning->samples[0] * shape_elements(operation->out));
    return OK;
}

/* The pixels of the shard, and the channels that each has in the output. */
struct Extent {
    int64_t pixels, channels, pieces;
};
static struct Extent extent_of(const struct Call *call) {
    struct Shape out = call->operation->out;
    int64_t channels = pixel_channels(out);
    return (struct Extent){call->samples * shape_elements(out) / channels, channels,
                           pieces_of(call->operation->node)};
}

static void largest(struct Extent extent, const real *x, real *y, uint8_t *winner) {
    for (int64_t c = 0; c < extent.channels; c++)
        y[c] = x[c];
    for (int64_t c = 0; winner && c < extent.channels; c++)
        winner[c] = 0;
    for (int64_t j = 1; j < extent.pieces; j++) {
        const real *piece = x + j * extent.channels;
        for (int64_t c = 0; winner && c < extent.channels; c++)
            winner[c] = piece[c] > y[c] || piece[c] != piece[c] ? (uint8_t)j : winner[c];
        for (int64_t c = 0; c < extent.channels; c++)
            y[c] = piece[c] > y[c] || piece[c] != piece[c] ? piece[c] : y[c];
    }
}

static void forward(const struct Call *call) {
    struct Extent extent = extent_of(call);
    const real *x = call->input[0];
    real *y = call->output;
    uint8_t *winner = call->training ? call->saved : NULL;
#pragma omp parallel for if (extent.pixels * extent.channels >= PARALLEL_ELEMENTS)
    for (int64_t p = 0; p < extent.pixels; p++)
        largest(extent, x + p * extent.channels * extent.pieces, y + p * extent.channels,
                winner ? winner + p * extent.channels : NULL);
}

static void hand_back(struct Extent extent, const uint8_t *winner, const real *dy, real *dx) {
    for (int64_t j = 0; j < extent.pieces; j++, dx += extent.channels)
        for (int64_t c = 0; c < extent.channels; c++)
            dx[c] = winner[c] == j ? dy[c] : 0;
}

static void backward(const struct Call *call) {
    struct Extent extent = extent_of(call);
    const real *dy = call->output_gradient;
    const uint8_t *winner = call->saved;
    real *dx = call->input_gradient[0];
    if (!dx)
        return;
#pragma omp parallel for if (extent.pixels * extent.channels >= PARALLEL_ELEMENTS)
    for (int64_t p = 0; p < extent.pixels; p++)
        hand_back(extent, winner + p * extent.channels, dy + p * extent.channels,
                  dx + p * extent.channels * extent.pieces);
}

const struct Layer KERNEL(layer_maxout) = {
    .kind = {"maxout",
             "the largest of k linear pieces: generalises ReLU and leaky ReLU, does not saturate, "
             "does not die; k times the weights in the layer before",
             keys, sizeof(struct MaxoutOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
