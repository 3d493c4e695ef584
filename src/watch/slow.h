/* Finds a rank that computes much more slowly than the others. Internal to watch/. */
#ifndef TRAINER_WATCH_SLOW_H
#define TRAINER_WATCH_SLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "watch/observer.h"

/* The progress of a rank: its step, and the nanoseconds that it has spent computing in steps. */
struct Pace {
    int64_t step;
    uint64_t busy;
};

struct SlowRanks {
    int ranks;
    double window;      /* the length of a window in seconds; callers may change it */
    double begun;       /* when the present window began */
    double silence;     /* until when nothing more is reported */
    int64_t stops;      /* the clock's stops at the last observation */
    bool disturbed;     /* the present window is not judged */
    int pause;          /* the number of windows without a report after the next finding */
    struct Pace *first; /* the pace of each rank when the window began */
    double *seconds;    /* that each rank computed for one step */
    double *sorted;
};

struct SlowRank {
    int rank;
    double times;           /* `seconds` as a multiple of `median` */
    double seconds, median; /* for one step */
};

void slow_ranks__create(struct SlowRanks *slow, int ranks, double window);
void slow_ranks__release(struct SlowRanks *slow);

/* Takes the present paces of all ranks. Returns true, with the slowest rank in *found, if a window
 * has ended in which that rank took at least 3 times the median. A window lasts until every rank
 * has made some steps. For an even number of ranks the median is the lower of the middle two, so
 * that two ranks can be compared. A rank that was computing when the job was suspended seems to
 * have computed all that time, so a window in which the clock (watch/observer.h) stopped is not
 * judged. A new window begins after the stop; it is not judged either if the interrupted step falls
 * into it. */
bool slow_ranks__observe(struct SlowRanks *slow, const struct WatchClock *clock,
                         const struct Pace *paces, struct SlowRank *found);

#endif
