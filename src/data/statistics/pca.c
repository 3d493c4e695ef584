#include "data/statistics/pca.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "compute/lapack.h"
#include "data/statistics/covariance.h"

const char *const pca_scales[] = {"none", "channel_std", "pixel_std", NULL};

void pca_release(struct Pca *pca) {
    memory_release(pca->eigenvalues);
    memory_release(pca->eigenvectors);
    *pca = (struct Pca){0};
}

int64_t pca_rank(const double *eigenvalues, int64_t count, int64_t elements) {
    double least = fmax(1e-12, 10 * (double)elements * DBL_EPSILON) * eigenvalues[0];
    int64_t rank = 0;
    while (rank < count && eigenvalues[rank] > least)
        rank++;
    return rank;
}

int64_t pca_dimensions(const struct Pca *pca, int64_t samples) {
    int64_t rank = pca_rank(pca->eigenvalues, pca->count, pca->elements);
    int64_t dimensions = rank < pca->count ? rank : pca->elements;
    return samples - 1 < dimensions ? samples - 1 : dimensions;
}

int64_t pca_components_for(const struct Pca *pca, double part) {
    double sum = 0;
    for (int64_t k = 0; k < pca->count; k++) {
        sum += pca->eigenvalues[k];
        if (sum >= part * pca->total_variance)
            return k + 1;
    }
    return 0;
}

int pca_divisors(const struct Dataset *dataset, const struct StatisticValues *values,
                 const char *scale, double *divisors, struct Error *error) {
    int64_t elements = dataset->height * dataset->width * dataset->channels;
    bool channel = strcmp(scale, "channel_std") == 0, pixel = strcmp(scale, "pixel_std") == 0;
    if ((channel && !values->channel_std) || (pixel && !values->pixel_std)) {
        fail(error, ERROR_DATA, "%s: has no /statistics/%s", dataset->path, scale);
        return error_advise(error, ADVICE_STATISTICS, dataset->path, NULL, 0);
    }
    for (int64_t i = 0; i < elements; i++) {
        double deviation = 1;
        if (channel)
            deviation = values->channel_std[i % dataset->channels];
        if (pixel)
            deviation = (double)values->pixel_std[i];
        divisors[i] = deviation > 0 ? deviation : 1;
    }
    return OK;
}

static int check_room(const struct Dataset *dataset, int64_t elements, struct Error *error) {
    int64_t bytes = elements <= LAPACK_EIGEN_MOST
                        ? covariance__bytes(elements) + lapack_symmetric_eigen_bytes(elements)
                        : INT64_MAX;
    if (memory_can_hold((uint64_t)bytes))
        return OK;
    char need[32];
    double square = (double)elements * (double)elements;
    return fail(error, ERROR_DATA,
                "%s: images of %" PRId64 "x%" PRId64 "x%" PRId64
                " have a covariance matrix of %" PRId64 " rows; with its "
                "eigenvectors it takes %s, more than this machine has: take smaller images, or "
                "preprocess.scope: pixel",
                dataset->path, dataset->height, dataset->width, dataset->channels, elements,
                text_bytes(3 * square * sizeof(double), need));
}

static void add_images(struct Covariance *covariance, const struct Dataset *dataset,
                       const struct Split *split, const struct Ticker *ticker) {
    for (int64_t i = 0; i < split->count; i++) {
        covariance__add(covariance, dataset_image(dataset, split, i), 1);
        if (ticker && ticker->report && (i + 1) % COVARIANCE_BLOCK == 0)
            ticker->report(ticker->context, "covariance", covariance->count, split->count);
    }
}

/* If element i is divided by d_i, the covariance of i and j is divided by d_i·d_j. */
static void divide(double *matrix, int64_t elements, const double *divisors) {
    for (int64_t i = 0; i < elements; i++)
        for (int64_t j = 0; j <= i; j++)
            matrix[i * elements + j] /= divisors[i] * divisors[j];
}

/* Keeps the first of all eigenvectors (rows of `vectors`) and eigenvalues. A variance that rounding
 * made negative becomes 0. */
static void keep(struct Pca *pca, int64_t components, const double *vectors, const double *values) {
    int64_t elements = pca->elements;
    pca->count = components && components < elements ? components : elements;
    pca->eigenvalues = memory_array(double, pca->count, "eigenvalues");
    pca->eigenvectors = memory_array(float, (pca->count * elements), "eigenvectors");
    for (int64_t i = 0; i < elements; i++)
        pca->total_variance += fmax(values[i], 0);
    for (int64_t i = 0; i < pca->count; i++)
        pca->eigenvalues[i] = fmax(values[i], 0);
    for (int64_t i = 0; i < pca->count * elements; i++)
        pca->eigenvectors[i] = (float)vectors[i];
}

int pca_compute(struct Pca *pca, const struct Dataset *dataset, const struct Split *split,
                const struct StatisticValues *values, const char *scale, int64_t components,
                const struct Ticker *ticker, struct Error *error) {
    int64_t elements = dataset->height * dataset->width * dataset->channels;
    *pca = (struct Pca){.elements = elements};
    int code = check_room(dataset, elements, error);
    if (code != OK)
        return code;
    double *divisors = memory_array(double, elements, "divisors");
    double *eigenvalues = memory_array(double, elements, "eigenvalues");
    struct Covariance covariance;
    covariance__start(&covariance, elements, split->bytes, values->mean_image);
    code = pca_divisors(dataset, values, scale, divisors, error);
    if (code == OK) {
        add_images(&covariance, dataset, split, ticker);
        covariance__finish(&covariance);
        divide(covariance.scatter, elements, divisors);
        code = lapack_symmetric_eigen(elements, covariance.scatter, eigenvalues, error);
    }
    if (code == OK)
        keep(pca, components, covariance.scatter, eigenvalues);
    covariance__release(&covariance);
    memory_release(eigenvalues);
    memory_release(divisors);
    return code;
}
