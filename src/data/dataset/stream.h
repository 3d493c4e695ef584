/* A stream gives the samples of a split that is read in blocks, in the order of block_order.h. Its
 * own thread reads and decodes a window of each lane ahead of its use, unless HDF5 allows only one
 * thread. That thread uses neither MPI nor the log, and blocks all signals. All memory is allocated
 * when the stream is made. For data/ only. Not collective. */
#ifndef TRAINER_DATA_DATASET_STREAM_H
#define TRAINER_DATA_DATASET_STREAM_H

#include "data/dataset/block_order.h"

struct Stream;

/* `image_bytes` is the size of one image of the split. */
int stream__create(struct Stream **stream, const struct Split *split, size_t image_bytes,
                   const struct StreamCut *cut, struct Error *error);
void stream__release(struct Stream *stream); /* NULL is allowed. Ends the thread. */

/* A sample with its pixels. `draw` selects its random numbers: a sample may occur several times in
 * an epoch, each time with another draw (data/order.h). */
struct Drawn {
    int64_t draw, sample;
    const void *pixels;
};
/* Makes the window that holds `position` available, and waits for it if necessary. Returns how many
 * samples from `position` on, at most `count`, lie in that window. Samples of the same lane that
 * were drawn before may be overwritten. */
int64_t stream__run(struct Stream *stream, int64_t epoch, int64_t position, int64_t count);
/* Returns the sample at a position that stream__run made available. */
struct Drawn stream__draw(const struct Stream *stream, int64_t position);
/* Returns one sample of the window that holds the position: number floor(share · n / 2^64) of its n
 * samples. */
struct Drawn stream__partner(const struct Stream *stream, int64_t position, uint64_t share);

/* Returns the error of reading a window that samples were drawn from, or OK. The pixels of such a
 * window are zeros. */
int stream__failed(const struct Stream *stream, struct Error *error);

#endif
