/* The thread of a watchdog, which knows nothing of MPI; watch/watch.c prepares it. Internal to
 * watch/ and its tests. */
#ifndef TRAINER_WATCH_WATCHDOG_H
#define TRAINER_WATCH_WATCHDOG_H

#include <pthread.h>

#include "watch/channel.h"
#include "watch/observer.h"
#include "watch/slow.h"
#include "watch/watch.h"

/* The layout of the job, which every watchdog knows. */
struct Job {
    int rank, ranks, nodes;
    int *node;   /* of each rank */
    char **host; /* the name of each rank's host */
    int seats;   /* the number of ranks on this node */
    int *seated; /* the rank on each seat */
};
void job__release(struct Job *job);

/* The reports received from a node, and when the latest arrived. */
struct Heard {
    uint64_t reports;
    double at;
};

struct Watch {
    struct Job job;
    struct WatchActions actions;
    struct Sharing sharing;
    struct Channel *channel; /* NULL: there is one node, or each node is watched separately */
    _Atomic int64_t limit;   /* ms */

    /* Only the thread uses these. */
    struct Observer observer;
    struct Heard *heard;  /* of each node */
    struct Sight *sights; /* of each rank */
    double *refused; /* since when each rank's host has refused messages to it; −1: it does not */
    struct Pace *paces;     /* of each rank that is seen, in order */
    struct Report *reports; /* on each seat */
    struct SlowRanks slow;
    double reported; /* when the last report was sent */
    double found;    /* since when there has been a finding; −1: there is none */

    int wake; /* an eventfd that tells the thread to end */
    pthread_t thread;
};

/* Takes ownership of `job`, `sharing` (whose seat is taken) and `channel`, and starts the
 * thread. */
struct Watch *watchdog__start(struct Job job, struct Sharing sharing, struct Channel *channel,
                              const struct WatchActions *actions, double seconds);

#endif
