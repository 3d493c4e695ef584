/* Whether the mirror images that augmentation makes are images of this data: digits and letters
 * become something else in a mirror, most photographs do not. Images are taken for the class whose
 * mean image is the nearest (the mean over half of the samples), plain and mirrored. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check/looks_at_data.h"

#define MOST_IMAGES 2000
#define MOST_ELEMENTS ((int64_t)1 << 22) /* of all mean images together */
#define SURE 6                           /* standard errors */
#define KEPT 0.75                        /* of what is right above chance, if there are no sides */

struct Means {
    const struct RunParts *parts;
    int64_t elements, classes, images;
    double *sum; /* (classes, elements) */
    int64_t *count;
    float *image; /* a preprocessed image, (height, width, channels) */
};

static bool flips(const struct RunOptions *options) {
    for (int i = 0; i < options->augment.count; i++)
        if (!strcmp(options->augment.items[i].kind->name, "flip"))
            return true;
    return false;
}

static int64_t sample_of(const struct Means *means, int64_t i) {
    return i * means->parts->train->count / means->images;
}

static void read_image(const struct Means *means, int64_t i) {
    const struct RunParts *parts = means->parts;
    preprocess_apply(&parts->preprocess, parts->train->bytes,
                     dataset_image(parts->dataset, parts->train, sample_of(means, i)),
                     means->image);
}

static void add_images(struct Means *means) {
    for (int64_t i = 0; i < means->images; i += 2) {
        int32_t label = means->parts->train->labels[sample_of(means, i)];
        read_image(means, i);
        for (int64_t j = 0; j < means->elements; j++)
            means->sum[label * means->elements + j] += (double)means->image[j];
        means->count[label]++;
    }
    for (int64_t k = 0; k < means->classes; k++)
        for (int64_t j = 0; j < means->elements; j++)
            means->sum[k * means->elements + j] /= fmax(1, (double)means->count[k]);
}

/* The class whose mean is the nearest to the image, or to its mirror image. */
static int64_t nearest(const struct Means *means, bool mirrored) {
    int64_t width = means->parts->dataset->width, channels = means->parts->dataset->channels;
    int64_t best = -1;
    double least = INFINITY;
    for (int64_t k = 0; k < means->classes; k++) {
        double distance = 0;
        for (int64_t j = 0; j < means->elements && means->count[k]; j++) {
            int64_t x = j / channels % width;
            int64_t at = mirrored ? j + (width - 1 - 2 * x) * channels : j;
            double apart = (double)means->image[at] - means->sum[k * means->elements + j];
            distance += apart * apart;
        }
        if (means->count[k] && distance < least) {
            least = distance;
            best = k;
        }
    }
    return best;
}

static void judge(struct Preflight *preflight, const struct Means *means, int64_t tried,
                  int64_t plain, int64_t mirrored) {
    double n = (double)tried, p = (double)plain / n, q = (double)mirrored / n;
    double chance = 1 / (double)means->classes, error = sqrt((p * (1 - p) + q * (1 - q)) / n);
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "mirror_images");
    finding__figure(finding, "right", p);
    finding__figure(finding, "right_if_mirrored", q);
    finding__say(finding,
                 "the nearest mean image of a class is right for %.0f %% of the images, and for "
                 "%.0f %% of their mirror images",
                 100 * p, 100 * q);
    finding__expect(finding, "about as many, as flip is in `augment`");
    preflight->mirrors_sides = q - chance < KEPT * (p - chance) && p - q > SURE * error;
    if (preflight->mirrors_sides)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "augmentation mirrors images that have a side, such as digits or letters: a "
                       "mirror image looks like another class, or like none",
                       "take flip out of `augment`");
}

int check__mirrored(struct Preflight *preflight, struct Error *error) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    struct Means means = {.parts = parts,
                          .elements = dataset_elements(parts->dataset),
                          .classes = parts->dataset->targets.count,
                          .images = parts->train->count < MOST_IMAGES ? parts->train->count
                                                                      : MOST_IMAGES};
    int64_t tried = 0, plain = 0, mirrored = 0;
    if (!flips(experiment_options(preflight->experiment)) || !parts->train->labels ||
        means.classes * means.elements > MOST_ELEMENTS)
        return OK;
    means.sum = memory_array(double, means.classes *means.elements, "mean images");
    means.count = memory_array(int64_t, means.classes, "samples of classes");
    means.image = memory_array(float, means.elements, "an image");
    add_images(&means);
    for (int64_t i = 1; i < means.images; i += 2) {
        int32_t label = parts->train->labels[sample_of(&means, i)];
        read_image(&means, i);
        tried++;
        plain += nearest(&means, false) == label;
        mirrored += nearest(&means, true) == label;
        if (tried % 64 == 0)
            beat_move(ranks_beat(preflight->ranks));
    }
    if (tried)
        judge(preflight, &means, tried, plain, mirrored);
    memory_release(means.sum);
    memory_release(means.count);
    memory_release(means.image);
    return dataset_failed(parts->dataset, error);
}
