#include "data/statistics/statistics_file.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/listed.h"

int statistics_write(struct H5Writer *writer, const struct StatisticValues *values, int64_t height,
                     int64_t width, int64_t channels, struct Error *error) {
    int code = OK;
    for (const struct StatisticRow *row = statistic_rows; code == OK && row->name; row++) {
        int64_t size[3];
        int rank = statistic_shape(row, height, width, channels, size);
        if (rank == 0)
            continue;
        char *name = memory_print("/statistics/%s", row->name);
        code = h5_write(writer, name, row->single ? H5_FLOAT32 : H5_FLOAT64, rank, size,
                        statistic_of(row, values), error);
        memory_release(name);
    }
    return code;
}

/* Names in the file, for one scale. */
struct Names {
    char *group, *values, *vectors;
};

static struct Names names_of(const char *scale) {
    return (struct Names){memory_print("/statistics/pca/%s", scale),
                          memory_print("/statistics/pca/%s/eigenvalues", scale),
                          memory_print("/statistics/pca/%s/eigenvectors", scale)};
}

static void names_release(struct Names *names) {
    memory_release(names->group);
    memory_release(names->values);
    memory_release(names->vectors);
}

/* The split that the file's statistics are of. */
static const struct Split *training_split(const struct Dataset *dataset) {
    struct Error ignored;
    return dataset->statistics_of ? dataset->statistics_of
                                  : dataset_split(dataset, "train", &ignored);
}

static int write_pca(struct H5Writer *writer, const struct Dataset *dataset, const struct Pca *pca,
                     const char *scale, struct Error *error) {
    const int64_t size[] = {pca->count, dataset->height, dataset->width, dataset->channels};
    struct Names names = names_of(scale);
    int code = h5_write(writer, names.values, H5_FLOAT64, 1, size, pca->eigenvalues, error);
    if (code == OK)
        code = h5_write(writer, names.vectors, H5_FLOAT32, 4, size, pca->eigenvectors, error);
    if (code == OK)
        code = h5_write_attribute(writer, names.group, "total_variance", H5_FLOAT64,
                                  &pca->total_variance, error);
    if (code == OK)
        code = h5_write_attribute(writer, names.group, "digest", H5_TEXT,
                                  training_split(dataset)->digest, error);
    names_release(&names);
    return code;
}

int statistics_store(const struct Dataset *dataset, const struct StatisticValues *values,
                     const struct Pca *pca, const char *scale, struct Error *error) {
    struct H5Writer *writer;
    int code = h5_update(&writer, dataset->path, ERROR_DATA, error);
    if (code != OK)
        return code;
    code =
        statistics_write(writer, values, dataset->height, dataset->width, dataset->channels, error);
    const struct Split *split = training_split(dataset);
    if (code == OK && split)
        code = h5_write_attribute(writer, "/statistics", "split", H5_TEXT, split->name, error);
    if (code == OK && split && split->digest[0])
        code = h5_write_attribute(writer, "/statistics", "digest", H5_TEXT, split->digest, error);
    if (code == OK && pca)
        code = write_pca(writer, dataset, pca, scale, error);
    if (code == OK)
        code = listed__update_arrays(writer, dataset->path, error);
    if (code == OK)
        return h5_commit(writer, error);
    h5_abandon(writer);
    return code;
}

/* Checks that the components belong to the pixels that the file holds now. */
static int check_digest(struct H5File *file, const struct Dataset *dataset, const char *group,
                        const char *scale, struct Error *error) {
    const struct Split *train = training_split(dataset);
    char *digest;
    if (!train || !train->digest[0] || !h5_has_attribute(file, group, "digest"))
        return h5_check(file, error);
    int code = h5_read_attribute(file, group, "digest", H5_TEXT, &digest, error);
    if (code != OK)
        return code;
    if (digest[0] && strcmp(digest, train->digest) != 0) {
        fail(error, ERROR_DATA,
             "%s:%s: is of another training split (digest %.40s, the file's is %s)", dataset->path,
             group, digest, train->digest);
        code = error_advise(error, ADVICE_COMPONENTS, dataset->path, scale, 0);
    }
    memory_release(digest);
    return code;
}

static double length_of(const float *vector, int64_t elements) {
    double sum = 0;
    for (int64_t i = 0; i < elements; i++)
        sum += (double)vector[i] * (double)vector[i];
    return sqrt(sum);
}

static int check_values(const struct Dataset *dataset, const struct Pca *pca,
                        const struct Names *names, struct Error *error) {
    for (int64_t i = 0; i < pca->count; i++) {
        double value = pca->eigenvalues[i];
        if (!isfinite(value) || value < 0 || (i && value > pca->eigenvalues[i - 1]))
            return fail(error, ERROR_DATA,
                        "%s:%s: element %" PRId64 " is %g, expected descending numbers, 0 or more",
                        dataset->path, names->values, i, value);
    }
    for (int64_t i = 0; i < pca->count; i++) {
        double length = length_of(&pca->eigenvectors[i * pca->elements], pca->elements);
        if (!(fabs(length - 1) <= 0.01))
            return fail(error, ERROR_DATA,
                        "%s:%s: vector %" PRId64 " has the length %g, expected 1", dataset->path,
                        names->vectors, i, length);
    }
    if (!isfinite(pca->total_variance) || pca->total_variance < 0)
        return fail(error, ERROR_DATA, "%s:%s, attribute total_variance: is %g, expected a number",
                    dataset->path, names->group, pca->total_variance);
    return OK;
}

static int read_pca(struct H5File *file, const struct Dataset *dataset, const struct Names *names,
                    struct Pca *pca, struct Error *error) {
    struct H5Info info;
    int code = h5_info(file, names->values, &info, error);
    if (code != OK)
        return code;
    int64_t size[] = {info.rank ? info.size[0] : 0, dataset->height, dataset->width,
                      dataset->channels};
    if (info.rank != 1 || size[0] < 1 || size[0] > pca->elements)
        return fail(error, ERROR_DATA,
                    "%s:%s: expected one dimension, of 1 to %" PRId64
                    " components, found %d of %" PRId64,
                    dataset->path, names->values, pca->elements, info.rank, size[0]);
    int64_t count = memory_product(size, 4);
    int64_t bytes = memory_product((int64_t[]){count, (int64_t)sizeof(float)}, 2);
    char words[MEMORY_WORDS];
    if (bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA, "%s:%s: %s", dataset->path, names->vectors,
                    memory_too_large(bytes, words));
    pca->count = size[0];
    pca->eigenvalues = memory_array(double, size[0], "eigenvalues");
    pca->eigenvectors = memory_array(float, count, "eigenvectors");
    code = h5_read(file, names->values, H5_FLOAT64, 1, size, pca->eigenvalues, error);
    if (code == OK)
        code = h5_read(file, names->vectors, H5_FLOAT32, 4, size, pca->eigenvectors, error);
    if (code == OK)
        code = h5_read_attribute(file, names->group, "total_variance", H5_FLOAT64,
                                 &pca->total_variance, error);
    return code == OK ? check_values(dataset, pca, names, error) : code;
}

int pca_read(struct Pca *pca, const struct Dataset *dataset, const char *scale,
             struct Error *error) {
    *pca = (struct Pca){.elements = dataset->height * dataset->width * dataset->channels};
    struct H5File *file;
    int code = h5_open(&file, dataset->path, ERROR_DATA, error);
    if (code != OK)
        return code;
    struct Names names = names_of(scale);
    bool there = h5_exists(file, names.values);
    code = h5_check(file, error);
    if (code == OK && !there) {
        fail(error, ERROR_DATA, "%s: has no principal components for preprocess.scale: %s",
             dataset->path, strcmp(scale, "none") ? scale : "none or range");
        code = error_advise(error, ADVICE_COMPONENTS, dataset->path, scale, 0);
    }
    if (code == OK)
        code = check_digest(file, dataset, names.group, scale, error);
    if (code == OK)
        code = read_pca(file, dataset, &names, pca, error);
    names_release(&names);
    h5_close(file);
    if (code != OK)
        pca_release(pca);
    return code;
}

/* Sets which of pca_scales the data set's file has components of. */
static int find_pca(const struct Dataset *dataset, bool *found, struct Error *error) {
    struct H5File *file;
    int code = h5_open(&file, dataset->path, ERROR_DATA, error);
    if (code != OK)
        return code;
    for (int i = 0; pca_scales[i]; i++) {
        struct Names names = names_of(pca_scales[i]);
        found[i] = h5_exists(file, names.values) || h5_exists(file, names.vectors);
        names_release(&names);
    }
    code = h5_check(file, error);
    h5_close(file);
    return code;
}

int pca_verify(const struct Dataset *dataset, struct Error *error) {
    bool found[PCA_SCALES];
    int code = find_pca(dataset, found, error);
    for (int i = 0; code == OK && pca_scales[i]; i++) {
        struct Pca pca;
        code = found[i] ? pca_read(&pca, dataset, pca_scales[i], error) : OK;
        if (code == OK && found[i])
            pca_release(&pca);
    }
    return code;
}

static bool is_of_pca(const char *name) {
    bool found = false;
    for (int i = 0; pca_scales[i] && !found; i++) {
        struct Names names = names_of(pca_scales[i]);
        found = !strcmp(name, names.values + strlen("/statistics/")) ||
                !strcmp(name, names.vectors + strlen("/statistics/"));
        names_release(&names);
    }
    return found;
}

bool statistics_have(const struct Dataset *dataset, const char *name) {
    for (const struct StatisticRow *row = statistic_rows; row->name; row++)
        if (!strcmp(row->name, name))
            return statistic_of(row, &dataset->statistics) != NULL;
    if (!strcmp(name, "target_mean"))
        return dataset->target_mean != NULL;
    if (!strcmp(name, "target_std"))
        return dataset->target_std != NULL;
    return is_of_pca(name);
}
