/* A few steps of a run, to see how long they take: nothing is written, and the run does not go on
 * from them. */
#ifndef TRAINER_TRAIN_TRIAL_H
#define TRAINER_TRAIN_TRIAL_H

#include "train/train.h"

struct Trial {
    int steps; /* measured */
    int64_t batch, shards, threads;
    int64_t parameters, gradient_bytes; /* what a step exchanges, tallies included */
    int64_t checkpoint_bytes;
    char exchange[16];       /* the algorithm */
    double step_seconds;     /* the median, of the slowest rank */
    double exchange_seconds; /* of the exchange alone, after the last shard */
    double exposed_seconds;  /* of a step in which the rank that waits least waits for it */
};

/* Makes the run of `request` from its beginning, as train() does, whatever is in its folder, and
 * takes a few of its steps. Fails as train() fails. Collective. */
int train_trial(struct Ranks *ranks, const struct TrainRequest *request, struct Trial *trial,
                struct Error *error);

#endif
