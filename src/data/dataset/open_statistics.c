#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

/* One array of /statistics, and where it is kept in memory. */
struct Stored {
    const char *name;
    const void *values; /* float if `single`, else double */
    int64_t count;
    bool single, of_deviation;
    double most;  /* the largest magnitude allowed */
    double least; /* the least deviation allowed besides 0 */
};

static double element_of(const struct Stored *stored, int64_t i) {
    return stored->single ? (double)((const float *)stored->values)[i]
                          : ((const double *)stored->values)[i];
}

static int check_elements(const struct Dataset *dataset, const struct Stored *stored,
                          struct Error *error) {
    for (int64_t i = 0; i < stored->count; i++) {
        double value = element_of(stored, i);
        if (!(fabs(value) <= stored->most))
            return fail(error, ERROR_DATA,
                        "%s:/%s: element %" PRId64 " is %g, expected a number from -%g to %g",
                        dataset->path, stored->name, i, value, stored->most, stored->most);
        if (stored->of_deviation && value != 0 && !(value >= stored->least))
            return fail(error, ERROR_DATA,
                        "%s:/%s: element %" PRId64 " is %g, expected 0, or %g or more",
                        dataset->path, stored->name, i, value, stored->least);
    }
    return OK;
}

/* The least deviation of bytes that is not 0: a single 1 among zeros has a larger one in any data
 * set. */
#define LEAST_OF_BYTES 1e-10
static void bound(struct Stored *stored, const struct StatisticRow *row, bool bytes) {
    stored->most = (double)FLT_MAX;
    stored->least = (double)FLT_MIN;
    if (bytes) {
        stored->most = row->of == STATISTIC_OF_PAIRS ? 255.0 * 255 : 255;
        stored->least = LEAST_OF_BYTES;
    }
}

static int read_values(struct Opening *opening, const struct Split *split,
                       const struct StatisticRow *row, const char *name, int rank,
                       const int64_t *size, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct H5File *file = opening__main(opening);
    int64_t count = memory_product(size, rank);
    size_t bytes = (size_t)count * (row->single ? sizeof(float) : sizeof(double));
    char words[MEMORY_WORDS];
    if (!memory_can_hold(bytes))
        return fail(error, ERROR_DATA, "%s:/%s: %s", dataset->path, name,
                    memory_too_large((int64_t)bytes, words));
    void *values = memory_allocate(bytes, "statistics of a data set");
    *statistic_place(row, &dataset->statistics) = values;
    int code =
        h5_read(file, name, row->single ? H5_FLOAT32 : H5_FLOAT64, rank, size, values, error);
    struct Stored stored = {name, values, count, row->single, row->of_deviation, 0, 0};
    bound(&stored, row, split->bytes);
    return code ? code : check_elements(dataset, &stored, error);
}

/* Reads one statistic, or leaves it NULL if the file does not have it. */
static int read_statistic(struct Opening *opening, const struct Split *split,
                          const struct StatisticRow *row, struct Error *error) {
    const struct Dataset *dataset = opening->dataset;
    int64_t size[3];
    int rank = statistic_shape(row, dataset->height, dataset->width, dataset->channels, size);
    char *name = memory_print("statistics/%s", row->name);
    int code = OK;
    if (rank && h5_exists(opening__main(opening), name))
        code = read_values(opening, split, row, name, rank, size, error);
    memory_release(name);
    return code;
}

static int read_target_statistic(struct Opening *opening, const char *name, bool of_deviation,
                                 double **values, struct Error *error) {
    const struct Dataset *dataset = opening->dataset;
    struct H5File *file = opening__main(opening);
    int64_t count = dataset->targets.count;
    if (!h5_exists(file, name))
        return OK;
    *values = memory_array(double, count, "statistics of a data set");
    int code = h5_read(file, name, H5_FLOAT64, 1, &count, *values, error);
    const struct Stored stored = {name,         *values,         count,          false,
                                  of_deviation, (double)FLT_MAX, (double)FLT_MIN};
    return code ? code : check_elements(dataset, &stored, error);
}

/* Sets whether the statistics of the file describe the split as it is now. Files that name no split
 * have those of "train". */
static int are_of(struct H5File *file, const struct Split *split, bool *same, struct Error *error) {
    char *name = NULL, *digest = NULL;
    int code = OK;
    if (h5_has_attribute(file, "statistics", "split"))
        code = h5_read_attribute(file, "statistics", "split", H5_TEXT, &name, error);
    if (code == OK && h5_has_attribute(file, "statistics", "digest"))
        code = h5_read_attribute(file, "statistics", "digest", H5_TEXT, &digest, error);
    *same = code == OK && !strcmp(split->name, name ? name : "train") &&
            (!digest || !*digest || !split->digest[0] || !strcmp(digest, split->digest));
    memory_release(name);
    memory_release(digest);
    return code;
}

static int read_all(struct Opening *opening, const struct Split *split, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int code = OK;
    for (const struct StatisticRow *row = statistic_rows; code == OK && row->name; row++)
        code = read_statistic(opening, split, row, error);
    if (code == OK && targets_are_values(&dataset->targets))
        code = read_target_statistic(opening, "statistics/target_mean", false,
                                     &dataset->target_mean, error);
    if (code == OK && targets_are_values(&dataset->targets))
        code = read_target_statistic(opening, "statistics/target_std", true, &dataset->target_std,
                                     error);
    return code;
}

int opening__statistics(struct Opening *opening, const struct Split *split, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct H5File *file = opening__main(opening);
    bool same = false;
    if (!h5_exists(file, "statistics"))
        return OK;
    int code = are_of(file, split, &same, error);
    if (code == OK && !same)
        return OK;
    if (code == OK)
        code = read_all(opening, split, error);
    if (code && !h5_has_attribute(file, "/", "format_version")) {
        /* another program wrote them */
        dataset__note(dataset, memory_print("not used: %s", error->text));
        statistic_values_release(&dataset->statistics);
        memory_release(dataset->target_mean);
        memory_release(dataset->target_std);
        dataset->target_mean = dataset->target_std = NULL;
        return OK;
    }
    dataset->statistics_of = split;
    return code;
}
