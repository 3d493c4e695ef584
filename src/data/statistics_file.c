#include "data/statistics_file.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

int statistics_write(struct H5Writer *writer, const struct StatisticValues *values, int64_t height,
                     int64_t width, int64_t channels, struct Error *error) {
    int result = OK;
    for (const struct StatisticRow *row = statistic_rows; result == OK && row->name; row++) {
        int64_t size[3];
        int rank = statistic_shape(row, height, width, channels, size);
        if (rank == 0)
            continue;
        char *name = memory_print("/statistics/%s", row->name);
        result = h5_write(writer, name, row->single ? H5_FLOAT32 : H5_FLOAT64, rank, size,
                          statistic_of(row, values), error);
        memory_release(name);
    }
    return result;
}

/* --- principal components --------------------------------------------------------------------- */

/* The names of what is kept for a scale. */
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

static const struct Split *training_split(const struct Dataset *dataset) {
    struct Error ignored;
    return dataset_split(dataset, "train", &ignored);
}

static int write_pca(struct H5Writer *writer, const struct Dataset *dataset, const struct Pca *pca,
                     const char *scale, struct Error *error) {
    const int64_t size[] = {pca->count, dataset->height, dataset->width, dataset->channels};
    struct Names names = names_of(scale);
    int result = h5_write(writer, names.values, H5_FLOAT64, 1, size, pca->eigenvalues, error);
    if (result == OK)
        result = h5_write(writer, names.vectors, H5_FLOAT32, 4, size, pca->eigenvectors, error);
    if (result == OK)
        result = h5_write_attribute(writer, names.group, "total_variance", H5_FLOAT64,
                                    &pca->total_variance, error);
    if (result == OK)
        result = h5_write_attribute(writer, names.group, "digest", H5_TEXT,
                                    training_split(dataset)->digest, error);
    names_release(&names);
    return result;
}

int statistics_store(const struct Dataset *dataset, const struct StatisticValues *values,
                     const struct Pca *pca, const char *scale, struct Error *error) {
    struct H5Writer *writer;
    int result = h5_update(&writer, dataset->path, ERROR_DATA, error);
    if (result != OK)
        return result;
    result =
        statistics_write(writer, values, dataset->height, dataset->width, dataset->channels, error);
    if (result == OK && pca)
        result = write_pca(writer, dataset, pca, scale, error);
    if (result == OK)
        return h5_commit(writer, error);
    h5_abandon(writer);
    return result;
}

/* They are of the pixels that the file holds now. */
static int check_digest(struct H5File *file, const struct Dataset *dataset, const char *group,
                        const char *scale, struct Error *error) {
    const struct Split *train = training_split(dataset);
    char *digest;
    if (!train || !train->digest[0] || !h5_has_attribute(file, group, "digest"))
        return OK;
    int result = h5_read_attribute(file, group, "digest", H5_TEXT, &digest, error);
    if (result != OK)
        return result;
    if (digest[0] && strcmp(digest, train->digest) != 0)
        result = fail(error, ERROR_DATA,
                      "%s:%s: is of another training split (digest %.40s, the file's is %s); run: "
                      "trainer dataset statistics %s --pca --scale %s",
                      dataset->path, group, digest, train->digest, dataset->path, scale);
    memory_release(digest);
    return result;
}

static int check_values(const struct Dataset *dataset, const struct Pca *pca,
                        const struct Names *names, struct Error *error) {
    for (int64_t i = 0; i < pca->count; i++) {
        double value = pca->eigenvalues[i];
        if (!isfinite(value) || value < 0 || (i && value > pca->eigenvalues[i - 1]))
            return fail(error, ERROR_DATA,
                        "%s:%s: element %lld is %g, expected descending numbers, 0 or more",
                        dataset->path, names->values, (long long)i, value);
    }
    for (int64_t i = 0; i < pca->count * pca->elements; i++)
        if (!(fabsf(pca->eigenvectors[i]) <= 1.01f))
            return fail(error, ERROR_DATA,
                        "%s:%s: vector %lld holds %g, expected a vector of length 1", dataset->path,
                        names->vectors, (long long)(i / pca->elements),
                        (double)pca->eigenvectors[i]);
    if (!isfinite(pca->total_variance) || pca->total_variance < 0)
        return fail(error, ERROR_DATA, "%s:%s, attribute total_variance: is %g, expected a number",
                    dataset->path, names->group, pca->total_variance);
    return OK;
}

static int read_pca(struct H5File *file, const struct Dataset *dataset, const struct Names *names,
                    struct Pca *pca, struct Error *error) {
    struct H5Info info;
    int result = h5_info(file, names->values, &info, error);
    if (result != OK)
        return result;
    int64_t size[] = {info.rank ? info.size[0] : 0, dataset->height, dataset->width,
                      dataset->channels};
    if (info.rank != 1 || size[0] < 1 || size[0] > pca->elements)
        return fail(error, ERROR_DATA,
                    "%s:%s: expected one dimension, of 1 to %lld components, found %d of %lld",
                    dataset->path, names->values, (long long)pca->elements, info.rank,
                    (long long)size[0]);
    int64_t count = memory_product(size, 4);
    if (count < 0 || !memory_can_hold((uint64_t)count * sizeof(float)))
        return fail(error, ERROR_DATA, "%s:%s: is beyond this machine's memory", dataset->path,
                    names->vectors);
    pca->count = size[0];
    pca->eigenvalues = memory_allocate((size_t)size[0] * sizeof(double), "eigenvalues");
    pca->eigenvectors = memory_allocate((size_t)count * sizeof(float), "eigenvectors");
    result = h5_read(file, names->values, H5_FLOAT64, 1, size, pca->eigenvalues, error);
    if (result == OK)
        result = h5_read(file, names->vectors, H5_FLOAT32, 4, size, pca->eigenvectors, error);
    if (result == OK)
        result = h5_read_attribute(file, names->group, "total_variance", H5_FLOAT64,
                                   &pca->total_variance, error);
    return result == OK ? check_values(dataset, pca, names, error) : result;
}

int pca_read(struct Pca *pca, const struct Dataset *dataset, const char *scale,
             struct Error *error) {
    *pca = (struct Pca){.elements = dataset->height * dataset->width * dataset->channels};
    struct H5File *file;
    int result = h5_open(&file, dataset->path, ERROR_DATA, error);
    if (result != OK)
        return result;
    struct Names names = names_of(scale);
    if (!h5_exists(file, names.values))
        result = fail(error, ERROR_DATA,
                      "%s: has no principal components for preprocess.scale: %s; run: trainer "
                      "dataset statistics %s --pca --scale %s",
                      dataset->path, strcmp(scale, "none") ? scale : "none or range", dataset->path,
                      scale);
    if (result == OK)
        result = check_digest(file, dataset, names.group, scale, error);
    if (result == OK)
        result = read_pca(file, dataset, &names, pca, error);
    names_release(&names);
    h5_close(file);
    if (result != OK)
        pca_release(pca);
    return result;
}
