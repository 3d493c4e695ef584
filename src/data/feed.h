/* Samples that perhaps nobody has labelled and that are made as they are needed: a data set with
 * one split, of which only a window is in memory. A thread of its own makes the next block while
 * the model runs on this one, so that memory is bounded by two blocks. Not collective. */
#ifndef TRAINER_DATA_FEED_H
#define TRAINER_DATA_FEED_H

#include "data/dataset/dataset.h"

struct Feed;

struct FeedRequest {
    const char *path;  /* of the data set, for people */
    const char *split; /* its split's name, for people */
    int64_t count, height, width, channels;
    bool floats;                   /* samples are float, else uint8 */
    const struct Targets *targets; /* what a model predicts; copied */
    const int32_t *labels;         /* (count), and values (count, outputs), as far as the truth */
    const float *values;           /* is known; else NULL. They must live as long as the feed. */
    /* Samples are asked for in blocks of `block`; this process takes the blocks first_block,
     * first_block + stride, … */
    int64_t block, first_block, stride;
    /* Makes samples [first, first + count). Called by one thread at a time. */
    int (*read)(void *context, int64_t first, int64_t count, void *samples, struct Error *error);
    void *context;
};

/* The strings and the targets are copied. *feed is released with feed_release, and the data set
 * with it. */
void feed_create(struct Feed **feed, const struct FeedRequest *request);
void feed_release(struct Feed *feed); /* NULL is allowed */
struct Dataset *feed_dataset(struct Feed *feed);

/* Makes samples [first, first + count), at most a block, the window of the split. For
 * evaluate/evaluate.h, with the feed as the context. Fails as `read` does. */
int feed_take(void *feed, int64_t first, int64_t count, struct Error *error);

#endif
