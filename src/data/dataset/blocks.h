/* Reads images a block at a time, for arrays whose layout in the file differs from that in memory.
 * A block is a run of samples that are cheap to read together, such as whole chunks of the file.
 * Where the blocks of an array begin depends on the file alone. For dataset/ only; not
 * collective. */
#ifndef TRAINER_DATA_DATASET_BLOCKS_H
#define TRAINER_DATA_DATASET_BLOCKS_H

#include "data/dataset/opening.h"

/* Sets how many rows a block has, for each array of the pair. The layouts must be known. */
void blocks__measure(struct Pair *pair);

/* What one thread needs to read blocks of a pair. */
struct BlockReader;
int blocks__open(struct BlockReader **reader, const struct Pair *pair, struct Error *error);
void blocks__close(struct BlockReader *reader); /* NULL is allowed */
/* Returns the bytes that a reader of the pair needs besides the blocks themselves. */
int64_t blocks__memory(const struct Pair *pair);

/* Reads rows [first, first + count) of the pair, which lie in one array, as (count, height, width,
 * channels). All reading of pixels that are not mapped goes through this function. If `together`,
 * several threads decode pictures. ERROR_DATA if they cannot be read. */
int blocks__read(struct BlockReader *reader, int64_t first, int64_t count, bool together,
                 void *pixels, struct Error *error);

/* Returns the index of the array that holds a row, and sets [*first, *end) to the rows of its
 * block. */
int blocks__of(const struct Pair *pair, int64_t row, int64_t *first, int64_t *end);

/* blocks__load reads the images of a pair that are not mapped into `pixels`, which has room for
 * blocks__bytes bytes; as one of several workers, it reads an equal share of them. When all workers
 * have finished, blocks__take makes the pair's runs point to `pixels`, which stays the caller's. */
int64_t blocks__bytes(const struct Pair *pair);
int blocks__load(const struct Pair *pair, int worker, int workers, void *pixels,
                 struct Error *error);
void blocks__take(struct Pair *pair, const void *pixels);

#endif
