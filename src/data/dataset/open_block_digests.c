#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

/* Returns whether a pair can have digests of blocks: the own layout, one array, in the program's
 * order. */
static bool can_have_blocks(const struct Opening *opening, const struct Pair *pair) {
    const struct DataOptions *options = opening->request->options;
    bool turned = options && strcmp(options->axes, "auto") && strcmp(options->axes, "NHWC");
    return !pair->options && !turned && pair->images.count == 1 &&
           !opening__is_encoded(&pair->images.items[0]);
}

static int read_digests(struct H5File *file, const char *group, const char *name,
                        const struct Pair *pair, struct BlockDigests **out, struct Error *error) {
    int64_t samples;
    int code = h5_read_attribute(file, group, BLOCK_SAMPLES, H5_INT64, &samples, error);
    if (code != OK)
        return code;
    if (samples < 1 || samples > INT64_MAX / 2)
        return fail(error, ERROR_DATA,
                    "%s:/%s, attribute " BLOCK_SAMPLES ": is %" PRId64 ", expected 1 to %" PRId64,
                    h5_path(file), group, samples, INT64_MAX / 2);
    int64_t count = block_digests__count(samples, pair->count);
    int64_t *digests = memory_array(int64_t, count, "digests of blocks");
    code = h5_read(file, name, H5_INT64, 1, &count, digests, error);
    if (code != OK) {
        memory_release(digests);
        return code;
    }
    *out = block_digests__make(samples, pair->count, digests);
    (*out)->covers_all = h5_is_guarded(file);
    return OK;
}

/* Checks rows that were read from an array that is not mapped. Any thread may call it. */
static int check_rows(void *context, int64_t first, int64_t count, const void *pixels,
                      struct Error *error) {
    struct Pair *pair = context;
    struct BlockDigests *blocks = pair->block_digests;
    size_t bytes =
        (size_t)memory_product(pair->layouts[0].sizes + 1, 3) * (pair->bytes ? 1 : sizeof(float));
    if (block_digests__check_rows(blocks, first, count, pixels, bytes))
        return OK;
    return block_digests__damaged(blocks, pair->images.items[0].name.file, pair->split, error);
}

int opening__block_digests(struct Opening *opening, struct Pair *pair, struct Error *error) {
    struct H5File *file;
    if (!can_have_blocks(opening, pair))
        return OK;
    int code = opening__file(opening, opening->main, &file, error);
    char *name = memory_print("%s/" BLOCK_DIGESTS, pair->split);
    if (code == OK && h5_exists(file, name))
        code = read_digests(file, pair->split, name, pair, &pair->block_digests, error);
    if (code == OK && pair->block_digests)
        pair->check = (struct BlockCheck){check_rows, pair};
    memory_release(name);
    return code;
}
