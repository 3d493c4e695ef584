/* The processes of this job: the one place that knows MPI_COMM_WORLD. */
#ifndef TRAINER_CLI_WORLD_H
#define TRAINER_CLI_WORLD_H

#include "comm/ranks.h"

/* For the whole process, first of all: the words of the command line, which all ranks have to
 * share. */
void world_introduce(int count, char *const *words);
/* Those words, and how many they are. */
int world_words(char *const **words);
/* For a process that ends without world_start, which other ranks may call: fails if ranks on this
 * host have another command line. Not collective. */
int world_check_words(struct Error *error);

/* How long the ranks wait for one another to start: TRAINER_START_SECONDS, or a minute. */
unsigned world_start_seconds(void);

/* All processes of the job. Starts MPI if a launcher started them (launch_own), and gives
 * ranks_alone() otherwise. Refuses, before anything else is exchanged: a launcher from which MPI
 * learns another number of ranks; ranks that do not have the same command line, program and
 * libraries. Ends the job if the other ranks do not start within a time. After a failure, which
 * rank 0 has printed, MPI is stopped. Collective. */
int world_start(struct Ranks **ranks, struct Error *error);
void world_stop(struct Ranks *ranks); /* Collective. */

#endif
