/* What this process knows of the outside, for runs (train/outside.h). */
#ifndef TRAINER_CLI_OUTSIDE_H
#define TRAINER_CLI_OUTSIDE_H

#include "comm/ranks.h"
#include "train/outside.h"

/* Called at the beginning: the time that has passed since the program was started is short. Rank 0
 * of `ranks` looks at the clock for all of them. */
struct Outside outside_now(const struct Ranks *ranks);

#endif
