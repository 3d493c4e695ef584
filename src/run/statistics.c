#include "run/statistics.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "data/statistics/parts.h"
#include "data/statistics/statistics_file.h"

#define ROUGH 10000 /* images that a check measures */

/* ---- The ranks as workers ---- */

static void gather(void *context, const void *mine, int64_t bytes, void *all) {
    ranks_gather(context, mine, bytes, all);
}

static void share(void *context, void *data, int64_t bytes) {
    ranks_broadcast(context, data, bytes);
}

static struct Workers workers_of(struct Ranks *ranks) {
    if (!ranks)
        return (struct Workers){.count = 1};
    return (struct Workers){.context = ranks,
                            .worker = ranks_rank(ranks),
                            .count = ranks_size(ranks),
                            .gather = gather,
                            .share = share};
}

/* Returns whether `here` is true on any rank. */
static bool anywhere(struct Ranks *ranks, bool here) {
    int64_t value = here;
    if (ranks)
        ranks_maximum(ranks, &value, 1);
    return value != 0;
}

/* ---- What is needed ---- */

static bool lacks(const struct RunStatistics *request) {
    const struct PreprocessOptions *options = &request->options->preprocess;
    const struct StatisticValues *has = &request->dataset->statistics;
    int center = preprocess_center(options);
    bool pixels = options->decorrelate != DECORRELATE_NONE && options->scope == SCOPE_PIXEL;
    return (center == CENTER_CHANNEL_MEAN && !has->channel_mean) ||
           (center == CENTER_MEAN_IMAGE && !has->mean_image) ||
           (options->scale == SCALE_CHANNEL_STD && !has->channel_std) ||
           (options->scale == SCALE_PIXEL_STD && !has->pixel_std) ||
           (run_needs_components(request->options) &&
            (!has->mean_image || (request->rough && !has->pixel_std))) ||
           (pixels && !has->channel_covariance && request->dataset->channels <= STATISTICS_PAIRS);
}

bool run_needs_components(const struct RunOptions *options) {
    const struct PreprocessOptions *preprocess = &options->preprocess;
    return preprocess->decorrelate != DECORRELATE_NONE && preprocess->scope == SCOPE_IMAGE;
}

/* ---- The digest ---- */

/* Returns the split's entry in the data set. */
static struct Split *entry(const struct RunStatistics *request) {
    return &request->dataset->splits[request->train - request->dataset->splits];
}

/* Gives a split without a digest one, so that a resumed run can check whether the data are the
 * same. Rank 0 computes it. */
static void settle_digest(const struct RunStatistics *request) {
    struct Split *split = entry(request);
    double bytes = (double)split->count * (double)dataset_image_bytes(request->dataset, split);
    if (split->in_blocks && bytes > (double)DATASET_CHECKED)
        return; /* this would need another pass over a file that does not fit into memory */
    if (anywhere(request->ranks, split->digest[0]))
        return;
    if (!request->ranks || ranks_rank(request->ranks) == 0)
        dataset_digest(request->dataset, split, split->digest);
    if (request->ranks)
        ranks_broadcast(request->ranks, split->digest, (int64_t)sizeof split->digest);
}

/* ---- Measuring ---- */

/* Returns the images to measure. The caller releases the items. */
static struct StatisticsSamples choose(const struct RunStatistics *request, int64_t *sample) {
    const struct Split *train = request->train;
    int64_t wanted = request->options->statistics.sample;
    if (request->rough)
        wanted = wanted > 0 && wanted < ROUGH ? wanted : ROUGH;
    struct StatisticsSamples samples = {request->dataset, train, NULL, train->count};
    *sample = 0;
    if (wanted < 0 || wanted >= train->count)
        return samples;
    int64_t *items = memory_array(int64_t, wanted, "a sample of a split");
    statistics_sample(items, wanted, train, (uint64_t)request->options->train.seed);
    *sample = samples.count = wanted;
    samples.items = items;
    return samples;
}

/* Takes the statistics from the checkpoint from which the run continues, if they are of exactly
 * these images. */
static bool take_over(const struct RunStatistics *request, int64_t sample,
                      struct MeasuredStatistics *measured) {
    struct Error ignored;
    const struct CheckpointPart part = {.value = measured, .group = &measured_saved};
    if (!request->resumed || checkpoint_get_parts(request->resumed, &part, 1, &ignored))
        return false;
    const struct Dataset *dataset = request->dataset;
    if (measured->split && !strcmp(measured->digest, request->train->digest) &&
        measured->sample == sample && measured->height == dataset->height &&
        measured->width == dataset->width && measured->channels == dataset->channels)
        return true;
    measured_release(measured);
    return false;
}

/* Returns OK if all ranks could read the images. */
static int agree_on_reading(const struct RunStatistics *request, int code, struct Error *error) {
    if (!code)
        code = dataset_failed(request->dataset, error);
    return request->ranks ? ranks_agree(request->ranks, code, error) : code;
}

static int measure(const struct RunStatistics *request, const struct StatisticsSamples *samples,
                   int64_t sample, struct MeasuredStatistics *measured, struct Error *error) {
    struct Dataset *dataset = request->dataset;
    struct Workers workers = workers_of(request->ranks);
    struct StatisticValues values = {0};
    bool found = !request->rough && take_over(request, sample, measured);
    if (!found) {
        int code = statistics_measure(&values, samples, &workers, error);
        int all = agree_on_reading(request, code, error);
        if (all && !code)
            statistic_values_release(&values);
        if (all)
            return all;
        *measured = (struct MeasuredStatistics){.split = memory_copy_text(request->train->name),
                                                .digest = memory_copy_text(request->train->digest),
                                                .sample = sample,
                                                .height = dataset->height,
                                                .width = dataset->width,
                                                .channels = dataset->channels,
                                                .values = values};
    }
    log_debug("statistics of split %s: %s", request->train->name,
              found ? "as the checkpoint holds them" : "measured");
    values = statistic_values_copy(&measured->values, dataset->height, dataset->width,
                                   dataset->channels);
    dataset_set_statistics(dataset, request->train, &values, NULL);
    return OK;
}

/* ---- Principal components ---- */

/* Makes components for a check: as many as there would be, with the variance of the images spread
 * evenly over them. */
static int pretend(struct Pca *pca, const struct RunStatistics *request, const char *scale,
                   struct Error *error) {
    const struct Dataset *dataset = request->dataset;
    const struct StatisticValues *values = &dataset->statistics;
    int64_t elements = dataset_elements(dataset), rank = request->train->count - 1;
    int64_t components = request->options->preprocess.components;
    double *divisors = memory_array(double, elements, "divisors");
    int code = pca_divisors(dataset, values, scale, divisors, error);
    *pca = (struct Pca){.elements = elements,
                        .count = components && components < elements ? components : elements};
    for (int64_t e = 0; e < elements && code == OK; e++) {
        double deviation = (double)values->pixel_std[e] / divisors[e];
        pca->total_variance += deviation * deviation;
    }
    rank = rank < elements ? rank : elements;
    pca->eigenvalues = memory_array(double, pca->count, "eigenvalues");
    pca->eigenvectors = memory_array(float, pca->count *elements, "eigenvectors");
    for (int64_t i = 0; i < pca->count; i++) {
        pca->eigenvectors[i * elements + i] = 1;
        pca->eigenvalues[i] = i < rank ? pca->total_variance / (double)rank : 0;
    }
    memory_release(divisors);
    return code;
}

static bool file_has_components(const struct RunStatistics *request, const char *scale) {
    const struct PreprocessOptions *options = &request->options->preprocess;
    const struct Dataset *dataset = request->dataset;
    struct Pca pca = {0};
    struct Error ignored;
    if (!(request->train->as_stored || request->train->limited) ||
        dataset->statistics_of != request->train || pca_read(&pca, dataset, scale, &ignored))
        return false;
    bool enough = pca.count >= (options->components ? options->components : pca.elements);
    pca_release(&pca);
    return enough;
}

static int settle_components(const struct RunStatistics *request,
                             const struct StatisticsSamples *samples, struct Error *error) {
    const struct PreprocessOptions *options = &request->options->preprocess;
    struct Dataset *dataset = request->dataset;
    bool range = options->scale == SCALE_RANGE; /* its components are those of none */
    const char *scale = preprocess_scale_names[range ? SCALE_NONE : options->scale];
    if (!anywhere(request->ranks, !file_has_components(request, scale)))
        return OK;
    struct Workers workers = workers_of(request->ranks);
    struct Pca *pca = memory_allocate(sizeof *pca, "principal components");
    const struct PcaChoice choice = {.scale = scale, .components = options->components};
    int code = OK;
    if (request->rough)
        code = pretend(pca, request, scale, error);
    else
        code = pca_measure(pca, samples, &dataset->statistics, &choice, &workers, error);
    if (code) {
        pca_release(pca);
        memory_release(pca);
        return error_blame_key(error, "preprocess.decorrelate");
    }
    dataset->pca = pca;
    return OK;
}

int run_settle_statistics(const struct RunStatistics *request, struct MeasuredStatistics *measured,
                          struct Error *error) {
    struct Dataset *dataset = request->dataset;
    int64_t sample = 0;
    int code = OK;
    *measured = (struct MeasuredStatistics){0};
    if (dataset->statistics_of != request->train)
        dataset_set_statistics(dataset, NULL, &(struct StatisticValues){0}, NULL);
    bool needed = anywhere(request->ranks, !request->kept && lacks(request));
    if (!request->rough && (needed || !request->train->as_stored))
        settle_digest(request);
    struct StatisticsSamples samples = choose(request, &sample);
    if (needed)
        code = measure(request, &samples, sample, measured, error);
    if (code == OK && !request->kept && run_needs_components(request->options))
        code = settle_components(request, &samples, error);
    if (request->rough)
        measured_release(measured);
    memory_release((void *)(uintptr_t)samples.items);
    return code;
}
