/* The options and keys of LARS and LAMB, which scale the step of a row by a trust ratio: a ratio of
 * norms over the row. */
#ifndef TRAINER_OPTIM_TRUST_RATIO_H
#define TRAINER_OPTIM_TRUST_RATIO_H

#include "optim/optimizer.h"

/* The options of both begin with this. */
struct TrustRatioOptions {
    struct OptimizerCommon common;
    int adapt; /* enum: "weights", "all" */
};

#define TRUST_RATIO_KEYS(value, meaning)                                                           \
    OPTIMIZER_COMMON_KEYS_DECAY(struct TrustRatioOptions, value, meaning), {                       \
        .name = "adapt", .type = KEY_ENUM, .offset = offsetof(struct TrustRatioOptions, adapt),    \
        .fallback = "weights", .names = optimizer_row_names,                                       \
        .help = "whose step is scaled by the trust ratio: weights (biases and normalisations "     \
                "take the plain step, ratio 1) or all"                                             \
    }

#endif
