#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/dataset/dataset.h"
#include "data/preprocessing/target_scale.h"
#include "data/statistics/statistics.h"

void dataset_digest(const struct Dataset *dataset, const struct Split *split, char digest[33]) {
    XXH3_state_t *state = XXH3_createState();
    XXH3_128bits_reset(state);
    for (int64_t i = 0; i < split->count; i++)
        XXH3_128bits_update(state, dataset_image(dataset, split, i),
                            dataset_image_bytes(dataset, split));
    if (split->labels)
        XXH3_128bits_update(state, split->labels, (size_t)split->count * sizeof *split->labels);
    if (split->targets)
        XXH3_128bits_update(state, split->targets,
                            (size_t)(split->count * dataset->targets.count) *
                                sizeof *split->targets);
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    digest_text((struct Digest){.high = hash.high64, .low = hash.low64}, digest);
}

/* *digest: what was found. */
static int check_digest(const struct Dataset *dataset, const struct Split *split,
                        char digest[DIGEST_TEXT], struct Error *error) {
    dataset_digest(dataset, split, digest);
    if (dataset_failed(dataset, error))
        return error->code;
    if (!split->digest[0] || strcmp(digest, split->digest) == 0)
        return OK;
    return fail(error, ERROR_DATA, "%s:/%s: %s are damaged: their digest is %s, the file says %s",
                dataset->path, split->name,
                split->targets ? "pixels or targets" : "pixels or labels", digest, split->digest);
}

int dataset_check_split(struct Dataset *dataset, const struct Split *split, struct Error *error) {
    char digest[DIGEST_TEXT];
    double bytes = (double)split->count * (double)dataset_image_bytes(dataset, split);
    if (bytes > (double)DATASET_CHECKED)
        return OK;
    double start = clock_seconds();
    int code = check_digest(dataset, split, digest, error);
    if (code != OK)
        return code;
    log_debug("%s: split %s has the digest %s (%.3f s)", dataset->path, split->name, digest,
              clock_seconds() - start);
    memcpy(dataset->splits[split - dataset->splits].digest, digest, sizeof digest);
    return OK;
}

static int verify_split(const struct Dataset *dataset, const struct Split *split,
                        struct Error *error) {
    char digest[DIGEST_TEXT];
    int code = check_digest(dataset, split, digest, error);
    if (code != OK || split->bytes)
        return code;
    for (int64_t i = 0; i < split->count; i++) {
        const float *pixels = dataset_image(dataset, split, i);
        for (int64_t e = 0; e < dataset_elements(dataset); e++)
            if (!isfinite(pixels[e]))
                return fail(error, ERROR_DATA,
                            "%s:/%s/images: image %" PRId64 " holds %g, expected finite numbers",
                            dataset->path, split->name, i, (double)pixels[e]);
    }
    return OK;
}

/* Another program may have summed in another order, or rounded to float. */
static bool near(double found, double expected) {
    return fabs(found - expected) <= 1e-4 * (1 + fabs(expected));
}

static int verify_statistic(const struct Dataset *dataset, const struct Split *split,
                            const struct StatisticRow *row, const struct StatisticValues *expected,
                            struct Error *error) {
    const void *stored = statistic_of(row, &dataset->statistics);
    const void *computed = statistic_of(row, expected);
    int64_t size[3];
    int rank = statistic_shape(row, dataset->height, dataset->width, dataset->channels, size);
    for (int64_t i = 0; stored && i < memory_product(size, rank); i++) {
        double found = statistic_element(row, stored, i);
        double wanted = statistic_element(row, computed, i);
        if (!near(found, wanted))
            return fail(error, ERROR_DATA,
                        "%s:/statistics/%s: %s %" PRId64 " is %.9g, the pixels of /%s give %.9g",
                        dataset->path, row->name, rank == 1 ? "channel" : "element", i, found,
                        split->name, wanted);
    }
    return OK;
}

static int verify_statistics(const struct Dataset *dataset, const struct Split *split,
                             struct Error *error) {
    struct Statistics statistics;
    struct StatisticValues computed;
    statistics_start(&statistics, dataset->height, dataset->width, dataset->channels);
    for (int64_t i = 0; i < split->count; i++)
        statistics_add(&statistics, split->bytes, dataset_image(dataset, split, i), 1);
    statistics_result(&statistics, &computed);
    statistics_release(&statistics);
    int code = OK;
    for (const struct StatisticRow *row = statistic_rows; code == OK && row->name; row++)
        code = verify_statistic(dataset, split, row, &computed, error);
    statistic_values_release(&computed);
    return code;
}

static bool has_statistics(const struct Dataset *dataset) {
    for (const struct StatisticRow *row = statistic_rows; row->name; row++)
        if (statistic_of(row, &dataset->statistics))
            return true;
    return false;
}

static int verify_target_statistics(const struct Dataset *dataset, const struct Split *split,
                                    struct Error *error) {
    int64_t outputs = targets_values(&dataset->targets);
    double *mean = memory_array(double, outputs, "statistics");
    double *deviation = memory_array(double, outputs, "statistics");
    int code = OK;
    if (outputs)
        target_statistics(split->targets, split->count, outputs, mean, deviation);
    for (int64_t k = 0; code == OK && k < outputs; k++) {
        bool wrong_mean = dataset->target_mean && !near(dataset->target_mean[k], mean[k]);
        bool wrong_std = dataset->target_std && !near(dataset->target_std[k], deviation[k]);
        if (wrong_mean || wrong_std)
            code = fail(error, ERROR_DATA,
                        "%s:/statistics/target_%s: '%s' is %.9g, the targets of /%s give %.9g",
                        dataset->path, wrong_mean ? "mean" : "std", dataset->targets.names[k],
                        wrong_mean ? dataset->target_mean[k] : dataset->target_std[k], split->name,
                        wrong_mean ? mean[k] : deviation[k]);
    }
    memory_release(mean);
    memory_release(deviation);
    return code;
}

int dataset_verify(const struct Dataset *dataset, struct Error *error) {
    for (int i = 0; i < dataset->split_count; i++) {
        const struct Split *split = &dataset->splits[i];
        int code = verify_split(dataset, split, error);
        if (code == OK && has_statistics(dataset) && split == dataset->statistics_of)
            code = verify_statistics(dataset, split, error);
        if (code == OK && split == dataset->statistics_of)
            code = verify_target_statistics(dataset, split, error);
        if (code != OK)
            return code;
    }
    return OK;
}
