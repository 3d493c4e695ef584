/* The file of an ensemble (ensemble.h) and the checkpoints in it. Internal to checkpoint/. */
#ifndef TRAINER_CHECKPOINT_MEMBER_H
#define TRAINER_CHECKPOINT_MEMBER_H

#include <stdbool.h>

#include "base/error.h"

struct H5File;

/* Opens the file of an ensemble, and checks its format and its seal; NULL after a failure. */
int checkpoint__open_ensemble(struct H5File **file, const char *path, struct Error *error);

/* Opens "FILE:/members/NUMBER" as a file in memory, which the caller closes; NULL after a
 * failure. */
int checkpoint__open_member(struct H5File **member, const char *path, bool *sealed,
                            struct Error *error);

#endif
