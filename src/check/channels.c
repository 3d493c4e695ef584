/* Channels that are swapped in the validation split: red and blue, or two columns of a table. The
 * means over each image are compared. */
#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "check/looks_at_data.h"

#define MOST_IMAGES 2000
#define RUN 40           /* images that follow one another: few places to read from */
#define MOST_CHANNELS 64 /* every pair of them is compared */
#define FEWEST 20        /* images of a split that say something */

/* In standard errors. */
#define APART 6 /* the differences of two channels in the two splits are unlike, */
#define SURELY 12
#define FITS 3 /* and not if the channels are swapped */

/* The channels' means over images of a split: (count, channels). */
struct Means {
    int64_t count, channels;
    double *values;
};

/* Pixels as they are in the file, because preprocessing treats each channel in another way. */
static void average(const struct Dataset *dataset, const struct Split *split, const void *image,
                    double *means) {
    int64_t channels = dataset->channels, pixels = dataset->height * dataset->width;
    for (int64_t i = 0; i < pixels * channels; i++)
        means[i % channels] += split_value(split, image, i) / (double)pixels;
}

static struct Means measure(struct Preflight *preflight, const struct Split *split) {
    const struct Dataset *dataset = experiment_parts(preflight->experiment)->dataset;
    int64_t count = split->count < MOST_IMAGES ? split->count : MOST_IMAGES;
    struct Means means = {.count = count, .channels = dataset->channels};
    means.values = memory_array(double, count *means.channels, "means of images");
    for (int64_t i = 0; i < count; i++) {
        int64_t run = i / RUN * RUN, at = run * split->count / count + i % RUN;
        if (i % RUN == 0)
            beat_move(ranks_beat(preflight->ranks));
        average(dataset, split, dataset_image(dataset, split, at < split->count ? at : i),
                means.values + i * means.channels);
    }
    return means;
}

/* The mean over the images of `a` times channel c plus `b` times channel d, and its standard error
 * squared. */
struct Estimate {
    double mean, variance;
};

static struct Estimate estimate(const struct Means *means, double a, int64_t c, double b,
                                int64_t d) {
    double sum = 0, squares = 0, n = (double)means->count;
    for (int64_t i = 0; i < means->count; i++) {
        const double *image = means->values + i * means->channels;
        sum += a * image[c] + b * image[d];
    }
    for (int64_t i = 0; i < means->count; i++) {
        const double *image = means->values + i * means->channels;
        squares += pow(a * image[c] + b * image[d] - sum / n, 2);
    }
    return (struct Estimate){sum / n, squares / (n * (n - 1))};
}

/* How many standard errors two estimates are apart. */
static double distance(struct Estimate a, struct Estimate b) {
    double error = sqrt(a.variance + b.variance);
    return error > 0 ? fabs(a.mean - b.mean) / error : 0;
}

/* How far apart the splits are in two channels; 0 unless they are alike if these are swapped. */
static double swapped_by(const struct Means *train, const struct Means *other, int64_t c,
                         int64_t d) {
    struct Estimate here = estimate(train, 1, c, -1, d), there = estimate(other, 1, c, -1, d);
    struct Estimate swapped = {-there.mean, there.variance};
    double apart = distance(here, there);
    bool fits = apart > APART && distance(here, swapped) < FITS &&
                distance(estimate(train, 1, c, 0, d), estimate(other, 0, c, 1, d)) < FITS &&
                distance(estimate(train, 0, c, 1, d), estimate(other, 1, c, 0, d)) < FITS;
    return fits ? apart : 0;
}

static void report(struct Preflight *preflight, const struct Means *train,
                   const struct Means *other) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    bool table = dataset_has_rows(parts->dataset);
    const char *noun = table ? "columns" : "channels";
    double most = 0;
    int64_t one = 0, two = 0;
    for (int64_t c = 0; c < train->channels; c++)
        for (int64_t d = c + 1; d < train->channels; d++) {
            double apart = swapped_by(train, other, c, d);
            if (apart > most) {
                most = apart;
                one = c;
                two = d;
            }
        }
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "swapped_channels");
    finding__figure(finding, "standard_errors", most);
    if (most == 0) {
        finding__say(finding, "no two %s of %s look swapped", noun, parts->validation->name);
        return;
    }
    finding__say(finding,
                 "%s %" PRId64 " and %" PRId64 " (from 0) of %s have the means of %s %" PRId64
                 " and %" PRId64 " of %s",
                 noun, one, two, parts->validation->name, noun, two, one, parts->train->name);
    finding__expect(finding, "the same order in both splits");
    finding__blame(finding, most > SURELY ? CHECK_BAD : CHECK_DOUBTFUL,
                   table ? "two columns of the validation split are swapped against those of the "
                           "training split"
                         : "two channels of the validation split are swapped against those of the "
                           "training split, such as BGR for RGB",
                   table ? "look at the order of the columns in both splits"
                         : "look at how the images of each split were read, and write both in the "
                           "same order of channels");
}

int check__channels(struct Preflight *preflight, struct Error *error) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    int64_t channels = parts->dataset->channels;
    if (!parts->validation || parts->validation == parts->train || channels < 2 ||
        channels > MOST_CHANNELS || parts->train->count < FEWEST ||
        parts->validation->count < FEWEST)
        return OK;
    struct Means train = measure(preflight, parts->train);
    struct Means other = measure(preflight, parts->validation);
    int code = dataset_failed(parts->dataset, error);
    if (!code)
        report(preflight, &train, &other);
    memory_release(train.values);
    memory_release(other.values);
    return code;
}
