#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/dataset/block_digests.h"
#include "data/dataset/dataset.h"
#include "data/dataset/listed.h"
#include "data/preprocessing/target_scale.h"
#include "data/statistics/statistics_file.h"

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

/* *Compares a split with its digest in the file. Sets `digest` to the one that was computed. */
static int check_digest(const struct Dataset *dataset, const struct Split *split,
                        char digest[DIGEST_TEXT], struct Error *error) {
    dataset_digest(dataset, split, digest);
    if (dataset_failed(dataset, error))
        return error->code;
    if (!split->digest[0] || strcmp(digest, split->digest) == 0)
        return OK;
    return fail(error, ERROR_DATA,
                "%s:/%s: %s are damaged: their digest is %s, the file says %s" DAMAGE_REMEDY,
                dataset->path, split->name,
                split->targets ? "pixels or targets" : "pixels or labels", digest, split->digest);
}

int dataset_check_read(const struct Dataset *dataset, const struct Split *split,
                       struct Error *error) {
    return split->block_digests
               ? block_digests__damaged(split->block_digests, dataset->path, split->name, error)
               : OK;
}

/* Checks a worker's part of the blocks. */
static int check_blocks(const struct Dataset *dataset, const struct Split *split, int worker,
                        int workers, struct Error *error) {
    struct BlockDigests *blocks = split->block_digests;
    if (!split->runs[0].images) { /* reading checks the blocks */
        for (int64_t i = 0; i < split->count; i++)
            dataset_image(dataset, split, i);
        int code = dataset_check_read(dataset, split, error);
        return code ? code : dataset_failed(dataset, error);
    }
    int64_t each = (blocks->count + workers - 1) / workers, first = each * worker;
    int64_t end = blocks->count - first < each ? blocks->count : first + each;
    block_digests__check_all(blocks, first, end, split->runs[0].images,
                             dataset_image_bytes(dataset, split));
    return dataset_check_read(dataset, split, error);
}

static bool is_small(const struct Dataset *dataset, const struct Split *split) {
    double bytes = (double)split->count * (double)dataset_image_bytes(dataset, split);
    return bytes <= (double)DATASET_CHECKED;
}

static bool is_for_reading(const struct Dataset *dataset, const struct Split *split,
                           enum DatasetCheck when) {
    bool streamed = split->block_digests && !split->runs[0].images;
    bool small = is_small(dataset, split) && !streamed &&
                 !(split->block_digests && when == DATASET_CHECK_READING);
    return when != DATASET_CHECK_START && !small;
}

bool dataset_is_unchecked(const struct Dataset *dataset, const struct Split *split,
                          enum DatasetCheck when) {
    return !split->block_digests && split->digest[0] && is_for_reading(dataset, split, when);
}

void dataset_trust(const struct Dataset *dataset, const struct Split *split,
                   enum DatasetCheck when) {
    if (split->block_digests && !is_for_reading(dataset, split, when))
        block_digests__know_all(split->block_digests);
}

int dataset_check_split(struct Dataset *dataset, const struct Split *split, enum DatasetCheck when,
                        int worker, int workers, struct Error *error) {
    if (split->window) /* only a part of its samples is in memory */
        return OK;
    char digest[DIGEST_TEXT];
    if (is_for_reading(dataset, split, when))
        return OK;
    if (split->block_digests && split->block_digests->covers_all)
        return check_blocks(dataset, split, worker, workers, error);
    if ((split - dataset->splits) % workers != worker)
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
    int code = split->block_digests ? check_blocks(dataset, split, 0, 1, error) : OK;
    if (code == OK)
        code = check_digest(dataset, split, digest, error);
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

/* Returns whether two statistics agree. Another program may have added in another order or rounded
 * to float. */
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

int dataset_verify(const struct Dataset *dataset, bool *listed, struct Error *error) {
    bool has_list = false;
    int complete = listed__check(dataset, &has_list, error);
    if (listed)
        *listed = has_list;
    if (complete != OK)
        return complete;
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
    return pca_verify(dataset, error);
}
