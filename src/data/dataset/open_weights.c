#include <inttypes.h>

#include "base/memory.h"
#include "base/weights.h"
#include "data/dataset/opening.h"

static int check_values(const struct Array *array, const float *weights, struct Error *error) {
    for (int64_t i = 0; i < array->count; i++)
        if (!(weights[i] >= 0 && weights[i] <= WEIGHT_MOST))
            return fail(error, ERROR_DATA,
                        "%s:%s: row %" PRId64 " is %g, expected a weight from 0 to %g",
                        array->name.file, array->name.path, i, (double)weights[i], WEIGHT_MOST);
    return OK;
}

static int read_array(const struct Array *array, float *weights, struct Error *error) {
    const struct H5Info *info = &array->info;
    bool last;
    if (info->type >= H5_TEXT)
        return fail(error, ERROR_DATA, "%s:%s: holds %s, expected weights, which are numbers",
                    array->name.file, array->name.path, info->type_name);
    if (!opening__fits(info, array->count, NULL, &last)) {
        struct Text shape = {0};
        text_add_shape(&shape, info->size, info->rank);
        fail(error, ERROR_DATA,
             "%s:%s: has shape %s for %" PRId64 " images; expected one weight for each, (N)",
             array->name.file, array->name.path, shape.data, array->count);
        text_release(&shape);
        return error->code;
    }
    int code =
        h5_read(array->file, array->name.path, H5_FLOAT32, info->rank, info->size, weights, error);
    return code ? code : check_values(array, weights, error);
}

int opening__weights(struct Pair *pair, struct Error *error) {
    struct Arrays *arrays = &pair->weights;
    int64_t offset = 0;
    int code = OK;
    if (arrays->count != 1 && arrays->count != pair->images.count) {
        fail(error, ERROR_DATA,
             "names %d arrays for %d arrays of images; expected one for each of them, or one for "
             "all",
             arrays->count, pair->images.count);
        return pair__blame(pair, "weights", error);
    }
    char words[MEMORY_WORDS];
    int64_t bytes = memory_product((int64_t[]){pair->count, (int64_t)sizeof(float)}, 2);
    if (bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA, "%s:%s: %s", arrays->items[0].name.file,
                    arrays->items[0].name.path, memory_too_large(bytes, words));
    pair->sample_weights = memory_array(float, pair->count, "weights of samples");
    for (int i = 0; i < arrays->count && code == OK; i++) {
        struct Array *array = &arrays->items[i];
        array->count = arrays->count == 1 ? pair->count : pair->images.items[i].count;
        code = read_array(array, pair->sample_weights + offset, error);
        offset += array->count;
    }
    return code == OK ? OK : pair__blame(pair, "weights", error);
}
