/* A stream: the samples of a split that is read in blocks, in the order of block_order.h. A thread
 * of its own reads and decodes a window of each lane ahead of its use, unless HDF5 allows only one
 * thread. It uses neither MPI nor the log, and takes no signals. All memory is allocated when the
 * stream is made. Inside data/ only. */
#ifndef TRAINER_DATA_DATASET_STREAM_H
#define TRAINER_DATA_DATASET_STREAM_H

#include "data/dataset/block_order.h"

struct Stream;

/* `image_bytes`: of an image of the split. */
int stream__create(struct Stream **stream, const struct Split *split, size_t image_bytes,
                   const struct StreamCut *cut, struct Error *error);
void stream__release(struct Stream *stream); /* NULL is allowed. Ends the thread. */

/* A sample with its pixels. What is random about it is drawn by its draw, of which there may be
 * several in an epoch (data/order.h); of a stream there is one, the sample's number. */
struct Drawn {
    int64_t draw, sample;
    const void *pixels;
};
/* The samples at some positions of an epoch, which all lie in one window, may be drawn together:
 * those from `position` on, at most `count`. Waits for the window if need be. What was drawn before
 * in the same lane may be overwritten. */
int64_t stream__run(struct Stream *stream, int64_t epoch, int64_t position, int64_t count);
/* The sample at a position that stream__run has found. */
struct Drawn stream__draw(const struct Stream *stream, int64_t position);
/* One of the samples of the window that holds the position: number `share` · samples of it, for a
 * share in [0, 2^64) / 2^64. */
struct Drawn stream__partner(const struct Stream *stream, int64_t position, uint64_t share);

/* The failure of reading a window that was drawn from, whose pixels are zeros; or OK. */
int stream__failed(const struct Stream *stream, struct Error *error);

#endif
