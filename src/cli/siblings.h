/* Finds, without MPI, the processes of this host that the same launcher started. A command that
 * does not start MPI needs it, because ranks with another command line may wait in MPI_Init for
 * ever. */
#ifndef TRAINER_CLI_SIBLINGS_H
#define TRAINER_CLI_SIBLINGS_H

#include "base/error.h"
#include "cli/launch.h"

/* Finds the process that mpirun started on this host as local rank `local_rank`, and its rank.
 * False if there is none. */
bool siblings_find(int local_rank, int *rank, int *pid);

/* ERROR_USAGE if the launcher itself started this process and, on the same host, this program with
 * another command line. Does not check processes that a script started. */
int siblings_check(const struct Launch *launch, int count, char *const *words, struct Error *error);

#endif
