/* What one process sees of the ranks of its node over time. Inside watch/ only; not for several
 * threads at a time. */
#ifndef TRAINER_WATCH_OBSERVER_H
#define TRAINER_WATCH_OBSERVER_H

#include "watch/segment.h"
#include "watch/sight.h"

/* Seconds in which this process was able to watch. While it is stopped itself (the whole job is
 * suspended, the computer sleeps, a debugger holds all ranks) the clock stands still, too, so that
 * nobody seems to have been silent. */
struct WatchClock {
    double last; /* of the clock that always runs; 0: not started */
    double seconds;
    int64_t stops; /* how often it has stood still */
};
void watch__clock_tick(struct WatchClock *clock, double monotonic_seconds);

struct Seen {
    uint64_t word, ticks;
    double moved, alive; /* when the word changed last; when anything did */
    double vacant;       /* since when its process is gone; below 0: it is not */
    bool rested;         /* it was silent since it moved last, so that it was not at work */
};

struct Observer {
    const struct Sharing *sharing;
    struct WatchClock clock;
    struct Seen *seen; /* of each seat */
    double longest[BEAT_PHASES];
};

void observer__create(struct Observer *observer, const struct Sharing *sharing);
void observer__release(struct Observer *observer);

/* Looks at all seats, at this moment of the clock that always runs. */
void observer__look(struct Observer *observer, double monotonic_seconds);

/* Fills what is seen of a seat; the caller fills node and unheard. */
void observer__sight(const struct Observer *observer, int seat, struct Sight *sight);

/* Whether this process speaks for its node: the ranks before it on the node are gone or silent. */
bool observer__leads(const struct Observer *observer);

/* T, t, D, ... as in /proc/PID/stat; 0 if it cannot be read. */
char observer__process_state(int pid);

#endif
