/* Samples that a thread makes before they are asked for. For data/ only. Not collective. */
#ifndef TRAINER_DATA_AHEAD_H
#define TRAINER_DATA_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct Ahead;

/* Samples at positions [first, first + count) of an epoch's order. */
struct SampleRange {
    int64_t epoch, first, count;
    bool weighted; /* with their weights */
};

/* Where samples are, or go. */
struct MadeSamples {
    float *images;  /* (count, elements) */
    float *targets; /* (count, outputs) */
    float *weights; /* (count); NULL: not wanted */
};

struct AheadRequest {
    int64_t most;              /* samples of a range */
    int64_t elements, outputs; /* of one sample */
    /* Makes samples, in the thread. If some cannot be read, fails and makes zeros of them. */
    int (*make)(void *context, const struct SampleRange *range, const struct MadeSamples *made,
                struct Error *error);
    void *context;
};

/* NULL if there can be no thread. */
struct Ahead *ahead__create(const struct AheadRequest *request);
void ahead__release(struct Ahead *ahead); /* NULL is allowed */

/* Begins to make a range, in place of the one before it. Allocates nothing. */
void ahead__begin(struct Ahead *ahead, const struct SampleRange *range);
/* Waits until the thread has nothing to do, so that others may use what it uses. */
void ahead__wait(struct Ahead *ahead);
/* Copies a part of the range that was begun last, or all of it, and sets *error, whose code is OK
 * if all could be read. False if it has no such part. */
bool ahead__take(struct Ahead *ahead, const struct SampleRange *range,
                 const struct MadeSamples *out, struct Error *error);

#endif
