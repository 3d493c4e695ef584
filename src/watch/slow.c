#include "watch/slow.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sort.h"

#define TIMES 3
#define LEAST_SECONDS 0.02 /* what a rank takes longer a step; less is the system's own unrest */
#define LEAST_STEPS 10     /* in a window, which lasts until all ranks have made so many, */
#define MOST_WINDOWS 50    /* but not longer than so many windows */
/* The difference has to be at least this share of the total time of a step. */
#define LEAST_SHARE 0.2
/* The number of windows without a report after a finding. It doubles with each finding. */
#define FIRST_PAUSE 20
#define MOST_PAUSE 640

void slow_ranks__create(struct SlowRanks *slow, int ranks, double window) {
    *slow = (struct SlowRanks){.ranks = ranks, .window = window, .begun = -1, .pause = FIRST_PAUSE};
    slow->first = memory_array(struct Pace, ranks, "the watchdog");
    slow->seconds = memory_array(double, ranks, "the watchdog");
    slow->sorted = memory_array(double, ranks, "the watchdog");
}

void slow_ranks__release(struct SlowRanks *slow) {
    memory_release(slow->first);
    memory_release(slow->seconds);
    memory_release(slow->sorted);
    *slow = (struct SlowRanks){0};
}

static void begin(struct SlowRanks *slow, double now, const struct Pace *paces) {
    slow->begun = now;
    memcpy(slow->first, paces, (size_t)slow->ranks * sizeof *paces);
}

/* Fills the seconds that each rank computed for a step. Returns the least number of steps that a
 * rank made, or 0 if there is nothing to compare. */
static int64_t measure(struct SlowRanks *slow, const struct Pace *paces) {
    int64_t least = INT64_MAX;
    for (int rank = 0; rank < slow->ranks; rank++) {
        int64_t steps = paces[rank].step - slow->first[rank].step;
        if (steps < LEAST_STEPS || paces[rank].busy < slow->first[rank].busy)
            return 0;
        least = steps < least ? steps : least;
        slow->seconds[rank] =
            (double)(paces[rank].busy - slow->first[rank].busy) * 1e-9 / (double)steps;
    }
    return least;
}

/* The slowest rank, compared with the median. */
static struct SlowRank slowest(struct SlowRanks *slow) {
    struct SlowRank found = {.rank = 0};
    memcpy(slow->sorted, slow->seconds, (size_t)slow->ranks * sizeof *slow->sorted);
    qsort(slow->sorted, (size_t)slow->ranks, sizeof *slow->sorted, sort_doubles);
    for (int rank = 1; rank < slow->ranks; rank++)
        if (slow->seconds[rank] > slow->seconds[found.rank])
            found.rank = rank;
    found.seconds = slow->seconds[found.rank];
    found.median = slow->sorted[(slow->ranks - 1) / 2];
    found.times = found.median > 0 ? found.seconds / found.median : 0;
    return found;
}

bool slow_ranks__observe(struct SlowRanks *slow, const struct WatchClock *clock,
                         const struct Pace *paces, struct SlowRank *found) {
    double now = clock->seconds;
    if (clock->stops != slow->stops) {
        slow->stops = clock->stops;
        slow->disturbed = true;
        slow->begun = -1;
    }
    if (slow->begun < 0)
        begin(slow, now, paces);
    double passed = now - slow->begun;
    int64_t steps = passed >= slow->window && slow->ranks > 1 ? measure(slow, paces) : 0;
    if (!steps && passed < MOST_WINDOWS * slow->window)
        return false;
    begin(slow, now, paces);
    bool disturbed = slow->disturbed;
    slow->disturbed = false;
    if (!steps || disturbed || now < slow->silence)
        return false;
    *found = slowest(slow);
    double share = (found->seconds - found->median) * (double)steps / passed;
    if (found->times < TIMES || share < LEAST_SHARE ||
        found->seconds - found->median < LEAST_SECONDS)
        return false;
    slow->silence = now + slow->pause * slow->window;
    slow->pause = 2 * slow->pause < MOST_PAUSE ? 2 * slow->pause : MOST_PAUSE;
    return true;
}
