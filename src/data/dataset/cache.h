/* The last blocks that dataset_image read, for images that are neither mapped nor in memory. For
 * dataset/ only. Not collective. */
#ifndef TRAINER_DATA_DATASET_CACHE_H
#define TRAINER_DATA_DATASET_CACHE_H

#include "data/dataset/blocks.h"

struct BlockCache;

/* Returns the pixels of a row of the pair. They are valid until two other blocks have been asked
 * for. If a block cannot be read, its pixels are zeros; the first such failure is kept for
 * dataset_failed. */
const void *cache__image(struct DatasetStorage *storage, const struct Pair *pair, int64_t row,
                         size_t image_bytes);
void cache__release(struct BlockCache *cache); /* NULL is allowed */

#endif
