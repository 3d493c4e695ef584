/* Images that are read a block at a time: those of an array that does not lie in its file as it is
 * needed in memory. A block is a run of samples that are cheap to read together: whole chunks of
 * the file. Where the blocks of an array begin depends on the file alone. Inside dataset/ only. */
#ifndef TRAINER_DATA_DATASET_BLOCKS_H
#define TRAINER_DATA_DATASET_BLOCKS_H

#include "data/dataset/opening.h"

/* Sets the rows of a block of each array of the pair, whose layouts are known. */
void blocks__measure(struct Pair *pair);

/* What one thread needs to read blocks of a pair, one array after the other. */
struct BlockReader;
int blocks__open(struct BlockReader **reader, const struct Pair *pair, struct Error *error);
void blocks__close(struct BlockReader *reader); /* NULL is allowed */
/* Bytes that a reader of the pair takes, besides the blocks themselves. */
int64_t blocks__memory(const struct Pair *pair);

/* Reads rows [first, first + count) of the pair, which lie in one array, as (count, height, width,
 * channels). Whatever reads pixels that are not mapped comes through here. Several threads decode
 * pictures if `together`. */
int blocks__read(struct BlockReader *reader, int64_t first, int64_t count, bool together,
                 void *pixels, struct Error *error);

/* The array that holds a row, and the rows of the block in it that has the row: [*first, *end). */
int blocks__of(const struct Pair *pair, int64_t row, int64_t *first, int64_t *end);

/* Reads what is not mapped of a pair into `pixels`, room for blocks__bytes, or, as one of several
 * workers, an equal share of it. Once all of it is there, blocks__take lets the runs point to it.
 */
int64_t blocks__bytes(const struct Pair *pair);
int blocks__load(const struct Pair *pair, int worker, int workers, void *pixels,
                 struct Error *error);
void blocks__take(struct Pair *pair, const void *pixels);

#endif
