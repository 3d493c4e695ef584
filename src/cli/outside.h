/* The environment of this process, as runs need it (train/outside.h). */
#ifndef TRAINER_CLI_OUTSIDE_H
#define TRAINER_CLI_OUTSIDE_H

#include "comm/ranks.h"
#include "train/outside.h"

/* To be called soon after the start of the program. Rank 0 of `ranks` reads the clock for all. */
struct Outside outside_now(const struct Ranks *ranks);

#endif
