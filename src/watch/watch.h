/* The watchdog: a thread in each process that notices when a rank of the job dies, hangs or cannot
 * be reached, says which, and ends the job; and that names a rank that is much slower than the
 * others. It works while MPI is stuck, because it makes no call of MPI once it runs: ranks of one
 * node share memory, and nodes send one another UDP messages.
 *
 * What it knows of a rank is the rank's beat (comm/beat.h). A rank that waits for others is never
 * to blame, as long as another one does not. Seconds in which a process was stopped itself do not
 * count, so that a job that is suspended as a whole goes on afterwards. */
#ifndef TRAINER_WATCH_WATCH_H
#define TRAINER_WATCH_WATCH_H

#include "comm/ranks.h"

/* How the watchdog acts on the process and its surroundings. All are called from its thread. */
struct WatchActions {
    void *context;
    /* A line for people, once in the job: why the job ends; or, with `ends` false, a remark. */
    void (*say)(void *context, bool ends, const char *words);
    /* Ends this process; does not return. `stuck`: the other processes of this node, to be ended by
     * force if they are left; NULL if another process sees to that. */
    void (*end)(void *context, const int *stuck, int count);
    /* Whether what started the ranks is still there. If not, the job ends, because nobody else
     * would end it. May be NULL. */
    bool (*launcher_lives)(void *context);
};

struct Watch;

/* Begins to watch, with a limit of `seconds` (watch_set_limit), and puts the beat of `ranks` where
 * the others see it. If nodes cannot send messages to one another, each node is watched for itself,
 * and rank 0 logs a warning. *watch is NULL, with a warning, if the ranks of a node cannot share
 * memory. `ranks` must be released before watch_stop. Collective. */
void watch_start(struct Watch **watch, struct Ranks *ranks, const struct WatchActions *actions,
                 double seconds);

/* The job ends within so many seconds after a rank stopped moving; in phases that may take long
 * (the table is in watch/judge.c) it is a multiple. 0: only ranks that die are noticed. NULL is
 * allowed. Not collective. */
void watch_set_limit(struct Watch *watch, double seconds);

/* This process ends, and has said why if there is a reason: the others do not call it dead. For
 * signal handlers, too. NULL is allowed. */
void watch_leave(struct Watch *watch);

/* Whether this process is the first of its node to say why the job ends: the others, and the
 * watchdogs, then say nothing. For signal handlers, too. NULL is allowed: true. */
bool watch_may_speak(struct Watch *watch);

/* Leaves, and ends the thread. The beat is gone afterwards. NULL is allowed. */
void watch_stop(struct Watch *watch);

#endif
