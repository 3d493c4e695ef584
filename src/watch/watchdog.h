/* A watchdog without MPI: what its thread does. watch/watch.c makes it from the ranks. Inside
 * watch/ and its tests only. */
#ifndef TRAINER_WATCH_WATCHDOG_H
#define TRAINER_WATCH_WATCHDOG_H

#include <pthread.h>

#include "watch/channel.h"
#include "watch/observer.h"
#include "watch/slow.h"
#include "watch/watch.h"

/* The job, as every watchdog knows it. */
struct Job {
    int rank, ranks, nodes;
    int *node;   /* of each rank */
    char **host; /* the name of each rank's */
    int seats;   /* the ranks of this node */
    int *seated; /* the rank on each seat */
};
void job__release(struct Job *job);

/* When a node was heard of last. */
struct Heard {
    uint64_t reports;
    double at;
};

struct Watch {
    struct Job job;
    struct WatchActions actions;
    struct Sharing sharing;
    struct Channel *channel; /* NULL: one node, or each node is watched for itself */
    _Atomic int64_t limit;   /* ms */

    /* The thread's. */
    struct Observer observer;
    struct Heard *heard;  /* of each node */
    struct Sight *sights; /* of each rank */
    double *refused;    /* since when each rank's host refuses messages to it; −1: it does not */
    struct Pace *paces; /* of each rank that is seen, in order */
    struct Report *reports; /* of each seat */
    struct SlowRanks slow;
    double reported,
        found; /* when a report was sent; since when there is something to say, or −1 */

    int wake; /* an event: the thread is to end */
    pthread_t thread;
};

/* Takes over job, sharing (with a seat) and channel, and starts the thread. */
struct Watch *watchdog__start(struct Job job, struct Sharing sharing, struct Channel *channel,
                              const struct WatchActions *actions, double seconds);

#endif
