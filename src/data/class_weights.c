#include "data/class_weights.h"

#include <inttypes.h>
#include <math.h>

#include "base/memory.h"

static const char place[] = "/class_weights";

void class_weights_release(struct ClassWeights *weights) {
    memory_release(weights->values);
    *weights = (struct ClassWeights){0};
}

/* How many samples each class has; returns how many classes have any. */
static int64_t count_samples(const struct Split *split, int64_t classes, double *counts) {
    int64_t present = 0;
    for (int64_t i = 0; i < split->count; i++) {
        const float *row = split->targets ? split->targets + i * classes : NULL;
        for (int64_t c = 0; row && c < classes; c++)
            counts[c] += (double)row[c];
        if (!row)
            counts[split->labels[i]]++;
    }
    for (int64_t c = 0; c < classes; c++)
        present += counts[c] > 0;
    return present;
}

void class_weights_balance(struct ClassWeights *weights, const struct Dataset *dataset,
                           const struct Split *split, bool by_itself) {
    int64_t classes = dataset->targets.count;
    double *values = memory_array(double, classes, "weights of classes");
    double samples = (double)split->count;
    double present = (double)count_samples(split, classes, values);
    for (int64_t c = 0; c < classes; c++) {
        double own = values[c], rest = samples - own;
        values[c] = by_itself ? rest / own : samples / (present * own);
        if (own <= 0 || (by_itself && rest <= 0))
            values[c] = 1;
    }
    *weights = (struct ClassWeights){.count = classes, .values = values};
}

static int save(const void *value, struct H5Writer *writer, struct Error *error) {
    const struct ClassWeights *weights = value;
    return weights->count
               ? h5_write(writer, place, H5_FLOAT64, 1, &weights->count, weights->values, error)
               : OK;
}

static void release(void *value) {
    class_weights_release(value);
}

static int check(const struct ClassWeights *weights, const struct H5File *file,
                 struct Error *error) {
    for (int64_t c = 0; c < weights->count; c++)
        if (!(isfinite(weights->values[c]) && weights->values[c] >= 0))
            return fail(error, ERROR_CHECKPOINT,
                        "%s:%s: element %" PRId64 " is %g, expected a weight, 0 or more",
                        h5_path(file), place, c, weights->values[c]);
    return OK;
}

static int load(void *value, struct H5File *file, struct Error *error) {
    struct ClassWeights *weights = value;
    struct H5Info info;
    if (!h5_exists(file, place))
        return OK;
    int code = h5_info(file, place, &info, error);
    if (code)
        return code;
    if (info.rank != 1 || !memory_can_hold((uint64_t)info.size[0] * sizeof(double)))
        return fail(error, ERROR_CHECKPOINT,
                    "%s:%s: has %d dimensions, expected 1: a weight for "
                    "each class",
                    h5_path(file), place, info.rank);
    weights->count = info.size[0];
    weights->values = memory_array(double, weights->count, "weights of classes");
    code = h5_read(file, place, H5_FLOAT64, 1, info.size, weights->values, error);
    if (!code)
        code = check(weights, file, error);
    if (code)
        release(value);
    return code;
}

const struct SavedGroup class_weights_saved = {.save = save, .load = load, .release = release};
