/* The last blocks that dataset_image read, of images that are neither mapped nor in memory. Inside
 * dataset/ only. */
#ifndef TRAINER_DATA_DATASET_CACHE_H
#define TRAINER_DATA_DATASET_CACHE_H

#include "data/dataset/blocks.h"

struct BlockCache;

/* The pixels of a row of the pair, valid until two other blocks have been asked for. A block that
 * cannot be read is zeros, and the first failure is kept for dataset_failed. */
const void *cache__image(struct DatasetStorage *storage, const struct Pair *pair, int64_t row,
                         size_t image_bytes);
void cache__release(struct BlockCache *cache); /* NULL is allowed */

#endif
