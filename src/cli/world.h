/* The processes of this job: the one place that knows MPI_COMM_WORLD. */
#ifndef TRAINER_CLI_WORLD_H
#define TRAINER_CLI_WORLD_H

#include "comm/ranks.h"

#define WORLD_LIBRARY_LENGTH 128

/* This process's rank as the launcher's environment tells it, before MPI is up; 0 without one. */
int world_launch_rank(void);
/* True when a launcher started several processes that MPI would join, or one that it would know. */
bool world_launched(void);

/* All processes of the job; starts MPI only where world_launched(), else gives ranks_alone().
 * Collective. */
int world_start(struct Ranks **ranks, struct Error *error);
void world_stop(struct Ranks *ranks); /* Collective. */

/* "Open MPI v4.1.4", without starting MPI; into `buffer`, which is returned. */
const char *world_library(char buffer[WORLD_LIBRARY_LENGTH]);

#endif
