#include "data/dataset_targets.h"

#include <math.h>

#include "base/memory.h"
#include "data/dataset_storage.h"

#define NEARLY_ONE 1e-3 /* how far from 1 a distribution may sum */

int dataset_read_target_names(struct Dataset *dataset, struct H5File *file, struct Error *error) {
    if (!h5_exists(file, "target_names"))
        return OK;
    if (dataset->class_names)
        return fail(error, ERROR_DATA,
                    "%s: has both /classes and /target_names; expected classes or values",
                    dataset->path);
    int result =
        h5_read_texts(file, "target_names", &dataset->target_names, &dataset->target_count, error);
    if (result == OK && dataset->target_count < 1)
        result = fail(error, ERROR_DATA, "%s:/target_names: has no names", dataset->path);
    return result;
}

/* Both kinds of targets have a column an output, known from the names or from the first split. */
static int check_columns(struct Dataset *dataset, const char *name, int64_t columns,
                         struct Error *error) {
    if (dataset->class_names && columns != dataset->class_count)
        return fail(error, ERROR_DATA, "%s:/%s: has %lld columns, expected %lld: one a class",
                    dataset->path, name, (long long)columns, (long long)dataset->class_count);
    if (dataset->class_names)
        return OK;
    if (dataset->target_count && columns != dataset->target_count)
        return fail(error, ERROR_DATA, "%s:/%s: has %lld columns, expected %lld: one a target",
                    dataset->path, name, (long long)columns, (long long)dataset->target_count);
    if (dataset->target_names)
        return OK;
    dataset->target_count = columns;
    dataset->target_names = memory_allocate((size_t)columns * sizeof(char *), "target names");
    for (int64_t k = 0; k < columns; k++)
        dataset->target_names[k] = memory_print("target %lld", (long long)k);
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
        return fail(error, ERROR_DATA, "%s:/%s: has %lld rows for %lld images", dataset->path, name,
                    (long long)info->size[0], (long long)split->count);
    int64_t size[] = {split->count, columns, (int64_t)sizeof(float)};
    int64_t bytes = memory_product(size, 3);
    if (columns < 1 || bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA, "%s:/%s: %lld x %lld targets %s", dataset->path, name,
                    (long long)split->count, (long long)columns,
                    columns < 1 ? "are none" : "are beyond this machine's memory");
    return check_columns(dataset, name, columns, error);
}

static int check_row(const struct Dataset *dataset, const char *name, int64_t row,
                     const float *values, struct Error *error) {
    int64_t columns = dataset_outputs(dataset);
    double sum = 0;
    for (int64_t k = 0; k < columns; k++) {
        if (!isfinite(values[k]))
            return fail(error, ERROR_DATA, "%s:/%s: row %lld, '%s': is %g, expected a number",
                        dataset->path, name, (long long)row, dataset_output_names(dataset)[k],
                        (double)values[k]);
        if (dataset->class_names && values[k] < 0)
            return fail(error, ERROR_DATA,
                        "%s:/%s: row %lld, '%s': is %g, expected a part of the class, from 0",
                        dataset->path, name, (long long)row, dataset->class_names[k],
                        (double)values[k]);
        sum += (double)values[k];
    }
    if (dataset->class_names && !(fabs(sum - 1) <= NEARLY_ONE))
        return fail(error, ERROR_DATA,
                    "%s:/%s: row %lld sums to %g, expected 1: a distribution over the classes",
                    dataset->path, name, (long long)row, sum);
    return OK;
}

/* The class that has the most of each row, the lowest among equals. */
static void label_by_targets(struct Dataset *dataset, int index) {
    struct Split *split = &dataset->splits[index];
    int32_t *labels = memory_allocate((size_t)split->count * sizeof *labels, "labels");
    for (int64_t i = 0; i < split->count; i++) {
        const float *row = split->targets + i * dataset->class_count;
        for (int32_t k = 1; k < dataset->class_count; k++)
            if (row[k] > row[labels[i]])
                labels[i] = k;
    }
    dataset->storage->labels[index] = labels;
    split->labels = labels;
}

static int read_rows(struct Dataset *dataset, struct H5File *file, int index, const char *name,
                     const struct H5Info *info, struct Error *error) {
    struct Split *split = &dataset->splits[index];
    int64_t columns = dataset_outputs(dataset);
    float *targets = memory_allocate((size_t)(split->count * columns) * sizeof *targets, "targets");
    dataset->storage->targets[index] = targets;
    split->targets = targets;
    int result = h5_read(file, name, H5_FLOAT32, info->rank, info->size, targets, error);
    for (int64_t i = 0; result == OK && i < split->count; i++)
        result = check_row(dataset, name, i, targets + i * columns, error);
    if (result == OK && dataset->class_names && !split->labels)
        label_by_targets(dataset, index);
    return result;
}

int dataset_open_targets(struct Dataset *dataset, struct H5File *file, int index,
                         struct Error *error) {
    struct Split *split = &dataset->splits[index];
    char *name = memory_print("%s/targets", split->name);
    struct H5Info info;
    int result = OK;
    if (split->labels && !dataset->class_names)
        result = fail(error, ERROR_DATA,
                      "%s:/%s: has labels as well as targets; expected one of them, or /classes "
                      "over which the targets are distributions",
                      dataset->path, split->name);
    if (result == OK)
        result = h5_info(file, name, &info, error);
    if (result == OK)
        result = check_shape(dataset, split, name, &info, error);
    if (result == OK)
        result = read_rows(dataset, file, index, name, &info, error);
    memory_release(name);
    return result;
}

int dataset_check_targets(const struct Dataset *dataset, struct Error *error) {
    const struct Split *values = NULL, *labelled = NULL;
    for (int i = 0; i < dataset->split_count; i++) {
        const struct Split *split = &dataset->splits[i];
        if (split->labels)
            labelled = split;
        else
            values = split;
    }
    if (dataset->target_count && labelled)
        return fail(error, ERROR_DATA,
                    "%s:/%s: has labels, but %s%s has %s; expected targets in every split",
                    dataset->path, labelled->name, values ? "/" : "",
                    values ? values->name : "the file", values ? "targets" : "/target_names");
    return OK;
}

static int read_statistic(struct Dataset *dataset, struct H5File *file, const char *name,
                          double least, double **values, struct Error *error) {
    if (!h5_exists(file, name))
        return OK;
    *values = memory_allocate((size_t)dataset->target_count * sizeof(double), "statistics");
    int result = h5_read(file, name, H5_FLOAT64, 1, &dataset->target_count, *values, error);
    for (int64_t k = 0; result == OK && k < dataset->target_count; k++)
        if (!isfinite((*values)[k]) || (least == 0 && !statistic_divides((*values)[k])))
            result =
                fail(error, ERROR_DATA, "%s:/%s: element %lld is %g, expected %s%s", dataset->path,
                     name, (long long)k, (*values)[k], least < 0 ? "a number" : "0 or more",
                     least == 0 && (*values)[k] > 0 ? " that a float can hold" : "");
    return result;
}

int dataset_read_target_statistics(struct Dataset *dataset, struct H5File *file,
                                   struct Error *error) {
    int result = read_statistic(dataset, file, "statistics/target_mean", -INFINITY,
                                &dataset->target_mean, error);
    return result ? result
                  : read_statistic(dataset, file, "statistics/target_std", 0, &dataset->target_std,
                                   error);
}
