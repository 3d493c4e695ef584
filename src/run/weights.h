/* The weights of classes that the loss of a run has (loss.class_weights), and the sampling that
 * needs classes. Not collective. */
#ifndef TRAINER_RUN_WEIGHTS_H
#define TRAINER_RUN_WEIGHTS_H

#include "checkpoint/checkpoint.h"
#include "data/class_weights.h"
#include "run/options.h"

struct WeightsRequest {
    const struct RunFile *file;
    const struct RunOptions *options;
    const struct Dataset *dataset;
    const struct Split *train;
    const struct Checkpoint *resumed; /* the run continues from it, with its weights; or NULL */
};

/* Finds the weights and gives them to the loss of the options, which then points at `weights`.
 * Refuses weights that do not fit the classes, and keys that the data make idle. */
int run__settle_weights(const struct WeightsRequest *request, struct ClassWeights *weights,
                        struct Error *error);

#endif
