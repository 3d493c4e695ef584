/* What max and average pooling share: options, output size, which windows cover a pixel. Inside nn/
 * only. */
#ifndef TRAINER_NN_POOLING_H
#define TRAINER_NN_POOLING_H

#include <stddef.h>

#include "nn/layer.h"

struct PoolingOptions {
    int64_t kernel, stride, padding; /* stride -1: the kernel's */
};

static const char *const pooling_stride_words[] = {"kernel", NULL};
#define POOLING_OPTION(member) offsetof(struct PoolingOptions, member)
static const struct Key pooling_keys[] = {
    {"kernel", KEY_INT, POOLING_OPTION(kernel), .minimum = 1, .maximum = 1024, .unit = "pixels",
     .help = "height and width of a window"},
    {"stride", KEY_COUNT, POOLING_OPTION(stride), "kernel", .minimum = 1, .maximum = 1024,
     .names = pooling_stride_words, .unit = "pixels",
     .help = "from window to window; \"kernel\": they touch and do not overlap"},
    {"padding", KEY_INT, POOLING_OPTION(padding), "0", .minimum = 0, .maximum = 1024,
     .unit = "pixels", .help = "on every side, at most half the kernel"},
    KEY_END};

static inline int64_t pooling_stride(const struct PoolingOptions *options) {
    return options->stride < 0 ? options->kernel : options->stride;
}

static inline int pooling_describe(struct Describe *describe) {
    struct Node *node = describe->node;
    const struct PoolingOptions *options = node->options;
    struct Shape in = node->in[0];
    int64_t stride = pooling_stride(options), kernel = options->kernel;
    int64_t height = in.height + 2 * options->padding, width = in.width + 2 * options->padding;
    if (in.fold_height * in.fold_width != 1)
        return describe_fail(describe, NULL, "its input is flattened: put it before the flatten");
    if (2 * options->padding > kernel)
        return describe_fail(describe, "padding", "%lld is more than half the kernel of %lld",
                             (long long)options->padding, (long long)kernel);
    if (height < kernel || width < kernel)
        return describe_fail(describe, "kernel",
                             "the kernel of %lld is larger than the padded input of %lld x %lld",
                             (long long)kernel, (long long)height, (long long)width);
    node->out = (struct Shape){(height - kernel) / stride + 1, (width - kernel) / stride + 1,
                               in.channels, 1, 1};
    node->flops = (double)(kernel * kernel) * (double)shape_elements(node->out);
    return OK;
}

/* Windows first … last (none: last < first) cover place `at` of an axis. */
struct PoolingRange {
    int64_t first, last;
};
static inline struct PoolingRange pooling_windows(const struct PoolingOptions *options, int64_t at,
                                                  int64_t windows) {
    int64_t stride = pooling_stride(options), place = at + options->padding;
    int64_t before = place - options->kernel; /* a window starting here or earlier ends before */
    struct PoolingRange range = {before < 0 ? 0 : before / stride + 1, place / stride};
    if (range.last > windows - 1)
        range.last = windows - 1;
    return range;
}

/* Taps first … last of window `window` lie inside the `size` pixels of an axis. */
static inline struct PoolingRange pooling_taps(const struct PoolingOptions *options, int64_t window,
                                               int64_t size) {
    int64_t start = window * pooling_stride(options) - options->padding;
    int64_t last = size - 1 - start;
    return (struct PoolingRange){start < 0 ? -start : 0,
                                 last < options->kernel - 1 ? last : options->kernel - 1};
}

#endif
