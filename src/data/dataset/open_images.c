#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

#define BLOCK_BYTES ((int64_t)16 << 20) /* read at a time, if pixels have to be moved */

int opening__size(struct Opening *opening, const struct Pair *pair, const struct Array *array,
                  const int64_t sizes[AXES], struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    const char *file = array->name.file, *path = array->name.path;
    int64_t height = sizes[AXIS_HEIGHT], width = sizes[AXIS_WIDTH], channels = sizes[AXIS_CHANNEL];
    if (sizes[AXIS_SAMPLE] == 0)
        return fail(error, ERROR_DATA, "%s:%s: has no samples", file, path);
    if (height < 1 || width < 1 || channels < 1)
        return fail(error, ERROR_DATA,
                    "%s:%s: has images of (%" PRId64 ",%" PRId64 ",%" PRId64
                    "), expected at least (1,1,1)",
                    file, path, height, width, channels);
    if (!dataset->height) {
        dataset->height = height;
        dataset->width = width;
        dataset->channels = channels;
    }
    if (height == dataset->height && width == dataset->width && channels == dataset->channels)
        return OK;
    const struct Pair *first = &dataset->storage->pairs[0];
    const struct ArrayName *other = &first->images.items[0].name;
    bool same_file = !strcmp(file, other->file);
    fail(error, ERROR_DATA,
         "%s:%s: has images of (%" PRId64 ",%" PRId64 ",%" PRId64 "), expected (%" PRId64
         ",%" PRId64 ",%" PRId64 ") as in %s%s%s",
         file, path, height, width, channels, dataset->height, dataset->width, dataset->channels,
         same_file ? "" : other->file, same_file ? "" : ":", other->path);
    return pair__blame(pair, "images", error);
}

int opening__room(const struct Pair *pair, const struct Array *array, const int64_t sizes[AXES],
                  struct Error *error) {
    int64_t all[] = {sizes[0], sizes[1], sizes[2], sizes[3],
                     pair->bytes ? 1 : (int64_t)sizeof(float)};
    int64_t bytes = memory_product(all, 5);
    if (bytes < 0)
        return fail(error, ERROR_DATA,
                    "%s:%s: shape (%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
                    ") is too large for any memory",
                    array->name.file, array->name.path, sizes[0], sizes[1], sizes[2], sizes[3]);
    return OK;
}

static int check_room(const struct Array *array, int64_t bytes, struct Error *error) {
    if (bytes >= 0 && memory_can_hold((uint64_t)bytes))
        return OK;
    return fail(error, ERROR_DATA,
                "%s:%s: its %" PRId64 " bytes do not fit into this machine's memory",
                array->name.file, array->name.path, bytes);
}

static const char *axes_of(const struct Opening *opening, const struct Pair *pair) {
    const struct DataOptions *options = opening->request->options;
    if (pair->options && pair->options->axes)
        return pair->options->axes;
    return options ? options->axes : "auto";
}

/* The order of an array's dimensions, and its sizes by it. */
static int read_axes(struct Opening *opening, const struct Pair *pair, const struct Array *array,
                     struct Axes *axes, int64_t sizes[AXES], struct Error *error) {
    int code = axes__parse(axes, axes_of(opening, pair), array->info.rank, error);
    if (code == OK) {
        axes__sizes(axes, array->info.size, sizes);
        opening->dataset->axes_are_guessed |= !strcmp(axes_of(opening, pair), "auto");
        return OK;
    }
    error_context(error, "%s:%s", array->name.file, array->name.path);
    if (pair->options && pair->options->axes)
        return pair__blame(pair, "axes", error);
    return code == ERROR_RUN_FILE ? error_blame_key(error, "data.axes") : code;
}

static int check_type(const struct Array *array, struct Error *error) {
    enum H5Type type = array->info.type;
    if (type != H5_TEXT && type != H5_OTHER && type != H5_BYTES)
        return OK;
    return fail(error, ERROR_DATA, "%s:%s: holds %s, expected numbers", array->name.file,
                array->name.path, array->info.type_name);
}

/* An array that can be used where it lies in the file. */
static bool can_be_mapped(const struct Pair *pair, const struct Array *array,
                          const struct Axes *axes) {
    const struct H5Info *info = &array->info;
    enum H5Type wanted = pair->bytes ? H5_UINT8 : H5_FLOAT32;
    bool aligned = pair->bytes || info->offset % sizeof(float) == 0;
    return info->contiguous && aligned && info->type == wanted && axes__are_own(axes);
}

static int map_images(struct Opening *opening, const struct Array *array, int64_t bytes,
                      const void **images, struct Error *error) {
    const struct H5Info *info = &array->info;
    uint64_t length = h5_bytes(array->file);
    const void *map = NULL;
    if (info->offset > length || (uint64_t)bytes > length - info->offset)
        return fail(error, ERROR_DATA,
                    "%s:%s: is cut short: needs bytes %" PRIu64 " to %" PRIu64
                    " of a file of %" PRIu64,
                    array->name.file, array->name.path, info->offset, info->offset + bytes, length);
    int code = opening__map(opening, array->file, &map, error);
    if (code == OK)
        *images = (const char *)map + info->offset;
    return code;
}

/* How many samples to read at a time: whole chunks of the file, and not too many. */
static int64_t block_of(const struct Array *array, const struct Axes *axes, int64_t sample_bytes) {
    struct H5Storage storage;
    struct Error ignored;
    int64_t chunk = 1, wanted = BLOCK_BYTES / sample_bytes;
    if (h5_storage(array->file, array->name.path, &storage, &ignored) == OK && storage.is_chunked)
        chunk = storage.chunk[axes->dimension[AXIS_SAMPLE]];
    if (chunk < 1 || chunk > array->count)
        chunk = array->count;
    return wanted < chunk ? chunk : wanted - wanted % chunk;
}

/* Reads an array into the program's own order. */
static int read_images(const struct Pair *pair, const struct Array *array, const struct Axes *axes,
                       const int64_t sizes[AXES], char *pixels, struct Error *error) {
    enum H5Type type = pair->bytes ? H5_UINT8 : H5_FLOAT32;
    int element = pair->bytes ? 1 : (int)sizeof(float), samples = axes->dimension[AXIS_SAMPLE];
    int64_t first[H5_RANK] = {0}, part[H5_RANK];
    if (array->info.stored == 0 && !array->info.virtual)
        return fail(error, ERROR_DATA, "%s:%s: has no values: they were never written",
                    array->name.file, array->name.path);
    memcpy(part, array->info.size, sizeof part);
    int64_t bytes = memory_product(sizes + 1, 3) * element, block = block_of(array, axes, bytes);
    bool own = axes__are_own(axes);
    int code = own ? OK : check_room(array, block < array->count ? block * bytes : 0, error);
    if (code != OK)
        return code;
    int64_t most = block < array->count ? block : array->count;
    void *buffer = own ? NULL : memory_allocate((size_t)(most * bytes), "a block of images");
    for (int64_t at = 0; at < array->count && code == OK; at += block) {
        first[samples] = at;
        part[samples] = array->count - at < block ? array->count - at : block;
        char *to = pixels + at * bytes;
        code = h5_read_part(array->file, array->name.path, type, axes->rank, first, part,
                            own ? to : buffer, error);
        if (code == OK && !own)
            axes__reorder(axes, part, element, buffer, to);
    }
    memory_release(buffer);
    return code;
}

/* What is known of each array before its pixels are read. */
struct Layout {
    struct Axes axes;
    int64_t sizes[AXES];
};

static int measure(struct Opening *opening, struct Pair *pair, struct Layout *layouts,
                   struct Error *error) {
    int code = OK;
    pair->bytes = true;
    for (int i = 0; i < pair->images.count && code == OK; i++) {
        struct Array *array = &pair->images.items[i];
        code = check_type(array, error);
        if (code == OK)
            code = read_axes(opening, pair, array, &layouts[i].axes, layouts[i].sizes, error);
        if (code == OK)
            code = opening__size(opening, pair, array, layouts[i].sizes, error);
        if (code != OK)
            return pair__blame(pair, "images", error);
        array->count = layouts[i].sizes[AXIS_SAMPLE];
        pair->runs[i].first = pair->count;
        if (array->count > INT64_MAX - pair->count)
            return fail(error, ERROR_DATA, "%s:%s: has too many samples", array->name.file,
                        array->name.path);
        pair->count += array->count;
        pair->bytes &= array->info.type == H5_UINT8;
    }
    for (int i = 0; i < pair->images.count && code == OK; i++)
        code = opening__room(pair, &pair->images.items[i], layouts[i].sizes, error);
    return code;
}

/* Maps the arrays that can be mapped; `bytes` is the sum of the others. */
static int map_pair(struct Opening *opening, struct Pair *pair, const struct Layout *layouts,
                    int64_t *bytes, struct Error *error) {
    int element = pair->bytes ? 1 : (int)sizeof(float);
    int code = OK;
    *bytes = 0;
    for (int i = 0; i < pair->images.count && code == OK; i++) {
        const struct Array *array = &pair->images.items[i];
        int64_t size = memory_product(layouts[i].sizes, AXES) * element;
        if (can_be_mapped(pair, array, &layouts[i].axes)) {
            code = map_images(opening, array, size, &pair->runs[i].images, error);
        } else {
            *bytes = size > INT64_MAX - *bytes ? INT64_MAX : *bytes + size;
            code = check_room(array, *bytes, error);
        }
    }
    return code;
}

int opening__images(struct Opening *opening, struct Pair *pair, struct Error *error) {
    int count = pair->images.count;
    int64_t bytes = 0;
    pair->runs = memory_array(struct ImageRun, count, "array pairs");
    if (opening__is_encoded(&pair->images.items[0]))
        return opening__decode(opening, pair, error);
    struct Layout *layouts = memory_array(struct Layout, count, "array pairs");
    int code = measure(opening, pair, layouts, error);
    if (code == OK)
        code = map_pair(opening, pair, layouts, &bytes, error);
    if (code == OK && bytes > 0)
        pair->pixels = memory_allocate((size_t)bytes, "images");
    char *at = pair->pixels;
    for (int i = 0; i < count && code == OK; i++) {
        if (pair->runs[i].images)
            continue;
        pair->runs[i].images = at;
        code = read_images(pair, &pair->images.items[i], &layouts[i].axes, layouts[i].sizes, at,
                           error);
        at += memory_product(layouts[i].sizes, AXES) * (pair->bytes ? 1 : (int)sizeof(float));
    }
    memory_release(layouts);
    return code == OK ? OK : pair__blame(pair, "images", error);
}
