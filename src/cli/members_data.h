/* Opening of what members predict: a split of a data set, arrays of an HDF5 file, or other
 * files. */
#ifndef TRAINER_CLI_MEMBERS_DATA_H
#define TRAINER_CLI_MEMBERS_DATA_H

#include "cli/members.h"

/* Sets members->dataset and members->split by the flags and by the operands that are sources. Not
 * collective. */
int members_open_data(struct Members *members, const struct Arguments *arguments,
                      const struct Ranks *ranks, struct Error *error);

#endif
