/* What opening leaves unchecked: every pixel, against the digest and the statistics stored. */
#include <math.h>
#include <string.h>

#include <xxhash.h>

#include "base/digest.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "data/statistics.h"

static size_t image_bytes(const struct Dataset *dataset, const struct Split *split) {
    return (size_t)(dataset->height * dataset->width * dataset->channels) *
           (split->bytes ? 1 : sizeof(float));
}

void dataset_digest(const struct Dataset *dataset, const struct Split *split, char digest[33]) {
    XXH3_state_t *state = XXH3_createState();
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, split->images, (size_t)split->count * image_bytes(dataset, split));
    XXH3_128bits_update(state, split->labels, (size_t)split->count * sizeof *split->labels);
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    digest_text((struct Digest){.high = hash.high64, .low = hash.low64}, digest);
}

static int verify_split(const struct Dataset *dataset, const struct Split *split,
                        struct Error *error) {
    char digest[DIGEST_TEXT];
    dataset_digest(dataset, split, digest);
    if (split->digest[0] && strcmp(digest, split->digest) != 0)
        return fail(error, ERROR_DATA,
                    "%s:/%s: pixels or labels are damaged: their digest is %s, the file says %s",
                    dataset->path, split->name, digest, split->digest);
    if (split->bytes)
        return OK;
    const float *pixels = split->images;
    int64_t elements = dataset->height * dataset->width * dataset->channels;
    for (int64_t i = 0; i < split->count * elements; i++)
        if (!isfinite(pixels[i]))
            return fail(error, ERROR_DATA,
                        "%s:/%s/images: image %lld holds %g, expected finite numbers",
                        dataset->path, split->name, (long long)(i / elements), (double)pixels[i]);
    return OK;
}

/* Others may have summed in another order, or rounded to float. */
static bool near(double found, double expected) {
    return fabs(found - expected) <= 1e-4 * (1 + fabs(expected));
}

static int verify_statistics(const struct Dataset *dataset, const struct Split *split,
                             struct Error *error) {
    int64_t elements = dataset->height * dataset->width * dataset->channels;
    double *mean = memory_allocate((size_t)dataset->channels * sizeof *mean, "statistics");
    double *deviation = memory_allocate((size_t)dataset->channels * sizeof *mean, "statistics");
    float *image = memory_allocate((size_t)elements * sizeof *image, "statistics");
    struct Statistics statistics;
    statistics_start(&statistics, dataset->height, dataset->width, dataset->channels);
    statistics_add(&statistics, split->bytes, split->images, split->count);
    statistics_result(&statistics, mean, deviation, image);
    statistics_release(&statistics);
    int result = OK;
    for (int64_t c = 0; result == OK && c < dataset->channels; c++) {
        if (dataset->channel_mean && !near(dataset->channel_mean[c], mean[c]))
            result =
                fail(error, ERROR_DATA,
                     "%s:/statistics/channel_mean: channel %lld is %.9g, the pixels of /%s "
                     "give %.9g",
                     dataset->path, (long long)c, dataset->channel_mean[c], split->name, mean[c]);
        else if (dataset->channel_std && !near(dataset->channel_std[c], deviation[c]))
            result = fail(error, ERROR_DATA,
                          "%s:/statistics/channel_std: channel %lld is %.9g, the pixels of /%s "
                          "give %.9g",
                          dataset->path, (long long)c, dataset->channel_std[c], split->name,
                          deviation[c]);
    }
    for (int64_t i = 0; result == OK && dataset->mean_image && i < elements; i++)
        if (!near(dataset->mean_image[i], image[i]))
            result = fail(error, ERROR_DATA,
                          "%s:/statistics/mean_image: element %lld is %.9g, the pixels of /%s give "
                          "%.9g",
                          dataset->path, (long long)i, (double)dataset->mean_image[i], split->name,
                          (double)image[i]);
    memory_release(mean);
    memory_release(deviation);
    memory_release(image);
    return result;
}

int dataset_verify(const struct Dataset *dataset, struct Error *error) {
    bool has_statistics = dataset->channel_mean || dataset->channel_std || dataset->mean_image;
    for (int i = 0; i < dataset->split_count; i++) {
        const struct Split *split = &dataset->splits[i];
        int result = verify_split(dataset, split, error);
        if (result == OK && has_statistics && strcmp(split->name, "train") == 0)
            result = verify_statistics(dataset, split, error);
        if (result != OK)
            return result;
    }
    return OK;
}
