/* Notices files that are changed while they are in use. */
#include <inttypes.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/dataset/opening.h"

bool dataset_identify(const struct Dataset *dataset, struct Digest *identity) {
    const struct DatasetStorage *storage = dataset->storage;
    int64_t count = storage->map_count;
    for (int p = 0; p < storage->pair_count; p++)
        if (storage->pairs[p].pixels)
            return false;
    int64_t *numbers = memory_array(int64_t, count * H5_IDENTITY, "a data set's identity");
    for (int64_t i = 0; i < count; i++)
        h5_map_identity(storage->maps[i], numbers + i * H5_IDENTITY);
    *identity = digest_bytes(numbers, (size_t)(count * H5_IDENTITY) * sizeof *numbers);
    memory_release(numbers);
    return count > 0;
}

static int refuse(const struct H5Map *map, const struct Split *split, const char *found,
                  struct Error *error) {
    if (!split->digest[0])
        return fail(error, ERROR_DATA,
                    "%s: was written to while it was in use, and split %s has no digest that could "
                    "show whether its samples changed",
                    map->path, split->name);
    return fail(error, ERROR_DATA,
                "%s: was overwritten while it was in use: the digest of split %s is %s, it was %s",
                map->path, split->name, found, split->digest);
}

static int check_split(const struct Dataset *dataset, const struct H5Map *map,
                       const struct Split *split, struct Error *error) {
    char digest[DIGEST_TEXT] = "";
    if (split->digest[0])
        dataset_digest(dataset, split, digest);
    if (split->digest[0] && !strcmp(digest, split->digest))
        return OK;
    return refuse(map, split, digest, error);
}

/* Fails if a file changed that is read again in every epoch. */
static int check_kept(const struct Dataset *dataset, const struct Split *split,
                      struct Error *error) {
    const struct DatasetStorage *storage = dataset->storage;
    bool reads_again = split->window || split->in_blocks;
    for (int i = 0; reads_again && i < storage->file_count; i++)
        if (h5_changed(storage->files[i]))
            return fail(error, ERROR_DATA,
                        "%s: was written to while it was in use, and split %s is streamed from it: "
                        "its samples may have changed",
                        h5_path(storage->files[i]), split->name);
    return OK;
}

int dataset_check_unchanged(const struct Dataset *dataset, const struct Split *const *splits,
                            int count, struct Error *error) {
    const struct DatasetStorage *storage = dataset->storage;
    int code = OK;
    for (int s = 0; s < count && code == OK; s++)
        if (splits[s] && !(code = check_kept(dataset, splits[s], error)))
            code = dataset_check_read(dataset, splits[s], error);
    for (int i = 0; i < storage->map_count && code == OK; i++) {
        struct H5Map *map = storage->maps[i];
        if (!h5_map_changed(map))
            continue;
        int64_t length = h5_map_length(map);
        if (length < (int64_t)map->bytes)
            return fail(error, ERROR_DATA,
                        "%s: was cut short while it was in use: it has %" PRId64
                        " bytes and had %zu",
                        map->path, length < 0 ? 0 : length, map->bytes);
        log_debug("%s: was written to while it was in use", map->path);
        for (int s = 0; s < count && code == OK; s++)
            if (splits[s])
                code = check_split(dataset, map, splits[s], error);
    }
    return code;
}
