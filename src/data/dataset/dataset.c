#include "data/dataset/dataset.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/dataset/opening.h"

void dataset_close(struct Dataset *dataset) {
    if (!dataset)
        return;
    for (int i = 0; i < dataset->split_count; i++) {
        memory_release(dataset->splits[i].name);
        if (dataset->storage->images)
            memory_release(dataset->storage->images[i]);
        if (dataset->storage->labels)
            memory_release(dataset->storage->labels[i]);
        if (dataset->storage->targets)
            memory_release(dataset->storage->targets[i]);
    }
    targets_release(&dataset->targets);
    h5_unmap(dataset->storage->map, dataset->storage->map_bytes);
    memory_release(dataset->storage->images);
    memory_release(dataset->storage->labels);
    memory_release(dataset->storage->targets);
    memory_release(dataset->storage);
    memory_release(dataset->target_mean);
    memory_release(dataset->target_std);
    memory_release(dataset->splits);
    statistic_values_release(&dataset->statistics);
    memory_release(dataset->source);
    memory_release(dataset->path);
    memory_release(dataset);
}

const struct Split *dataset_split(const struct Dataset *dataset, const char *name,
                                  struct Error *error) {
    struct Text names = {0};
    for (int i = 0; i < dataset->split_count; i++) {
        if (strcmp(dataset->splits[i].name, name) == 0) {
            text_release(&names);
            return &dataset->splits[i];
        }
        text_add(&names, "%s%s", i ? ", " : "", dataset->splits[i].name);
    }
    fail(error, ERROR_DATA, "%s: has no split '%s'; it has %s", dataset->path, name, names.data);
    text_release(&names);
    return NULL;
}
