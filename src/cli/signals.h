/* The signals that ask the program to save or to stop. Their handler only records them; the
 * commands that heed signals check the record when they can act. A second request to stop ends the
 * process at once. */
#ifndef TRAINER_CLI_SIGNALS_H
#define TRAINER_CLI_SIGNALS_H

#include <stdbool.h>

#include "base/error.h"

/* Blocks the signals at the start of the program, until a command heeds them or lets them
 * through. */
void signals_hold(void);
/* For commands that heed no signals: unblocks them, so that they end the process as usual. */
void signals_let_through(void);
/* Begins to record signals; to be called before MPI starts. From now on a write to a closed pipe is
 * an error and does not end the process. */
void signals_heed(void);

/* The interrupts (train/outside.h) that have arrived and were not forgotten. */
unsigned signals_pending(void);
void signals_forget(unsigned interrupts);

/* To be called when the run has stopped, before the line that reports it is printed. Moves the
 * terminal to the start of a line. A further request to stop then ends the process without a
 * message. */
void signals_stopped(void);

/* Whether a request to stop has arrived; the is_interrupted of evaluate/evaluate.h. */
bool signals_ask_to_stop(void *context);
/* Replaces ERROR_STOPPED of an evaluation by an error that names the signal that stopped it on this
 * rank or another. Returns other codes unchanged. */
int signals_explain(int code, struct Error *error);

/* The seconds that mpirun leaves its processes between its own SIGTERM or SIGINT and SIGKILL;
 * INFINITY with any other launcher, or none. */
double signals_grace(void);

#endif
