/* The order of the samples of a split that is read in blocks. It is a pure function of the data's
 * layout, the seed, the epoch and the cut; the number of ranks does not matter. For data/ only. Not
 * collective.
 *
 * Shuffled: all blocks of the split are put into a random order for each epoch, and their samples
 * form one sequence. It is cut into one lane for each shard of a batch: shard k takes its samples
 * of every batch from lane k, so that ranks read different blocks. A lane is cut into windows of a
 * fixed number of blocks, and the samples of a window are shuffled. In a balanced epoch, each
 * sample occurs as often as it does in data/order.h, and a block that must supply more samples than
 * it holds occurs in the order several times.
 *
 * Not shuffled: one lane has the order of the split, or of the part of it that a rank takes. A
 * window is a contiguous part of the lane. */
#ifndef TRAINER_DATA_DATASET_BLOCK_ORDER_H
#define TRAINER_DATA_DATASET_BLOCK_ORDER_H

#include "data/dataset/opening.h"
#include "data/stream_cut.h"

struct BlockOrder;
struct BlockOrder *block_order__create(const struct Split *split, const struct StreamCut *cut);
void block_order__release(struct BlockOrder *order); /* NULL is allowed */

int64_t block_order__lanes(const struct BlockOrder *order); /* lanes that this rank reads */
/* most samples that a window of one lane has */
int64_t block_order__most(const struct BlockOrder *order);
/* Returns the number of samples of the largest block. A window has at least one block of each lane.
 */
int64_t block_order__block(const struct Split *split);

/* The lane of a position of an epoch, and the position within it. It is a bug to ask for a position
 * whose lane this rank does not read. */
struct OrderPlace {
    int64_t lane, index; /* the index is within the lane */
};
struct OrderPlace block_order__find(const struct BlockOrder *order, int64_t position);

/* A contiguous part of a lane: indices [first, first + count). */
struct OrderWindow {
    int64_t epoch, lane, number, first, count;
};
/* Return the window that holds a place, and the window after one, which may be the first of the
 * next epoch. Two threads must not call these or block_order__list at the same time. */
struct OrderWindow block_order__window(struct BlockOrder *order, int64_t epoch,
                                       struct OrderPlace place);
struct OrderWindow block_order__next(struct BlockOrder *order, const struct OrderWindow *window);

/* A sample of a window. */
struct OrderEntry {
    int64_t row, sample;
    int64_t draw;  /* selects the sample's random numbers, as in data/order.h */
    int64_t place; /* within the window, 0 … count−1 */
};
/* Lists the samples of a window, block by block; `entries` and `scratch` have room for
 * block_order__most. */
void block_order__list(struct BlockOrder *order, const struct OrderWindow *window,
                       struct OrderEntry *entries, int64_t *scratch);

#endif
