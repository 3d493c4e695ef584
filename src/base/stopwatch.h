/* A stopwatch measures how a thread divides its time among kinds of work. The caller numbers the
 * kinds from 0, and calls stopwatch_lap at the end of each piece of work. The lap begins where the
 * one before ended, so that all laps together are the time that passed. NULL stands for no
 * stopwatch: a lap then costs one comparison. */
#ifndef TRAINER_BASE_STOPWATCH_H
#define TRAINER_BASE_STOPWATCH_H

#include <stdint.h>

struct Lap {
    double begin, end; /* clock_seconds */
    int64_t step;      /* stopwatch->step at its end */
    int64_t work;
};

struct Stopwatch {
    int works;
    double *seconds; /* of each kind of work */
    int64_t *counts; /* of its laps */
    double now;      /* the end of the latest lap */
    int64_t step;    /* set by the caller */
    int64_t laps;    /* all of them */
    int64_t kept;
    struct Lap *first, *latest; /* `kept` each; from number `kept` on, lap n is latest[n % kept] */
};

/* Keeps the first `kept` laps and the latest `kept` of the others as well as the sums; with 0 only
 * the sums. Release with stopwatch_release, to which NULL may be passed. */
struct Stopwatch *stopwatch_create(int works, int64_t kept);
void stopwatch_release(struct Stopwatch *stopwatch);

/* The next lap begins now. */
void stopwatch_start(struct Stopwatch *stopwatch);
/* Forgets the sums of the first `works` kinds of work. */
void stopwatch_clear(struct Stopwatch *stopwatch, int works);
/* Copies the laps that were kept, in order, to `laps` (room for 2 * kept); returns their number. */
int64_t stopwatch_laps(const struct Stopwatch *stopwatch, struct Lap *laps);

void stopwatch_record(struct Stopwatch *stopwatch, int work); /* what stopwatch_lap calls */

/* Ends a piece of work of kind `work`. */
static inline void stopwatch_lap(struct Stopwatch *stopwatch, int work) {
    if (__builtin_expect(stopwatch != 0, 0))
        stopwatch_record(stopwatch, work);
}

#endif
