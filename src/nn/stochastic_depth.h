/* Options of the internal layer stochastic_depth, made by the container `residual`. Inside nn/
 * only. */
#ifndef TRAINER_NN_STOCHASTIC_DEPTH_H
#define TRAINER_NN_STOCHASTIC_DEPTH_H

#include <stdint.h>

/* Shared by all blocks of a model. */
struct DepthCount {
    int64_t blocks; /* under the linear rule */
};

struct StochasticDepthOptions {
    double drop;
    int64_t place;            /* 1 … blocks under the linear rule, else 0 */
    struct DepthCount *count; /* grows until the model is complete */
};

/* The probability that a sample skips the block: drop, or drop · place / blocks (Huang et al. 2016,
 * equation 4). */
static inline double stochastic_depth_rate(const struct StochasticDepthOptions *options) {
    if (!options->place)
        return options->drop;
    return options->drop * (double)options->place / (double)options->count->blocks;
}

#endif
