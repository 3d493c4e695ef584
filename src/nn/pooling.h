/* What max and average pooling have in common: options, the output size as PyTorch counts it, and
 * which windows cover a pixel. Inside nn/ only. */
#ifndef TRAINER_NN_POOLING_H
#define TRAINER_NN_POOLING_H

#include <inttypes.h>
#include <stddef.h>

#include "nn/layer.h"

struct PoolingOptions {
    int64_t kernel, stride, padding; /* stride -1: equal to kernel */
    int64_t dilation;                /* 0: the layer has no such key, and it is 1 */
    bool ceil_mode, count_include_pad;
};

static const char *const pooling_stride_words[] = {"kernel", NULL};
#define POOLING_OPTION(member) offsetof(struct PoolingOptions, member)
/* The first keys of a layer's table. */
#define POOLING_KEYS                                                                               \
    {"kernel",                                                                                     \
     KEY_INT,                                                                                      \
     POOLING_OPTION(kernel),                                                                       \
     .minimum = 1,                                                                                 \
     .maximum = 1024,                                                                              \
     .unit = "pixels",                                                                             \
     .help = "height and width of a window"},                                                      \
        {"stride",                                                                                 \
         KEY_COUNT,                                                                                \
         POOLING_OPTION(stride),                                                                   \
         "kernel",                                                                                 \
         .minimum = 1,                                                                             \
         .maximum = 1024,                                                                          \
         .names = pooling_stride_words,                                                            \
         .unit = "pixels",                                                                         \
         .help = "from window to window; \"kernel\": windows touch and do not overlap"},           \
        {"padding",                                                                                \
         KEY_INT,                                                                                  \
         POOLING_OPTION(padding),                                                                  \
         "0",                                                                                      \
         .minimum = 0,                                                                             \
         .maximum = 1024,                                                                          \
         .unit = "pixels",                                                                         \
         .help = "on every side, at most half the window"},                                        \
    {                                                                                              \
        "ceil_mode", KEY_BOOL, POOLING_OPTION(ceil_mode), "false",                                 \
            .help = "a last window that reaches over the edge counts if it begins inside the "     \
                    "image or the padding before it"                                               \
    }

static inline int64_t pooling_stride(const struct PoolingOptions *options) {
    return options->stride < 0 ? options->kernel : options->stride;
}
static inline int64_t pooling_dilation(const struct PoolingOptions *options) {
    return options->dilation ? options->dilation : 1;
}
/* Pixels from a window's first tap to its last. */
static inline int64_t pooling_reach(const struct PoolingOptions *options) {
    return (options->kernel - 1) * pooling_dilation(options) + 1;
}

/* Places first … last on an axis; none if last < first. */
struct PoolingRange {
    int64_t first, last;
};

/* The windows that cover place `at` of an axis, for dilation 1. */
static inline struct PoolingRange pooling_windows(const struct PoolingOptions *options, int64_t at,
                                                  int64_t windows) {
    int64_t stride = pooling_stride(options), place = at + options->padding;
    int64_t before = place - options->kernel; /* a window starting here or earlier ends before */
    struct PoolingRange range = {before < 0 ? 0 : before / stride + 1, place / stride};
    if (range.last > windows - 1)
        range.last = windows - 1;
    return range;
}

/* The taps of window `window` that lie inside the `size` pixels of an axis. */
static inline struct PoolingRange pooling_taps(const struct PoolingOptions *options, int64_t window,
                                               int64_t size) {
    int64_t dilation = pooling_dilation(options);
    int64_t start = window * pooling_stride(options) - options->padding;
    int64_t last = start >= size ? -1 : (size - 1 - start) / dilation;
    return (struct PoolingRange){start < 0 ? (-start + dilation - 1) / dilation : 0,
                                 last < options->kernel - 1 ? last : options->kernel - 1};
}

/* How many windows an axis of `size` pixels has; 0 if none fits. */
static inline int64_t pooling_out(const struct PoolingOptions *options, int64_t size) {
    int64_t stride = pooling_stride(options), reach = pooling_reach(options);
    int64_t room = size + 2 * options->padding - reach + (options->ceil_mode ? stride - 1 : 0);
    if (room < 0)
        return 0;
    int64_t windows = room / stride + 1;
    return options->ceil_mode && (windows - 1) * stride >= size + options->padding ? windows - 1
                                                                                   : windows;
}

/* Has some window no tap inside the image, and so no largest value? Dilated ones may. */
static inline bool pooling_misses(const struct PoolingOptions *options, int64_t size) {
    for (int64_t window = 0; window < pooling_out(options, size); window++) {
        struct PoolingRange taps = pooling_taps(options, window, size);
        if (taps.last < taps.first)
            return true;
    }
    return false;
}

static inline int pooling_describe(struct Describe *describe) {
    struct Node *node = describe->node;
    const struct PoolingOptions *options = node->options;
    struct Shape in = node->in[0];
    int64_t kernel = options->kernel, reach = pooling_reach(options);
    if (in.fold_height * in.fold_width != 1)
        return describe__fail(describe, NULL, "its input is flattened: put it before the flatten");
    if (2 * options->padding > reach)
        return describe__fail(describe, "padding",
                              "%" PRId64 " is more than half the kernel of %" PRId64,
                              options->padding, reach);
    node->out = (struct Shape){pooling_out(options, in.height), pooling_out(options, in.width),
                               in.channels, 1, 1};
    if (!node->out.height || !node->out.width)
        return describe__fail(
            describe, "kernel",
            "the kernel of %" PRId64 " is larger than the padded input of %" PRId64 " x %" PRId64,
            reach, in.height + 2 * options->padding, in.width + 2 * options->padding);
    if (pooling_misses(options, in.height) || pooling_misses(options, in.width))
        return describe__fail(describe, "dilation",
                              "%" PRId64 " puts all taps of a window outside the input of %" PRId64
                              " x %" PRId64 "; "
                              "expected a smaller dilation or less padding",
                              options->dilation, in.height, in.width);
    node->flops = (double)(kernel * kernel) * (double)shape_elements(node->out);
    return OK;
}

#endif
