/* A dry run: everything that a run does up to and with two steps and a validation, and nothing of
 * it stays. */
#ifndef TRAINER_TRAIN_DRY_RUN_H
#define TRAINER_TRAIN_DRY_RUN_H

#include "train/train.h"

struct DryRun {
    int ranks;
    int64_t steps;             /* that were made: 2, or as many as the run has left */
    int64_t first_step;        /* those that the run had done before; 0 if it is new */
    int64_t total_steps;       /* of the whole run */
    int64_t validations;       /* that the run would still make, as far as it is known */
    int64_t validated_samples; /* 0: the run has no validation */
    double step_seconds;       /* the fastest of the steps, on the slowest rank */
    double validation_seconds;
    double seconds;           /* that all of the run's steps and validations would take; no saves */
    int64_t memory;           /* bytes: the most that a rank had resident */
    int64_t granted;          /* bytes that the processes of rank 0's computer may use */
    int64_t checkpoint_bytes; /* of one file, about */
    struct Figures train, validation;
};

/* Makes the run of `request` as train() does, in its folder: the folder has to be fit for it, is
 * locked meanwhile, and is as before afterwards, or gone again. With request->resume it goes on
 * from the newest checkpoint. Fails as train() fails; a step that is not finite is a failure
 * whatever train.on_nan says. Collective. */
int train_dry_run(struct Ranks *ranks, const struct TrainRequest *request, struct DryRun *dry,
                  struct Error *error);

#endif
