#include <inttypes.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

#define LABEL_BLOCK 65536            /* labels read at a time */
#define MOST_UNNAMED_CLASSES 1000000 /* most classes that a file without /classes may have */

static int check_labels(const struct Dataset *dataset, const char *name, int64_t first,
                        int64_t count, const int64_t *block, int32_t *labels, struct Error *error) {
    int64_t limit = opening_has_classes(dataset) ? dataset->targets.count : MOST_UNNAMED_CLASSES;
    for (int64_t i = 0; i < count; i++) {
        if (block[i] < 0 || block[i] >= limit)
            return fail(error, ERROR_DATA,
                        "%s:/%s: row %" PRId64 " is %" PRId64 ", expected 0 to %" PRId64 "%s",
                        dataset->path, name, first + i, block[i], limit - 1,
                        opening_has_classes(dataset) ? " (one for each name in /classes)" : "");
        labels[first + i] = (int32_t)block[i];
    }
    return OK;
}

static int read_label_rows(struct Opening *opening, const char *name, int index,
                           struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int64_t total = dataset->splits[index].count;
    int32_t *labels = memory_array(int32_t, total, "labels");
    dataset->storage->labels[index] = labels;
    dataset->splits[index].labels = labels;
    int64_t *block = memory_array(int64_t, LABEL_BLOCK, "a block of labels");
    int code = OK;
    for (int64_t first = 0; code == OK && first < total; first += LABEL_BLOCK) {
        int64_t count = total - first < LABEL_BLOCK ? total - first : LABEL_BLOCK;
        code = h5_read_rows(opening->file, name, H5_INT64, first, count, block, error);
        if (code == OK)
            code = check_labels(dataset, name, first, count, block, labels, error);
    }
    memory_release(block);
    return code;
}

int opening__labels(struct Opening *opening, int index, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    const struct Split *split = &dataset->splits[index];
    char *name = memory_print("%s/labels", split->name);
    struct H5Info info;
    int code = h5_info(opening->file, name, &info, error);
    if (code != OK)
        goto done;
    if (info.type != H5_UINT8 && info.type != H5_INT32 && info.type != H5_INT64)
        code = fail(error, ERROR_DATA, "%s:/%s: holds %s, expected integers", dataset->path, name,
                    info.type_name);
    else if (info.rank != 1)
        code = fail(error, ERROR_DATA, "%s:/%s: has %d dimensions, expected 1: (N)", dataset->path,
                    name, info.rank);
    else if (info.size[0] != split->count)
        code = fail(error, ERROR_DATA, "%s:/%s: has %" PRId64 " labels for %" PRId64 " images",
                    dataset->path, name, info.size[0], split->count);
    else if (!memory_can_hold((uint64_t)split->count * sizeof(int32_t)))
        code = fail(error, ERROR_DATA,
                    "%s:/%s: %" PRId64 " labels do not fit into this machine's memory",
                    dataset->path, name, split->count);
    else
        code = read_label_rows(opening, name, index, error);
done:
    memory_release(name);
    return code;
}
