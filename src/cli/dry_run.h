/* --dry-run of `trainer train`. */
#ifndef TRAINER_CLI_DRY_RUN_H
#define TRAINER_CLI_DRY_RUN_H

#include <stdbool.h>

#include "train/train.h"

/* Makes the dry run, and prints in one line, or as one JSON object, what it did and how long the
 * whole run would take. Collective. */
int dry_run(struct Ranks *ranks, const struct TrainRequest *request, bool json,
            struct Error *error);

#endif
