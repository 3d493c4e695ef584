/* Which samples of a split the places of an epoch have, and where their pixels are: in memory, or
 * in a stream. For data/ only. Not collective. */
#ifndef TRAINER_DATA_DRAWING_H
#define TRAINER_DATA_DRAWING_H

#include "data/dataset/dataset.h"
#include "data/dataset/stream.h"
#include "data/stream_cut.h"

struct Drawing;

struct DrawingRequest {
    const struct Dataset *dataset;
    const struct Split *split;
    uint64_t seed;
    bool shuffle, balanced; /* as LoaderRequest has them */
    struct StreamCut cut;
};

struct Drawing *drawing__create(const struct DrawingRequest *request);
void drawing__release(struct Drawing *drawing); /* NULL is allowed */

/* Whether the samples are streamed. */
bool drawing__streams(const struct Drawing *drawing);

/* Moves to an epoch. The first call starts the thread that reads a stream ahead. Fails if that
 * cannot be made. */
int drawing__set_epoch(struct Drawing *drawing, int64_t epoch, struct Error *error);
/* Makes samples of the epoch available. Returns how many from `place` on, at most `count`, can be
 * drawn until the next call. */
int64_t drawing__run(struct Drawing *drawing, int64_t epoch, int64_t place, int64_t count);
struct Drawn drawing__draw(const struct Drawing *drawing, int64_t place);
/* One to mix with the sample at a place: `partner` of all of the split, or, in a stream, the one at
 * `share` (stream__partner) of the window of the place. */
struct Drawn drawing__partner(const struct Drawing *drawing, int64_t place, int64_t partner,
                              uint64_t share);
/* Asks for the pixels of the sample at a place, which come from anywhere in memory, while the one
 * before it is made. */
void drawing__prefetch(const struct Drawing *drawing, int64_t place);

/* Whether samples that were drawn could not be read. */
int drawing__failed(const struct Drawing *drawing, struct Error *error);

#endif
