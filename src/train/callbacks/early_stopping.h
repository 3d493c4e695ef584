/* What a checkpoint holds of early stopping. */
#ifndef TRAINER_TRAIN_CALLBACKS_EARLY_STOPPING_H
#define TRAINER_TRAIN_CALLBACKS_EARLY_STOPPING_H

#include "checkpoint/checkpoint.h"
#include "optim/patience.h"

int early_stopping_read(struct Patience *patience, const struct Checkpoint *checkpoint,
                        struct Error *error);

#endif
