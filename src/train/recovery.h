/* What a run does about numbers that are not finite (train.on_nan): it stops, skips the step, or
 * goes back to a checkpoint. The bits that follow are the same on any number of ranks, and if the
 * run is stopped and resumed in between. */
#ifndef TRAINER_TRAIN_RECOVERY_H
#define TRAINER_TRAIN_RECOVERY_H

#include <stdint.h>

#include "base/saved.h"

/* What is saved of it. */
struct Recovery {
    int64_t skipped;          /* steps so far */
    int64_t skipped_in_a_row; /* up to the present one */
    int64_t rolled_back;      /* times */
    double rate_factor;       /* of the learning rate */
    int64_t checkpoint;       /* the step of the newest one that was planned */
};
extern const struct SavedTable recovery_saved;

#endif
