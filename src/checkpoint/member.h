/* Checkpoints inside the file of an ensemble (ensemble.h). Internal to checkpoint/. */
#ifndef TRAINER_CHECKPOINT_MEMBER_H
#define TRAINER_CHECKPOINT_MEMBER_H

#include "checkpoint/checkpoint.h"

/* Opens "FILE:/members/NUMBER" as a file in memory, which the caller closes; NULL after a
 * failure. */
int checkpoint__open_member(struct H5File **member, const char *path, bool *sealed,
                            struct Error *error);

#endif
