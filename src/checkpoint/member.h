/* Checkpoints inside the file of an ensemble (ensemble.h). Inside checkpoint/ only. */
#ifndef TRAINER_CHECKPOINT_MEMBER_H
#define TRAINER_CHECKPOINT_MEMBER_H

#include "checkpoint/checkpoint.h"

/* Opens "FILE:/members/NUMBER" as a file of its own in memory. */
int checkpoint__open_member(struct H5File **member, const char *path, bool *sealed,
                            struct Error *error);

#endif
