/* The processes that the launcher started beside this one, on this host, without MPI: for commands
 * that do not start MPI, while ranks with another command may wait in MPI_Init for ever. */
#ifndef TRAINER_CLI_SIBLINGS_H
#define TRAINER_CLI_SIBLINGS_H

#include "base/error.h"
#include "cli/launch.h"

/* Finds the process that mpirun started beside this one as local rank `local_rank`, and its rank.
 * False: there is none. */
bool siblings_find(int local_rank, int *rank, int *pid);

/* Fails with ERROR_USAGE if the launcher itself started this process, and beside it this program
 * with another command line. A script that runs several programs is left alone. */
int siblings_check(const struct Launch *launch, int count, char *const *words, struct Error *error);

#endif
