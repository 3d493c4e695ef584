#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

#define SUM_TOLERANCE 1e-3 /* the largest distance of a distribution's sum from 1 */

int opening__target_names(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct H5File *file;
    int code = opening__file(opening, opening->main, &file, error);
    if (code != OK || !h5_is_named(file, "target_names"))
        return code;
    if (opening_has_classes(dataset))
        return fail(error, ERROR_DATA,
                    "%s: has both /classes and /target_names; expected classes or values",
                    dataset->path);
    struct Targets *targets = &dataset->targets;
    targets->kind = TARGET_VALUES;
    code = h5_read_texts(file, "target_names", &targets->names, &targets->count, error);
    if (code == OK && targets->count < 1)
        code = fail(error, ERROR_DATA, "%s:/target_names: has no names", dataset->path);
    return code;
}

/* Checks that targets have a column for each output. The names, or else the first pair, determine
 * the number. */
static int check_columns(struct Dataset *dataset, const struct Array *array, int64_t columns,
                         bool sets, struct Error *error) {
    struct Targets *targets = &dataset->targets;
    if (targets->names && columns != targets->count)
        return fail(error, ERROR_DATA,
                    "%s:%s: has %" PRId64 " columns, expected %" PRId64 ": one for each %s",
                    array->name.file, array->name.path, columns, targets->count,
                    targets_word(targets));
    if (!targets->names)
        *targets = sets ? targets_number(TARGET_SETS, "", columns)
                        : targets_number(TARGET_VALUES, "target ", columns);
    return OK;
}

static int refuse_shape(const struct Array *array, struct Error *error) {
    const struct H5Info *info = &array->info;
    if (info->rank >= 1 && info->size[0] != array->count && info->rank <= 2)
        return fail(error, ERROR_DATA, "%s:%s: has %" PRId64 " rows for %" PRId64 " images",
                    array->name.file, array->name.path, info->size[0], array->count);
    return fail(error, ERROR_DATA, "%s:%s: has %d dimensions, expected 2: (N, outputs)",
                array->name.file, array->name.path, info->rank);
}

static int check_shape(struct Dataset *dataset, const struct Array *array, int64_t *columns,
                       bool *last, bool sets, struct Error *error) {
    const struct H5Info *info = &array->info;
    if (info->type >= H5_TEXT)
        return fail(error, ERROR_DATA, "%s:%s: holds %s, expected float32", array->name.file,
                    array->name.path, info->type_name);
    if (!opening__fits(info, array->count, columns, last))
        return refuse_shape(array, error);
    int64_t size[] = {array->count, *columns, (int64_t)sizeof(float)};
    int64_t bytes = memory_product(size, 3);
    char words[MEMORY_WORDS];
    if (*columns < 1)
        return fail(error, ERROR_DATA, "%s:%s: %" PRId64 " x %" PRId64 " targets are none",
                    array->name.file, array->name.path, array->count, *columns);
    if (bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA, "%s:%s: %s", array->name.file, array->name.path,
                    memory_too_large(bytes, words));
    return check_columns(dataset, array, *columns, sets, error);
}

/* Checks a row that is a set of classes. Numbers between 0 and 1 are refused. */
static int check_set(const struct Dataset *dataset, const struct Array *array, int64_t row,
                     const float *values, struct Error *error) {
    for (int64_t k = 0; k < dataset->targets.count; k++)
        if (!(values[k] >= 0 && values[k] <= 1))
            return fail(error, ERROR_DATA,
                        "%s:%s: row %" PRId64 ", '%s': is %g, expected 1 for a class that the "
                        "sample has and 0 for any other (data.multi_label)",
                        array->name.file, array->name.path, row, dataset->targets.names[k],
                        (double)values[k]);
    return OK;
}

static int check_row(const struct Dataset *dataset, const struct Array *array, int64_t row,
                     const float *values, struct Error *error) {
    const char *file = array->name.file, *path = array->name.path;
    int64_t columns = dataset->targets.count;
    double sum = 0;
    for (int64_t k = 0; k < columns; k++) {
        if (!isfinite(values[k]))
            return fail(error, ERROR_DATA, "%s:%s: row %" PRId64 ", '%s': is %g, expected a number",
                        file, path, row, dataset->targets.names[k], (double)values[k]);
        if (opening_has_classes(dataset) && values[k] < 0)
            return fail(error, ERROR_DATA,
                        "%s:%s: row %" PRId64 ", '%s': is %g, expected a probability, 0 or more",
                        file, path, row, dataset->targets.names[k], (double)values[k]);
        sum += (double)values[k];
    }
    if (opening_has_classes(dataset) && !(fabs(sum - 1) <= SUM_TOLERANCE))
        return fail(error, ERROR_DATA,
                    "%s:%s: row %" PRId64
                    " sums to %g, expected 1: a distribution over the classes",
                    file, path, row, sum);
    return OK;
}

/* Labels each sample with its most likely class; among equals, the one with the lowest index. */
static void label_by_targets(const struct Dataset *dataset, struct Pair *pair) {
    pair->classes = memory_array(int32_t, pair->count, "labels");
    for (int64_t i = 0; i < pair->count; i++) {
        const float *row = pair->values + i * dataset->targets.count;
        for (int32_t k = 1; k < dataset->targets.count; k++)
            if (row[k] > row[pair->classes[i]])
                pair->classes[i] = k;
    }
}

/* Transposes (columns, count) to (count, columns). */
static void turn(int64_t count, int64_t columns, float *values) {
    float *turned = memory_copy_array(values, count * columns, "targets");
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < columns; k++)
            values[i * columns + k] = turned[k * count + i];
    memory_release(turned);
}

static int read_rows(struct Dataset *dataset, const struct Array *array, bool last, float *rows,
                     struct Error *error) {
    int64_t columns = dataset->targets.count;
    int code = h5_read(array->file, array->name.path, H5_FLOAT32, array->info.rank,
                       array->info.size, rows, error);
    if (code == OK && last)
        turn(array->count, columns, rows);
    for (int64_t i = 0; code == OK && i < array->count; i++)
        code = dataset->targets.kind == TARGET_SETS
                   ? check_set(dataset, array, i, rows + i * columns, error)
                   : check_row(dataset, array, i, rows + i * columns, error);
    return code;
}

static int check_arrays(const struct Dataset *dataset, const struct Pair *pair,
                        struct Error *error) {
    const struct Array *first = &pair->targets.items[0];
    if (pair->labels.count && !opening_has_classes(dataset))
        return fail(error, ERROR_DATA,
                    "%s:/%s: has labels as well as targets; expected one of them, or /classes "
                    "over which the targets are distributions",
                    first->name.file, pair->split);
    if (pair->targets.count != 1 && pair->targets.count != pair->images.count)
        return fail(error, ERROR_DATA,
                    "%s:%s: is one of %d arrays of targets for %d arrays of images; expected one "
                    "for each of them, or one for all",
                    first->name.file, first->name.path, pair->targets.count, pair->images.count);
    return OK;
}

int opening__targets(struct Opening *opening, struct Pair *pair, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int64_t offset = 0;
    int code = check_arrays(dataset, pair, error);
    for (int i = 0; i < pair->targets.count && code == OK; i++) {
        struct Array *array = &pair->targets.items[i];
        int64_t columns;
        bool last;
        array->count = pair->targets.count == 1 ? pair->count : pair->images.items[i].count;
        code = check_shape(dataset, array, &columns, &last, opening->sets, error);
        if (code == OK && !pair->values)
            pair->values = memory_array(float, pair->count *columns, "targets");
        if (code == OK)
            code = read_rows(dataset, array, last, pair->values + offset * columns, error);
        offset += array->count;
    }
    if (code == OK && opening_has_classes(dataset) && !opening->sets && !pair->labels.count)
        label_by_targets(dataset, pair);
    /* labels that are sets of classes */
    bool labels = pair->options && !pair->options->targets.count;
    return code == OK ? OK : pair__blame(pair, labels ? "labels" : "targets", error);
}

int opening__check_targets(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    const struct DatasetStorage *storage = dataset->storage;
    const struct Pair *values = NULL, *labelled = NULL;
    for (int i = 0; i < storage->pair_count; i++) {
        const struct Pair *pair = &storage->pairs[i];
        if (pair->classes)
            labelled = pair;
        else if (pair->values)
            values = pair;
        if (pair->values && dataset->targets.kind == TARGET_CLASSES)
            dataset->targets.kind = TARGET_DISTRIBUTIONS;
    }
    if (!targets_are_values(&dataset->targets) || !labelled)
        return OK;
    return fail(error, ERROR_DATA,
                "%s:/%s: has labels, but %s%s has %s; expected targets in every split",
                dataset->path, labelled->split, values ? "/" : "",
                values ? values->split : "the file", values ? "targets" : "/target_names");
}
