/* Reads images into memory after the data set was opened. */
#include "base/memory.h"
#include "data/dataset/blocks.h"

struct SplitSize dataset_size(const struct Dataset *dataset, const struct Split *split) {
    const struct Pair *pair = split->pair;
    struct SplitSize size = {.missing = blocks__bytes(pair),
                             .image = (int64_t)dataset_image_bytes(dataset, split)};
    size.bytes = pair->count * size.image;
    for (int i = 0; i < pair->images.count; i++)
        if (pair->layouts[i].block > size.block)
            size.block = pair->layouts[i].block;
    size.reader = size.block * size.image + blocks__memory(pair);
    return size;
}

bool dataset_shares(const struct Split *split, const struct Split *other) {
    return split->pair == other->pair;
}

int dataset_load(const struct Split *split, int worker, int workers, void *pixels,
                 struct Error *error) {
    return blocks__load(split->pair, worker, workers, pixels, error);
}

void dataset_take(struct Dataset *dataset, const struct Split *split, const void *pixels) {
    struct DatasetStorage *storage = dataset->storage;
    struct Pair *pair = &storage->pairs[split->pair - storage->pairs];
    blocks__take(pair, pixels);
    for (int i = 0; i < dataset->split_count; i++) {
        struct Split *other = &dataset->splits[i];
        if (other->pair != pair)
            continue;
        other->in_blocks = false;
        if (pair->images.count == 1 && !other->rows)
            other->images = pair->runs[0].images;
    }
}
