#include "data/statistics/pca.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "compute/lapack.h"
#include "data/statistics/covariance.h"
#include "data/statistics/parts.h"

const char *const pca_scales[PCA_SCALES + 1] = {"none", "channel_std", "pixel_std", NULL};

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

/* Images [first, end) of the samples. */
static void add_images(struct Covariance *covariance, const struct StatisticsSamples *samples,
                       int64_t first, int64_t end, const struct Ticker *ticker) {
    for (int64_t i = first; i < end; i++) {
        int64_t sample = samples->items ? samples->items[i] : i;
        covariance__add(covariance, dataset_image(samples->dataset, samples->split, sample), 1);
        if (ticker && ticker->report && (i + 1 - first) % COVARIANCE_BLOCK == 0)
            ticker->report(ticker->context, "covariance", i + 1 - first, end - first);
    }
}

/* Adds what `other` has seen, both of whole blocks. */
static void add_sums(struct Covariance *covariance, const double *sum, const double *scatter) {
    int64_t elements = covariance->elements;
    for (int64_t i = 0; i < elements; i++)
        covariance->sum[i] += sum[i];
    for (int64_t i = 0; i < elements * elements; i++)
        covariance->scatter[i] += scatter[i];
}

/* Each worker sums runs of samples, one after the other; worker 0 adds the runs in their order. */
static void sum_parts(struct Covariance *covariance, const struct StatisticsSamples *samples,
                      const struct Workers *workers, const float *mean,
                      const struct Ticker *ticker) {
    int64_t elements = covariance->elements, words = elements * (elements + 1);
    int64_t bytes = words * (int64_t)sizeof(double);
    for (int run = 0; run < PARTS_OF_COVARIANCE; run += workers->count) {
        int mine = run + workers->worker;
        struct Covariance part;
        covariance__start(&part, elements, samples->split->bytes, mean);
        if (mine < PARTS_OF_COVARIANCE)
            add_images(&part, samples, samples->count * mine / PARTS_OF_COVARIANCE,
                       samples->count * (mine + 1) / PARTS_OF_COVARIANCE, ticker);
        covariance__flush(&part);
        double *packed = memory_array(double, words, "a covariance matrix"), *all = packed;
        memcpy(packed, part.sum, (size_t)elements * sizeof *packed);
        memcpy(packed + elements, part.scatter, (size_t)(elements * elements) * sizeof *packed);
        covariance__release(&part);
        if (workers->count > 1) {
            all = workers->worker == 0
                      ? memory_array(double, words * workers->count, "covariance matrices")
                      : NULL;
            workers->gather(workers->context, packed, bytes, all);
        }
        for (int w = 0; all && w < workers->count && run + w < PARTS_OF_COVARIANCE; w++)
            add_sums(covariance, all + w * words, all + w * words + elements);
        if (all != packed)
            memory_release(all);
        memory_release(packed);
    }
    covariance->count = samples->count;
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

/* Worker 0: the components of the covariance. */
static int decompose(struct Pca *pca, struct Covariance *covariance, const double *divisors,
                     int64_t components, struct Error *error) {
    int64_t elements = pca->elements;
    double *eigenvalues = memory_array(double, elements, "eigenvalues");
    covariance__finish(covariance);
    divide(covariance->scatter, elements, divisors);
    int code = lapack_symmetric_eigen(elements, covariance->scatter, eigenvalues, error);
    if (code == OK)
        keep(pca, components, covariance->scatter, eigenvalues);
    memory_release(eigenvalues);
    return code;
}

/* Every worker gets worker 0's components, or its failure. */
static int share(struct Pca *pca, const struct Workers *workers, int code, struct Error *error) {
    workers->share(workers->context, &code, (int64_t)sizeof code);
    workers->share(workers->context, error, (int64_t)sizeof *error);
    if (code != OK)
        return code;
    workers->share(workers->context, &pca->count, (int64_t)sizeof pca->count);
    workers->share(workers->context, &pca->total_variance, (int64_t)sizeof(double));
    if (workers->worker) {
        pca->eigenvalues = memory_array(double, pca->count, "eigenvalues");
        pca->eigenvectors = memory_array(float, pca->count * pca->elements, "eigenvectors");
    }
    workers->share(workers->context, pca->eigenvalues, pca->count * (int64_t)sizeof(double));
    workers->share(workers->context, pca->eigenvectors,
                   pca->count * pca->elements * (int64_t)sizeof(float));
    return OK;
}

int pca_measure(struct Pca *pca, const struct StatisticsSamples *samples,
                const struct StatisticValues *values, const struct PcaChoice *choice,
                const struct Workers *workers, struct Error *error) {
    const struct Dataset *dataset = samples->dataset;
    int64_t elements = dataset_elements(dataset);
    *pca = (struct Pca){.elements = elements};
    int code = check_room(dataset, elements, error);
    if (code != OK)
        return code;
    double *divisors = memory_array(double, elements, "divisors");
    struct Covariance covariance = {0};
    code = pca_divisors(dataset, values, choice->scale, divisors, error);
    if (code == OK) {
        covariance__start(&covariance, elements, samples->split->bytes, values->mean_image);
        sum_parts(&covariance, samples, workers, values->mean_image, choice->ticker);
        if (workers->worker == 0)
            code = decompose(pca, &covariance, divisors, choice->components, error);
        if (workers->count > 1)
            code = share(pca, workers, code, error);
    }
    covariance__release(&covariance);
    memory_release(divisors);
    return code;
}

int pca_compute(struct Pca *pca, const struct Dataset *dataset, const struct Split *split,
                const struct StatisticValues *values, const char *scale, int64_t components,
                const struct Ticker *ticker, struct Error *error) {
    const struct StatisticsSamples samples = {dataset, split, NULL, split ? split->count : 0};
    const struct PcaChoice choice = {scale, components, ticker};
    const struct Workers alone = {.count = 1};
    return pca_measure(pca, &samples, values, &choice, &alone, error);
}
