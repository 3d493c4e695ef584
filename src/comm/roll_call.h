/* The first messages that the processes of a job exchange. For cli/world.c. */
#ifndef TRAINER_COMM_ROLL_CALL_H
#define TRAINER_COMM_ROLL_CALL_H

#include <mpi.h>

#include "base/text.h"
#include "comm/ranks.h"

/* Compares the ranks' facts (comm/facts.h) as ranks_same does, but takes for granted only that
 * every process has started MPI: the others may run another version of this program, or another
 * program, that sends none of the messages of this one. So it uses no collective call, and waits at
 * most `patience` seconds for an answer. The messages' format must stay as it is in every version.
 *
 * *answered is false if a rank got no answer in time: the error of this rank then names the one
 * that did not answer, other ranks may wait for ever, and the caller has to end the job. Otherwise
 * every rank gets the same code and text. */
int roll_call(MPI_Comm communicator, const struct Text *facts, double patience, bool *answered,
              struct Error *error);

#endif
