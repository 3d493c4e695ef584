/* What one process sees of the ranks of its node over time. Internal to watch/; one thread at a
 * time may use an observer. */
#ifndef TRAINER_WATCH_OBSERVER_H
#define TRAINER_WATCH_OBSERVER_H

#include "watch/segment.h"
#include "watch/sight.h"

/* Counts the seconds in which this process was able to watch. While the process itself is stopped
 * (the whole job is suspended, the computer sleeps, a debugger holds all ranks) this clock stops,
 * too, so that no other rank seems to have been silent. */
struct WatchClock {
    double last; /* the monotonic clock at the last tick; 0: not started */
    double seconds;
    int64_t stops; /* how often it has stood still */
};
void watch__clock_tick(struct WatchClock *clock, double monotonic_seconds);

struct Seen {
    uint64_t word, ticks;
    double moved, alive; /* when the word changed last; when anything changed last */
    double vacant;       /* since when its process has been gone; below 0: it is there */
    bool rested;         /* it has been silent since its last progress, so it was not at work */
};

struct Observer {
    const struct Sharing *sharing;
    struct WatchClock clock;
    struct Seen *seen; /* of each seat */
    double longest[BEAT_PHASES];
};

void observer__create(struct Observer *observer, const struct Sharing *sharing);
void observer__release(struct Observer *observer);

/* Looks at all seats at the time `monotonic_seconds` of the monotonic clock. */
void observer__look(struct Observer *observer, double monotonic_seconds);

/* Fills *sight with what is seen of a seat, except node and unheard, which the caller fills. */
void observer__sight(const struct Observer *observer, int seat, struct Sight *sight);

/* Whether this process reports for its node: it does if all ranks before it on the node are gone or
 * silent. */
bool observer__leads(const struct Observer *observer);

/* The state of a process as in /proc/PID/stat: T, t, D, ...; 0 if it cannot be read. */
char observer__process_state(int pid);

#endif
