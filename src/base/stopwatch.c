#include "base/stopwatch.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

struct Stopwatch *stopwatch_create(int works, int64_t kept) {
    struct Stopwatch *stopwatch = memory_array(struct Stopwatch, 1, "a stopwatch");
    *stopwatch = (struct Stopwatch){.works = works,
                                    .seconds = memory_array(double, works, "a stopwatch"),
                                    .counts = memory_array(int64_t, works, "a stopwatch"),
                                    .kept = kept,
                                    .first = memory_array(struct Lap, kept, "laps"),
                                    .latest = memory_array(struct Lap, kept, "laps")};
    stopwatch_start(stopwatch);
    return stopwatch;
}

void stopwatch_release(struct Stopwatch *stopwatch) {
    if (!stopwatch)
        return;
    memory_release(stopwatch->seconds);
    memory_release(stopwatch->counts);
    memory_release(stopwatch->first);
    memory_release(stopwatch->latest);
    memory_release(stopwatch);
}

void stopwatch_start(struct Stopwatch *stopwatch) {
    stopwatch->now = clock_seconds();
}

void stopwatch_clear(struct Stopwatch *stopwatch, int works) {
    memset(stopwatch->seconds, 0, (size_t)works * sizeof *stopwatch->seconds);
    memset(stopwatch->counts, 0, (size_t)works * sizeof *stopwatch->counts);
}

void stopwatch_record(struct Stopwatch *stopwatch, int work) {
    double end = clock_seconds();
    int64_t number = stopwatch->laps++, kept = stopwatch->kept;
    stopwatch->seconds[work] += end - stopwatch->now;
    stopwatch->counts[work]++;
    if (kept) {
        struct Lap *lap =
            number < kept ? &stopwatch->first[number] : &stopwatch->latest[number % kept];
        *lap = (struct Lap){stopwatch->now, end, stopwatch->step, work};
    }
    stopwatch->now = end;
}

int64_t stopwatch_laps(const struct Stopwatch *stopwatch, struct Lap *laps) {
    int64_t kept = stopwatch->kept, total = stopwatch->laps, count = 0;
    for (int64_t i = 0; i < total && i < kept; i++)
        laps[count++] = stopwatch->first[i];
    for (int64_t i = total - kept > kept ? total - kept : kept; kept && i < total; i++)
        laps[count++] = stopwatch->latest[i % kept];
    return count;
}
