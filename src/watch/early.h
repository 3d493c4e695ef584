/* The watchdog of a host's ranks until MPI has started. It needs neither MPI nor any agreement of
 * the ranks. Each rank has a local socket, named after the job and the rank, and several times a
 * second it sends a sign of life to the first two ranks of its host, which watch the others. */
#ifndef TRAINER_WATCH_EARLY_H
#define TRAINER_WATCH_EARLY_H

#include "watch/watch.h"

struct EarlyRank {
    const char *job; /* the same text for all ranks of the job, and for no others */
    const char *host;
    int rank;
    int local_rank;  /* its number on its host, from 0 */
    int local_ranks; /* the number of ranks on its host; 0 if it is not known */
    /* Finds the rank and the process of a local rank that has sent nothing. False if there is no
     * such process. The watchdog's thread calls it with the context of the actions. */
    bool (*find)(void *context, int local_rank, int *rank, int *pid);
};

struct EarlyWatch;

/* Starts the watchdog. It ends the job if a rank of this host dies or is silent for `seconds`.
 * Returns NULL, without a message, if it cannot be started. Not collective. */
struct EarlyWatch *early_watch_start(const struct EarlyRank *own,
                                     const struct WatchActions *actions, double seconds);

/* Tells the other ranks that this process ends on purpose and has printed any reason. May be called
 * in a signal handler. NULL is allowed. */
void early_watch_leave(struct EarlyWatch *early);

/* Calls early_watch_leave and ends the thread. NULL is allowed. Not collective. */
void early_watch_stop(struct EarlyWatch *early);

#endif
