/* The order in which the samples of a split come that is read in blocks: a pure function of the
 * data's layout, the seed, the epoch and the cut, whatever the number of ranks. Inside data/ only.
 *
 * Shuffled: all blocks of the split are put into an order drawn for the epoch, and their samples
 * are thought of as one sequence. It is dealt to the shards of a batch as lanes: shard k takes its
 * samples of every batch from lane k, so that ranks read different blocks. A lane is cut into
 * windows of a fixed number of blocks, and the samples of a window are shuffled. In a balanced
 * epoch, each sample comes as often as in one of all samples together (data/order.h), and a block
 * that has to give more samples than it holds stands in the order several times.
 *
 * Not shuffled: the order of the split, of which a rank may take a part, in one lane. A window is a
 * run of it. */
#ifndef TRAINER_DATA_DATASET_BLOCK_ORDER_H
#define TRAINER_DATA_DATASET_BLOCK_ORDER_H

#include "data/dataset/opening.h"
#include "data/stream_cut.h"

struct BlockOrder;
struct BlockOrder *block_order__create(const struct Split *split, const struct StreamCut *cut);
void block_order__release(struct BlockOrder *order); /* NULL is allowed */

int64_t block_order__lanes(const struct BlockOrder *order); /* that are wanted here */
int64_t block_order__most(const struct BlockOrder *order);  /* samples of a window of one lane */
/* Samples of the largest block. A window has at least one block a lane. */
int64_t block_order__block(const struct Split *split);

/* Where a position of an epoch is. One whose lane is not wanted here is a bug. */
struct OrderPlace {
    int64_t lane, index; /* the index is within the lane */
};
struct OrderPlace block_order__find(const struct BlockOrder *order, int64_t position);

/* A run of a lane: indices [first, first + count). */
struct OrderWindow {
    int64_t epoch, lane, number, first, count;
};
/* The window that an index lies in, and the one after it, which may be the first of the next epoch.
 * Not for two threads at once; so is block_order__list. */
struct OrderWindow block_order__window(struct BlockOrder *order, int64_t epoch,
                                       struct OrderPlace place);
struct OrderWindow block_order__next(struct BlockOrder *order, const struct OrderWindow *window);

/* A sample of a window. */
struct OrderEntry {
    int64_t row, sample;
    int64_t draw;  /* as in data/order.h */
    int64_t place; /* within the window, 0 … count−1 */
};
/* Lists the samples of a window, block by block; `entries` and `scratch` have room for
 * block_order__most. */
void block_order__list(struct BlockOrder *order, const struct OrderWindow *window,
                       struct OrderEntry *entries, int64_t *scratch);

#endif
