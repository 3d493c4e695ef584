#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/blocks.h"

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
    char words[MEMORY_WORDS];
    return fail(error, ERROR_DATA, "%s:%s: %s", array->name.file, array->name.path,
                memory_too_large(bytes, words));
}

static const char *axes_of(const struct Opening *opening, const struct Pair *pair) {
    const struct DataOptions *options = opening->request->options;
    if (pair->options && pair->options->axes)
        return pair->options->axes;
    return options ? options->axes : "auto";
}

/* Sets the layout for images whose shape differs from the array's. The samples must be the first or
 * the last dimension; the others must have as many elements as `shape`. */
static int reshape(const struct Array *array, const struct Ints *shape, struct ImageLayout *layout,
                   struct Error *error) {
    const struct H5Info *info = &array->info;
    bool last = layout->axes.dimension[AXIS_SAMPLE] > 0;
    layout->samples = last ? info->rank - 1 : 0;
    int64_t wanted = memory_product(shape->values, shape->count);
    int64_t there = memory_product(info->size + !last, info->rank - 1);
    if (layout->axes.dimension[AXIS_SAMPLE] < 0 ||
        (last && layout->axes.dimension[AXIS_SAMPLE] != shape->count))
        return fail(error, ERROR_RUN_FILE,
                    "shape needs the samples as the first or the last dimension");
    if (there != wanted || there < 0)
        return fail(error, ERROR_DATA,
                    "%s:%s: has %" PRId64
                    " values for each sample, which cannot have the shape %" PRId64,
                    array->name.file, array->name.path, there, wanted);
    memcpy(layout->shape + !last, shape->values, (size_t)shape->count * sizeof *shape->values);
    layout->shape[last ? shape->count : 0] = info->size[layout->samples];
    return OK;
}

/* Sets the order of an array's dimensions and the sizes that follow from it. */
static int read_axes(struct Opening *opening, const struct Pair *pair, const struct Array *array,
                     struct ImageLayout *layout, struct Error *error) {
    const struct Ints *shape = pair->options ? &pair->options->shape : NULL;
    bool reshapes = shape && shape->count;
    int code = axes__parse(&layout->axes, axes_of(opening, pair),
                           reshapes ? shape->count + 1 : array->info.rank, error);
    if (code == OK && reshapes && reshape(array, shape, layout, error) != OK) {
        pair__blame(pair, "shape", error);
        return error->code;
    }
    if (code == OK && !reshapes) {
        memcpy(layout->shape, array->info.size, sizeof layout->shape);
        layout->samples = layout->axes.dimension[AXIS_SAMPLE];
    }
    if (code == OK) {
        axes__sizes(&layout->axes, layout->shape, layout->sizes);
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
    if (type < H5_TEXT)
        return OK;
    return fail(error, ERROR_DATA, "%s:%s: holds %s, expected numbers", array->name.file,
                array->name.path, array->info.type_name);
}

/* Returns whether an array can be used in the file's mapping as it is. */
static bool can_be_mapped(const struct Pair *pair, const struct Array *array,
                          const struct Axes *axes) {
    const struct H5Info *info = &array->info;
    enum H5Type wanted = pair->bytes ? H5_UINT8 : H5_FLOAT32;
    bool aligned = pair->bytes || info->offset % sizeof(float) == 0;
    return info->contiguous && aligned && info->type == wanted && axes__are_own(axes);
}

/* Maps the images, or leaves them to be read in blocks if the process has no address space for the
 * file and the request allows it. */
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
    return opening->request->defers ? OK : code;
}

static int measure(struct Opening *opening, struct Pair *pair, struct Error *error) {
    struct ImageLayout *layouts = pair->layouts;
    int code = OK;
    pair->bytes = true;
    for (int i = 0; i < pair->images.count && code == OK; i++) {
        struct Array *array = &pair->images.items[i];
        code = check_type(array, error);
        if (code == OK)
            code = read_axes(opening, pair, array, &layouts[i], error);
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

static int map_pair(struct Opening *opening, struct Pair *pair, struct Error *error) {
    int element = pair->bytes ? 1 : (int)sizeof(float);
    int code = OK;
    for (int i = 0; i < pair->images.count && code == OK; i++) {
        const struct Array *array = &pair->images.items[i];
        int64_t size = memory_product(pair->layouts[i].sizes, AXES) * element;
        if (can_be_mapped(pair, array, &pair->layouts[i].axes))
            code = map_images(opening, array, size, &pair->runs[i].images, error);
    }
    return code;
}

static int check_written(const struct Pair *pair, struct Error *error) {
    for (int i = 0; i < pair->images.count; i++) {
        const struct Array *array = &pair->images.items[i];
        if (!pair->encoded && array->info.stored == 0 && !array->info.virtual)
            return fail(error, ERROR_DATA, "%s:%s: has no values: they were never written",
                        array->name.file, array->name.path);
    }
    return OK;
}

/* Reads the images that are not mapped into memory. */
static int load(struct Pair *pair, struct Error *error) {
    int64_t bytes = blocks__bytes(pair);
    int code = bytes ? check_room(&pair->images.items[0], bytes, error) : OK;
    if (code != OK || !bytes)
        return code;
    pair->pixels = memory_allocate((size_t)bytes, "images");
    code = blocks__load(pair, 0, 1, pair->pixels, error);
    if (code == OK)
        blocks__take(pair, pair->pixels);
    return code;
}

int opening__images(struct Opening *opening, struct Pair *pair, struct Error *error) {
    int count = pair->images.count;
    pair->runs = memory_array(struct ImageRun, count, "array pairs");
    pair->layouts = memory_array(struct ImageLayout, count, "array pairs");
    pair->encoded = opening__is_encoded(&pair->images.items[0]);
    int code =
        pair->encoded ? opening__encoded(opening, pair, error) : measure(opening, pair, error);
    if (code == OK)
        code = check_written(pair, error);
    if (code == OK && !pair->encoded)
        code = map_pair(opening, pair, error);
    if (code == OK)
        blocks__measure(pair);
    if (code == OK && !opening->request->defers)
        code = load(pair, error);
    return code == OK ? OK : pair__blame(pair, "images", error);
}
