/* The watchdog of this process (watch/watch.h), for commands that run on all ranks: what it prints,
 * and how it ends the job. */
#ifndef TRAINER_CLI_WATCHING_H
#define TRAINER_CLI_WATCHING_H

#include <stdbool.h>

#include "watch/early.h"
#include "watch/watch.h"

/* Before MPI starts, if a launcher started the ranks: watches the ranks of this host, which give up
 * after `seconds`. Not collective. */
void watching_start_early(bool resumes, double seconds);
/* This process ends, and has said why: nobody calls it dead. For signal handlers, too. */
void watching_leave(void);

/* Begins to watch if a launcher started the ranks. `resumes`: the command can continue what it
 * began. Collective. */
void watching_start(struct Ranks *ranks, bool resumes);
/* NULL: nothing is watched, or not yet. */
struct Watch *watching_watch(void);
/* After the ranks were released. */
void watching_stop(void);

#endif
