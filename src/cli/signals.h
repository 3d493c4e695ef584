/* The signals that ask the program to save or to stop. Their handlers only note what arrived; the
 * commands that heed signals look at it when they can act. A second request to stop ends the
 * process at once. */
#ifndef TRAINER_CLI_SIGNALS_H
#define TRAINER_CLI_SIGNALS_H

#include <stdbool.h>

#include "base/error.h"

/* Holds signals back from the first moment of the program, until a command heeds them or lets them
 * through. */
void signals_hold(void);
/* For commands that heed no signals: they end the process, as usual. */
void signals_let_through(void);
/* Begins to note signals, before MPI starts. From now on a closed pipe is an error of writing, not
 * the end of the process. */
void signals_heed(void);

/* The interrupts (train/outside.h) that have arrived and were not forgotten. */
unsigned signals_pending(void);
void signals_forget(unsigned interrupts);

/* Everything that was asked to stop has stopped, and the line that says so comes next, at the start
 * of a line of the terminal. A further request to stop ends the process without a word. */
void signals_stopped(void);

/* For evaluate/evaluate.h, as is_interrupted: has a request to stop arrived? */
bool signals_ask_to_stop(void *context);
/* Turns ERROR_STOPPED of an evaluation into the line of the signal that stopped it on this rank or
 * another; hands other codes on. */
int signals_explain(int code, struct Error *error);

/* Seconds that mpirun gives its processes between its own SIGTERM or SIGINT and SIGKILL; INFINITY
 * under any other launcher, or none. */
double signals_grace(void);

#endif
