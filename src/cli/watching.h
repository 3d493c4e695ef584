/* The watchdog of this process (watch/watch.h) for commands that run on all ranks: its output, and
 * how it ends the job. */
#ifndef TRAINER_CLI_WATCHING_H
#define TRAINER_CLI_WATCHING_H

#include <stdbool.h>

#include "watch/early.h"
#include "watch/watch.h"

/* To be called before MPI starts: if a launcher started the ranks, watches those of this host,
 * which wait for the start of MPI up to `seconds`. Not collective. */
void watching_start_early(bool resumes, double seconds);
/* Announces that this process ends and has printed the reason, so that no watchdog reports it as
 * dead. May be called in a signal handler. */
void watching_leave(void);

/* Starts the watchdog if a launcher started the ranks. `resumes` tells whether the command has
 * --resume. Collective. */
void watching_start(struct Ranks *ranks, bool resumes);
/* The watchdog; NULL if there is none, or not yet. */
struct Watch *watching_watch(void);
/* To be called after the ranks are released. */
void watching_stop(void);

#endif
