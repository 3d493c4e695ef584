/* Options of run-file layers that containers also make nodes of. Inside nn/ only. */
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

/* What a batch normalisation takes its statistics from when training. */
enum BatchnormStatistics { STATISTICS_SHARD, STATISTICS_BATCH, STATISTICS_RUNNING };

/* Its rows of the arena, in this order. */
enum { BATCHNORM_SCALE, BATCHNORM_SHIFT, BATCHNORM_MEAN, BATCHNORM_VARIANCE };

struct BatchnormOptions {
    double momentum, epsilon;
    int statistics;
    bool fold;                            /* into the convolution in front, when predicting */
    struct Choice scale_init, shift_init; /* kind NULL: the default */
};

#endif
