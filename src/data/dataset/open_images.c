#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

static int check_image_shape(struct Dataset *dataset, const struct Split *split,
                             const struct H5Info *info, struct Error *error) {
    const int64_t *size = info->size;
    const char *path = dataset->path, *name = split->name;
    if (strcmp(info->type_name, "uint8") != 0 && info->type != H5_FLOAT32)
        return fail(error, ERROR_DATA, "%s:/%s/images: holds %s, expected uint8 or float32", path,
                    name, info->type_name);
    if (info->rank != 4)
        return fail(error, ERROR_DATA,
                    "%s:/%s/images: has %d dimensions, expected 4: (N, height, width, channels)",
                    path, name, info->rank);
    if (size[0] == 0)
        return fail(error, ERROR_DATA, "%s:/%s/images: has no samples", path, name);
    if (size[1] < 1 || size[2] < 1 || size[3] < 1)
        return fail(error, ERROR_DATA,
                    "%s:/%s/images: has images of (%" PRId64 ",%" PRId64 ",%" PRId64
                    "), expected at least (1,1,1)",
                    path, name, size[1], size[2], size[3]);
    if (dataset->height &&
        (size[1] != dataset->height || size[2] != dataset->width || size[3] != dataset->channels))
        return fail(error, ERROR_DATA,
                    "%s:/%s/images: has images of (%" PRId64 ",%" PRId64 ",%" PRId64
                    "), expected (%" PRId64 ",%" PRId64 ",%" PRId64 ") as "
                    "in /%s/images",
                    path, name, size[1], size[2], size[3], dataset->height, dataset->width,
                    dataset->channels, dataset->splits[0].name);
    return OK;
}

static int map_images(struct Opening *opening, struct Split *split, const struct H5Info *info,
                      int64_t bytes, struct Error *error) {
    struct DatasetStorage *storage = opening->dataset->storage;
    uint64_t length = h5_bytes(opening->file);
    if (info->offset > length || (uint64_t)bytes > length - info->offset)
        return fail(error, ERROR_DATA,
                    "%s:/%s/images: is cut short: needs bytes %" PRIu64 " to %" PRIu64
                    " of a file of %" PRIu64,
                    opening->dataset->path, split->name, info->offset, info->offset + bytes,
                    length);
    if (!storage->map) {
        int code = h5_map(opening->file, &storage->map, &storage->map_bytes, error);
        if (code != OK)
            return code;
    }
    split->images = (const char *)storage->map + info->offset;
    return OK;
}

static int load_images(struct Opening *opening, int index, const char *name,
                       const struct H5Info *info, int64_t bytes, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    if (!memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA,
                    "%s:/%s: its %" PRId64 " bytes do not fit into this machine's memory",
                    dataset->path, name, bytes);
    if (info->stored == 0)
        return fail(error, ERROR_DATA, "%s:/%s: has no values: they were never written",
                    dataset->path, name);
    struct Split *split = &dataset->splits[index];
    void *images = memory_allocate((size_t)bytes, "images");
    dataset->storage->images[index] = images;
    split->images = images;
    return h5_read(opening->file, name, split->bytes ? H5_UINT8 : H5_FLOAT32, 4, info->size, images,
                   error);
}

int opening__images(struct Opening *opening, int index, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct Split *split = &dataset->splits[index];
    char *name = memory_print("%s/images", split->name);
    struct H5Info info;
    int64_t bytes = 0;
    int code = h5_info(opening->file, name, &info, error);
    if (code == OK)
        code = check_image_shape(dataset, split, &info, error);
    if (code == OK) {
        split->bytes = info.type == H5_UINT8;
        split->count = info.size[0];
        int64_t size[] = {info.size[0], info.size[1], info.size[2], info.size[3],
                          split->bytes ? 1 : (int64_t)sizeof(float)};
        bytes = memory_product(size, 5);
        if (bytes < 0)
            code = fail(error, ERROR_DATA,
                        "%s:/%s: shape (%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
                        ") is too large for any memory",
                        dataset->path, name, size[0], size[1], size[2], size[3]);
    }
    if (code == OK) {
        dataset->height = info.size[1];
        dataset->width = info.size[2];
        dataset->channels = info.size[3];
        bool aligned = split->bytes || info.offset % sizeof(float) == 0;
        code = info.contiguous && aligned ? map_images(opening, split, &info, bytes, error)
                                          : load_images(opening, index, name, &info, bytes, error);
    }
    memory_release(name);
    return code;
}
