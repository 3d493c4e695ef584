/* The processes of this job. Only this file uses MPI_COMM_WORLD. */
#ifndef TRAINER_CLI_WORLD_H
#define TRAINER_CLI_WORLD_H

#include "comm/ranks.h"

/* To be called first: sets the words of the command line, which must be the same on all ranks. */
void world_introduce(int count, char *const *words);
/* Those words; returns their number. */
int world_words(char *const **words);
/* For a process that ends without world_start, while other ranks may call it: fails if ranks on
 * this host have another command line. Not collective. */
int world_check_words(struct Error *error);

/* The seconds for which the ranks wait for one another to start: TRAINER_START_SECONDS, or 60. */
unsigned world_start_seconds(void);

/* *ranks gets all processes of the job. Starts MPI if a launcher started them (launch_own);
 * otherwise gives ranks_alone(). Before anything else is exchanged, refuses a launcher that gave
 * MPI another number of ranks, and ranks whose command line, program or libraries differ. Ends the
 * job if the other ranks do not start within world_start_seconds(). After a failure, which rank 0
 * has printed, MPI is stopped. Collective. */
int world_start(struct Ranks **ranks, struct Error *error);
void world_stop(struct Ranks *ranks); /* Collective. */

#endif
