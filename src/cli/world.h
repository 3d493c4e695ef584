/* The processes of this job: the one place that knows MPI_COMM_WORLD. */
#ifndef TRAINER_CLI_WORLD_H
#define TRAINER_CLI_WORLD_H

#include "comm/ranks.h"

#define WORLD_LIBRARY_LENGTH 128

/* This process's rank according to the launcher's environment, before MPI starts; 0 without a
 * launcher. */
int world_launch_rank(void);
/* Whether a launcher that MPI knows started this process. */
bool world_launched(void);

/* All processes of the job. Starts MPI if world_launched(), and gives ranks_alone() otherwise.
 * ERROR_SYSTEM if MPI cannot be used. Collective. */
int world_start(struct Ranks **ranks, struct Error *error);
void world_stop(struct Ranks *ranks); /* Collective. */

/* Writes the name of the MPI library, "Open MPI v4.1.4", to `buffer`, which is returned. MPI need
 * not be started. */
const char *world_library(char buffer[WORLD_LIBRARY_LENGTH]);

#endif
