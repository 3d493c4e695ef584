#include "data/preprocessing/decorrelate.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "compute/lapack.h"
#include "data/statistics/statistics_file.h"

/* The components that are kept, of whole images or of pixels. */
struct Basis {
    int64_t elements, count;
    double *values;  /* (count) */
    double *vectors; /* (count, elements) */
};

static void basis_release(struct Basis *basis) {
    memory_release(basis->values);
    memory_release(basis->vectors);
}

static void *doubles(int64_t count) {
    return memory_array(double, count, "decorrelation");
}

/* What a basis is of, for messages. */
struct Origin {
    const struct Dataset *dataset;
    char what[48];        /* "600 training images" */
    int64_t dimensions;   /* how many their variance may have at most */
    double mean_variance; /* over the elements */
};

static const struct Split *training_split(const struct Dataset *dataset) {
    if (dataset->statistics_of)
        return dataset->statistics_of;
    for (int i = 0; i < dataset->split_count; i++)
        if (!strcmp(dataset->splits[i].name, "train"))
            return &dataset->splits[i];
    return NULL;
}

/* zca with more components than the rank: epsilon must be at least a hundredth of the mean
 * variance, so that its root is at least a tenth of a typical deviation. There is a little room
 * below, because the message rounds the number. */
static int check_epsilon(const struct PreprocessOptions *options, const struct RunFile *file,
                         const struct Origin *origin, int64_t wanted, struct Error *error) {
    double least = origin->mean_variance / 100;
    if (options->epsilon >= 0.99 * least)
        return OK;
    return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.components",
                        "%" PRId64 "%s, but the %s of %s have variance along %" PRId64
                        " at most; what a new image has along the others, decorrelate: zca would "
                        "multiply by 1 / sqrt(epsilon) = %.3g; expected no more components, or "
                        "epsilon from %.3g, a hundredth of the mean variance",
                        wanted, options->components ? "" : " (all)", origin->what,
                        origin->dataset->path, origin->dimensions, 1 / sqrt(options->epsilon),
                        least);
}

/* N images span at most N - 1 dimensions about their mean, and fewer if pixels are constant or
 * follow from others. Along any other component, training sees only zeros, but a new image may not
 * be zero there, and division by the root of epsilon would blow that up. */
static int check_rank(const struct PreprocessOptions *options, const struct RunFile *file,
                      const struct Origin *origin, int64_t wanted, struct Error *error) {
    if (options->decorrelate == DECORRELATE_PCA || wanted <= origin->dimensions)
        return OK;
    if (options->decorrelate == DECORRELATE_ZCA)
        return check_epsilon(options, file, origin, wanted, error);
    return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.components",
                        "%" PRId64 "%s, but the %s of %s have variance along %" PRId64
                        " at most; expected no more with decorrelate: pca_whiten, which divides "
                        "by it",
                        wanted, options->components ? "" : " (all)", origin->what,
                        origin->dataset->path, origin->dimensions);
}

static struct Origin origin_of_images(const struct Dataset *dataset, const struct Pca *pca,
                                      double shrink) {
    const struct Split *train = training_split(dataset);
    struct Origin origin = {.dataset = dataset,
                            .what = "training images",
                            .dimensions = pca_dimensions(pca, train ? train->count : INT64_MAX),
                            .mean_variance = pca->total_variance / shrink / (double)pca->elements};
    if (train)
        snprintf(origin.what, sizeof origin.what, "%" PRId64 " training images", train->count);
    return origin;
}

/* For whole images: the components that the run measured, or else those of the file. */
static int image_basis(struct Basis *basis, const struct PreprocessOptions *options,
                       const struct RunFile *file, const struct Dataset *dataset,
                       struct Error *error) {
    bool range = options->scale == SCALE_RANGE; /* its components are those of none */
    const char *scale = preprocess_scale_names[range ? SCALE_NONE : options->scale];
    double shrink = range ? 255. * 255 : 1;
    struct Pca stored = {0};
    int code = dataset->pca ? OK : pca_read(&stored, dataset, scale, error);
    if (code != OK)
        return error_blame_key(error, "preprocess.decorrelate");
    const struct Pca pca = dataset->pca ? *dataset->pca : stored;
    int64_t wanted = options->components ? options->components : pca.elements;
    struct Origin origin = origin_of_images(dataset, &pca, shrink);
    code = check_rank(options, file, &origin, wanted, error);
    if (code == OK && wanted > pca.count) {
        runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.components",
                     "%" PRId64 "%s, %s keeps the first %" PRId64, options->components,
                     options->components ? "" : " (all)", dataset->path, pca.count);
        code = error_advise(error, ADVICE_COMPONENTS, dataset->path, scale, wanted);
    } else if (code == OK) {
        *basis =
            (struct Basis){pca.elements, wanted, doubles(wanted), doubles(wanted * pca.elements)};
        for (int64_t i = 0; i < wanted; i++)
            basis->values[i] = pca.eigenvalues[i] / shrink;
        for (int64_t i = 0; i < wanted * pca.elements; i++)
            basis->vectors[i] = (double)pca.eigenvectors[i];
    }
    pca_release(&stored);
    return code;
}

/* For pixels: computes the components of the few channels. */
static int pixel_basis(struct Basis *basis, const struct PreprocessOptions *options,
                       const struct RunFile *file, const struct Preprocess *preprocess,
                       const struct Dataset *dataset, struct Error *error) {
    const double *covariance = dataset->statistics.channel_covariance;
    int64_t channels = dataset->channels;
    if (!covariance) {
        fail_key(error, ERROR_DATA, "preprocess.scope",
                 "%s: has no /statistics/channel_covariance, which scope: pixel needs",
                 dataset->path);
        return error_advise(error, ADVICE_STATISTICS, dataset->path, NULL, 0);
    }
    *basis = (struct Basis){channels, options->components ? options->components : channels,
                            doubles(channels), doubles(channels * channels)};
    for (int64_t i = 0; i < channels; i++)
        for (int64_t j = 0; j < channels; j++)
            basis->vectors[i * channels + j] = covariance[i * channels + j] *
                                               (double)preprocess->factor[i] *
                                               (double)preprocess->factor[j];
    int code = lapack_symmetric_eigen(channels, basis->vectors, basis->values, error);
    if (code)
        return code;
    struct Origin origin = {.dataset = dataset, .what = "training pixels"};
    for (int64_t i = 0; i < channels; i++) {
        basis->values[i] = fmax(basis->values[i], 0);
        origin.mean_variance += basis->values[i] / (double)channels;
    }
    origin.dimensions = pca_rank(basis->values, channels, channels);
    return check_rank(options, file, &origin, basis->count, error);
}

/* Multiplies row i by (λ_i + ε)^power. */
static void weigh(struct Basis *basis, double epsilon, double power) {
    for (int64_t i = 0; i < basis->count; i++) {
        double weight = pow(basis->values[i] + epsilon, power);
        for (int64_t j = 0; j < basis->elements; j++)
            basis->vectors[i * basis->elements + j] *= weight;
    }
}

static float *matrix_of_rows(const struct Basis *basis) {
    int64_t count = basis->count * basis->elements;
    float *matrix = memory_array(float, count, "decorrelation");
    for (int64_t i = 0; i < count; i++)
        matrix[i] = (float)basis->vectors[i];
    return matrix;
}

/* The matrix of zca: Bᵀ·B, where row i of B is (λ_i + ε)^(−1/4)·e_i. */
static float *symmetric_matrix(const struct Basis *basis) {
    int64_t n = basis->elements;
    double *product = doubles(n * n);
    float *matrix = memory_array(float, (n * n), "decorrelation");
    lapack_add_scatter(basis->count, n, basis->vectors, product);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++)
            matrix[i * n + j] = matrix[j * n + i] = (float)product[i * n + j];
    memory_release(product);
    return matrix;
}

int decorrelate__create(struct Preprocess *preprocess, const struct PreprocessOptions *options,
                        const struct RunFile *file, const struct Dataset *dataset,
                        struct Error *error) {
    struct Basis basis = {0};
    int code = options->scope == SCOPE_IMAGE
                   ? image_basis(&basis, options, file, dataset, error)
                   : pixel_basis(&basis, options, file, preprocess, dataset, error);
    if (code == OK) {
        bool zca = options->decorrelate == DECORRELATE_ZCA;
        if (options->decorrelate != DECORRELATE_PCA)
            weigh(&basis, options->epsilon, zca ? -0.25 : -0.5);
        preprocess->matrix = zca ? symmetric_matrix(&basis) : matrix_of_rows(&basis);
        preprocess->matrix_rows = zca ? basis.elements : basis.count;
        preprocess->matrix_columns = basis.elements;
    }
    basis_release(&basis);
    return code;
}
