#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

#define SUM_TOLERANCE 1e-3 /* how far from 1 the sum of a distribution may be */

int opening__target_names(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct H5File *file = opening->file;
    if (!h5_exists(file, "target_names"))
        return OK;
    if (opening_has_classes(dataset))
        return fail(error, ERROR_DATA,
                    "%s: has both /classes and /target_names; expected classes or values",
                    dataset->path);
    struct Targets *targets = &dataset->targets;
    targets->kind = TARGET_VALUES;
    int code = h5_read_texts(file, "target_names", &targets->names, &targets->count, error);
    if (code == OK && targets->count < 1)
        code = fail(error, ERROR_DATA, "%s:/target_names: has no names", dataset->path);
    return code;
}

/* Targets have a column for each output. The names say how many, or else the first split does. */
static int check_columns(struct Dataset *dataset, const char *name, int64_t columns,
                         struct Error *error) {
    struct Targets *targets = &dataset->targets;
    if (targets->names && columns != targets->count)
        return fail(error, ERROR_DATA,
                    "%s:/%s: has %" PRId64 " columns, expected %" PRId64 ": one for each %s",
                    dataset->path, name, columns, targets->count, targets_word(targets));
    if (!targets->names)
        *targets = targets_number(TARGET_VALUES, "target ", columns);
    return OK;
}

static int check_shape(struct Dataset *dataset, const struct Split *split, const char *name,
                       const struct H5Info *info, struct Error *error) {
    int64_t columns = info->rank == 2 ? info->size[1] : 1;
    if (info->type == H5_TEXT || info->type == H5_OTHER)
        return fail(error, ERROR_DATA, "%s:/%s: holds %s, expected float32", dataset->path, name,
                    info->type_name);
    if (info->rank != 1 && info->rank != 2)
        return fail(error, ERROR_DATA, "%s:/%s: has %d dimensions, expected 2: (N, outputs)",
                    dataset->path, name, info->rank);
    if (info->size[0] != split->count)
        return fail(error, ERROR_DATA, "%s:/%s: has %" PRId64 " rows for %" PRId64 " images",
                    dataset->path, name, info->size[0], split->count);
    int64_t size[] = {split->count, columns, (int64_t)sizeof(float)};
    int64_t bytes = memory_product(size, 3);
    if (columns < 1 || bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA, "%s:/%s: %" PRId64 " x %" PRId64 " targets %s",
                    dataset->path, name, split->count, columns,
                    columns < 1 ? "are none" : "do not fit into this machine's memory");
    return check_columns(dataset, name, columns, error);
}

static int check_row(const struct Dataset *dataset, const char *name, int64_t row,
                     const float *values, struct Error *error) {
    int64_t columns = dataset->targets.count;
    double sum = 0;
    for (int64_t k = 0; k < columns; k++) {
        if (!isfinite(values[k]))
            return fail(error, ERROR_DATA,
                        "%s:/%s: row %" PRId64 ", '%s': is %g, expected a number", dataset->path,
                        name, row, dataset->targets.names[k], (double)values[k]);
        if (opening_has_classes(dataset) && values[k] < 0)
            return fail(error, ERROR_DATA,
                        "%s:/%s: row %" PRId64 ", '%s': is %g, expected a probability, 0 or more",
                        dataset->path, name, row, dataset->targets.names[k], (double)values[k]);
        sum += (double)values[k];
    }
    if (opening_has_classes(dataset) && !(fabs(sum - 1) <= SUM_TOLERANCE))
        return fail(error, ERROR_DATA,
                    "%s:/%s: row %" PRId64
                    " sums to %g, expected 1: a distribution over the classes",
                    dataset->path, name, row, sum);
    return OK;
}

/* Labels each sample with its most likely class, the lowest among equals. */
static void label_by_targets(struct Dataset *dataset, int index) {
    struct Split *split = &dataset->splits[index];
    int32_t *labels = memory_array(int32_t, split->count, "labels");
    for (int64_t i = 0; i < split->count; i++) {
        const float *row = split->targets + i * dataset->targets.count;
        for (int32_t k = 1; k < dataset->targets.count; k++)
            if (row[k] > row[labels[i]])
                labels[i] = k;
    }
    dataset->storage->labels[index] = labels;
    split->labels = labels;
}

static int read_rows(struct Dataset *dataset, struct H5File *file, int index, const char *name,
                     const struct H5Info *info, struct Error *error) {
    struct Split *split = &dataset->splits[index];
    int64_t columns = dataset->targets.count;
    float *targets = memory_array(float, (split->count * columns), "targets");
    dataset->storage->targets[index] = targets;
    split->targets = targets;
    int code = h5_read(file, name, H5_FLOAT32, info->rank, info->size, targets, error);
    for (int64_t i = 0; code == OK && i < split->count; i++)
        code = check_row(dataset, name, i, targets + i * columns, error);
    if (code == OK && opening_has_classes(dataset) && !split->labels)
        label_by_targets(dataset, index);
    return code;
}

int opening__targets(struct Opening *opening, int index, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct H5File *file = opening->file;
    struct Split *split = &dataset->splits[index];
    char *name = memory_print("%s/targets", split->name);
    struct H5Info info;
    int code = OK;
    if (split->labels && !opening_has_classes(dataset))
        code = fail(error, ERROR_DATA,
                    "%s:/%s: has labels as well as targets; expected one of them, or /classes "
                    "over which the targets are distributions",
                    dataset->path, split->name);
    if (code == OK)
        code = h5_info(file, name, &info, error);
    if (code == OK)
        code = check_shape(dataset, split, name, &info, error);
    if (code == OK)
        code = read_rows(dataset, file, index, name, &info, error);
    memory_release(name);
    return code;
}

int opening__check_targets(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    const struct Split *values = NULL, *labelled = NULL;
    for (int i = 0; i < dataset->split_count; i++) {
        const struct Split *split = &dataset->splits[i];
        if (split->labels)
            labelled = split;
        else
            values = split;
    }
    if (targets_are_values(&dataset->targets) && labelled)
        return fail(error, ERROR_DATA,
                    "%s:/%s: has labels, but %s%s has %s; expected targets in every split",
                    dataset->path, labelled->name, values ? "/" : "",
                    values ? values->name : "the file", values ? "targets" : "/target_names");
    for (int i = 0; i < dataset->split_count; i++)
        if (dataset->splits[i].targets && !targets_are_values(&dataset->targets))
            dataset->targets.kind = TARGET_DISTRIBUTIONS;
    return OK;
}
