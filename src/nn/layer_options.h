/* Options of layers that a run file can name and that containers make nodes of, too. Inside nn/
 * only. */
#ifndef TRAINER_NN_LAYER_OPTIONS_H
#define TRAINER_NN_LAYER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "runfile/schema.h"

struct ConvOptions {
    int64_t out, kernel, stride, padding, dilation, groups;
    bool bias;
    struct Choice weight_init, bias_init; /* kind NULL: the default */
    double dropconnect;
};

/* What batch normalisation takes its statistics from in training. */
enum BatchnormStatistics { STATISTICS_SHARD, STATISTICS_BATCH, STATISTICS_RUNNING };

/* The rows of its node, in this order. */
enum { BATCHNORM_SCALE, BATCHNORM_SHIFT, BATCHNORM_MEAN, BATCHNORM_VARIANCE };

struct BatchnormOptions {
    double momentum, epsilon;
    int statistics;
    bool fold;                            /* into the convolution before it, when predicting */
    struct Choice scale_init, shift_init; /* kind NULL: the default */
};

#endif
