/* The watchdog of a host's ranks until MPI has started: it needs neither MPI nor anything that the
 * ranks agreed on. Each rank has a local socket, named after job and rank, and several times a
 * second it sends a sign of life to the first two ranks of its host, which watch the others. */
#ifndef TRAINER_WATCH_EARLY_H
#define TRAINER_WATCH_EARLY_H

#include "watch/watch.h"

struct EarlyRank {
    const char *job; /* the same text for all ranks of the job, and for no others */
    const char *host;
    int rank;
    int local_rank;  /* its number on its host, from 0 */
    int local_ranks; /* of its host; 0: not known */
    /* Finds rank and process of a local rank that has not been heard of. False: it is not there.
     * Called from the watchdog's thread, with the context of the actions. */
    bool (*find)(void *context, int local_rank, int *rank, int *pid);
};

struct EarlyWatch;

/* A rank of this host that is silent for `seconds`, from the beginning or later, ends the job, and
 * so does one that dies. NULL if it cannot be made; nothing is said then. Not collective. */
struct EarlyWatch *early_watch_start(const struct EarlyRank *own,
                                     const struct WatchActions *actions, double seconds);

/* This process ends, and has said why if there is a reason. For signal handlers, too. NULL is
 * allowed. */
void early_watch_leave(struct EarlyWatch *early);

/* Leaves, and ends the thread. NULL is allowed. Not collective. */
void early_watch_stop(struct EarlyWatch *early);

#endif
