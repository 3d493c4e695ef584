/* Which rank computes much more slowly than the others. Inside watch/ only. */
#ifndef TRAINER_WATCH_SLOW_H
#define TRAINER_WATCH_SLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "watch/observer.h"

/* How far a rank has come: its step, and the ns that it has computed in steps. */
struct Pace {
    int64_t step;
    uint64_t busy;
};

struct SlowRanks {
    int ranks;
    double window;      /* seconds that are measured at a time; may be changed */
    double begun;       /* of the present window */
    double silence;     /* until when nothing more is said */
    int64_t stops;      /* as they were last observed */
    bool disturbed;     /* the present window says nothing */
    int pause;          /* windows of silence that follow the next finding */
    struct Pace *first; /* of each rank, when the window began */
    double *seconds;    /* of each rank, computing one step */
    double *sorted;
};

struct SlowRank {
    int rank;
    double times;           /* how many times the median */
    double seconds, median; /* a step */
};

void slow_ranks__create(struct SlowRanks *slow, int ranks, double window);
void slow_ranks__release(struct SlowRanks *slow);

/* Takes the paces of all ranks at this moment. True, with the slowest rank, if a window ends and it
 * took at least 3 times the median. A window lasts until every rank has made some steps; a median
 * of an even number of ranks is the lower of the two, so that two ranks can be compared. A rank
 * that was computing while the job was suspended seems to have computed all that time: a window
 * that `stops` of the clock (watch/observer.h) fall into is not judged, and neither is the rest of
 * such a step, because the window begins anew with a stop. */
bool slow_ranks__observe(struct SlowRanks *slow, const struct WatchClock *clock,
                         const struct Pace *paces, struct SlowRank *found);

#endif
