/* What the network gets: pixels of the training split after preprocessing, without augmentation. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check/looks_at_data.h"
#include "compute/lapack.h"

#define MOST_IMAGES 2000
#define RUN 40           /* images that follow one another: few places to read from */
#define MOST_CHANNELS 64 /* of which the covariance is taken */

/* Sums over pixels, about the first pixel that was seen, so that no digits are lost. */
struct Sums {
    int64_t channels, pixels, nonfinite;
    double *shift, *sum; /* (channels) */
    double *product;     /* (channels, channels); NULL: too many channels */
    double *square;      /* (channels) */
    double least, most;
    bool started;
};

static void start_sums(struct Sums *sums, int64_t channels) {
    *sums = (struct Sums){.channels = channels, .least = INFINITY, .most = -INFINITY};
    sums->shift = memory_array(double, channels, "sums of pixels");
    sums->sum = memory_array(double, channels, "sums of pixels");
    sums->square = memory_array(double, channels, "sums of pixels");
    if (channels <= MOST_CHANNELS)
        sums->product = memory_array(double, channels *channels, "sums of pixels");
}

static void release_sums(struct Sums *sums) {
    memory_release(sums->shift);
    memory_release(sums->sum);
    memory_release(sums->square);
    memory_release(sums->product);
}

static bool pixel_is_finite(const float *pixel, int64_t channels) {
    for (int64_t c = 0; c < channels; c++)
        if (!isfinite(pixel[c]))
            return false;
    return true;
}

static void add_pixel(struct Sums *sums, const float *pixel) {
    int64_t channels = sums->channels;
    if (!pixel_is_finite(pixel, channels)) {
        sums->nonfinite++;
        return;
    }
    for (int64_t c = 0; c < channels && !sums->started; c++)
        sums->shift[c] = (double)pixel[c];
    sums->started = true;
    sums->pixels++;
    for (int64_t c = 0; c < channels; c++) {
        double x = (double)pixel[c] - sums->shift[c];
        sums->sum[c] += x;
        sums->square[c] += x * x;
        sums->least = fmin(sums->least, (double)pixel[c]);
        sums->most = fmax(sums->most, (double)pixel[c]);
        for (int64_t d = 0; d <= c && sums->product; d++)
            sums->product[c * channels + d] += x * ((double)pixel[d] - sums->shift[d]);
    }
}

/* Adds `count` images that follow one another. */
static void add_run(const struct RunParts *parts, const struct Split *split, int64_t first,
                    int64_t count, float *centred, float *made, struct Sums *sums) {
    const struct Preprocess *preprocess = &parts->preprocess;
    struct Image out = preprocess_image(preprocess);
    int64_t elements = dataset_elements(parts->dataset), size = image_elements(&out);
    for (int64_t i = 0; i < count; i++)
        preprocess_apply(preprocess, split->bytes, dataset_image(parts->dataset, split, first + i),
                         centred + i * elements);
    if (preprocess->matrix)
        preprocess_decorrelate(preprocess, count, centred, made);
    const float *images = preprocess->matrix ? made : centred;
    for (int64_t i = 0; i < count * size; i += out.channels)
        add_pixel(sums, images + i);
}

static int look(struct Preflight *preflight, const struct Split *split, struct Sums *sums,
                struct Error *error) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    struct Image out = preprocess_image(&parts->preprocess);
    int64_t count = split->count, runs = MOST_IMAGES / RUN;
    if (count < MOST_IMAGES)
        runs = (count + RUN - 1) / RUN;
    float *centred = memory_array(float, RUN *dataset_elements(parts->dataset), "images");
    float *made = memory_array(float, RUN *image_elements(&out), "images");
    for (int64_t i = 0; i < runs; i++) {
        int64_t first = i * count / runs, left = count - first;
        add_run(parts, split, first, left < RUN ? left : RUN, centred, made, sums);
        beat_move(ranks_beat(preflight->ranks));
    }
    memory_release(centred);
    memory_release(made);
    return dataset_failed(parts->dataset, error);
}

/* ---- Mean and deviation ---- */

struct Spread {
    double pooled;      /* √(mean over the channels of the variances) */
    double least, most; /* of the channels' deviations, those that are 0 aside */
    double mean;        /* the mean that is farthest from 0 */
    int64_t constant;   /* channels that never vary */
};

static struct Spread spread_of(const struct Sums *sums) {
    struct Spread spread = {.least = INFINITY};
    double pixels = (double)sums->pixels, variances = 0;
    for (int64_t c = 0; c < sums->channels; c++) {
        double mean = sums->sum[c] / pixels;
        double variance = fmax(0, sums->square[c] / pixels - mean * mean), std = sqrt(variance);
        mean += sums->shift[c];
        variances += variance;
        spread.constant += std == 0;
        spread.least = std > 0 ? fmin(spread.least, std) : spread.least;
        spread.most = fmax(spread.most, std);
        if (fabs(mean) > fabs(spread.mean))
            spread.mean = mean;
    }
    spread.pooled = sqrt(variances / (double)sums->channels);
    return spread;
}

static void judge_mean(struct Finding *finding, const struct Experiment *experiment,
                       const struct Spread *spread) {
    bool centres = preprocess_center(&experiment_options(experiment)->preprocess) != CENTER_NONE;
    double offset = fabs(spread->mean) / fmax(spread->pooled, DBL_MIN);
    finding__figure(finding, "mean", spread->mean);
    finding__figure(finding, "mean_over_deviation", offset);
    finding__say(finding, "mean %.3g, %.2f deviations from 0", spread->mean, offset);
    finding__expect(finding, "about 0");
    if (offset < 0.5)
        return;
    /* Tiny values are not scaled, which is another finding. */
    bool bad = fabs(spread->mean) > 10 || (offset > 2.5 && fabs(spread->mean) > 0.05);
    enum CheckVerdict verdict = bad ? CHECK_BAD : CHECK_DOUBTFUL;
    if (centres && experiment_parts(experiment)->train->limited)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "data.limit keeps samples that are not like all those of the split, whose "
                       "mean is subtracted",
                       "set data.limit.choose: spread, or keep more of them");
    else if (centres)
        finding__blame(finding, verdict,
                       "the mean that is subtracted is not that of these samples: statistics of "
                       "other data, or of samples in other units",
                       "compute the statistics of the data set anew, or take "
                       "start_from.preprocess: own");
    else
        finding__blame(finding, verdict,
                       "the mean is not subtracted: inputs of one sign make all gradients of a "
                       "unit's weights have one sign",
                       "set preprocess.center: channel_mean");
}

static void judge_deviation(struct Finding *finding, const struct Spread *spread) {
    finding__figure(finding, "deviation", spread->pooled);
    finding__figure(finding, "least_deviation", spread->least);
    finding__figure(finding, "most_deviation", spread->most);
    finding__say(finding, "deviation %.3g", spread->pooled);
    if (spread->most > spread->least)
        finding__say(finding, ", by channel %.3g to %.3g", spread->least, spread->most);
    finding__expect(finding, "about 1");
    if (spread->pooled > 10)
        finding__blame(finding, CHECK_BAD,
                       "the inputs are not scaled to deviations of about 1, for which initial "
                       "weights and learning rates are made",
                       "set preprocess.scale: channel_std");
    else if (spread->pooled < 0.02)
        finding__blame(finding, spread->pooled < 0.005 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the inputs are not scaled to deviations of about 1, but to much less: they "
                       "are scaled twice, or the values in the file are small already",
                       "set preprocess.scale: channel_std");
    if (spread->most > 100 * spread->least)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "channels have deviations of very different sizes, so that no learning "
                       "rate suits all of their weights",
                       "set preprocess.scale: channel_std");
}

static void say_spread(struct Preflight *preflight, const struct Sums *sums) {
    struct Spread spread = spread_of(sums);
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "range");
    finding__figure(finding, "least", sums->least);
    finding__figure(finding, "most", sums->most);
    finding__figure(finding, "not_finite", (double)sums->nonfinite);
    finding__say(finding, "after preprocessing values lie between %.3g and %.3g", sums->least,
                 sums->most);
    finding__expect(finding, "finite values of a few deviations");
    if (sums->nonfinite)
        finding__blame(finding, CHECK_BAD, "inputs hold NaN or Inf",
                       "look for what made the data set");
    if (!sums->pixels)
        return;
    judge_mean(findings__add(preflight->findings, CHECK_DATA, "mean"), preflight->experiment,
               &spread);
    judge_deviation(findings__add(preflight->findings, CHECK_DATA, "deviation"), &spread);
}

/* ---- Covariance ---- */

/* The eigenvalues of the channels' covariance, in descending order, in `values`. */
static int decompose(const struct Sums *sums, double *values, struct Error *error) {
    int64_t n = sums->channels;
    double pixels = (double)sums->pixels;
    double *matrix = memory_copy_array(sums->product, n * n, "a covariance");
    for (int64_t c = 0; c < n; c++)
        for (int64_t d = 0; d <= c; d++)
            matrix[c * n + d] =
                matrix[c * n + d] / pixels - sums->sum[c] / pixels * sums->sum[d] / pixels;
    int code = lapack_symmetric_eigen(n, matrix, values, error);
    memory_release(matrix);
    return code;
}

/* Columns of a table that stand for categories always depend on one another; that is no mistake. */
static int say_condition(struct Preflight *preflight, const struct Sums *sums,
                         struct Error *error) {
    const struct Dataset *dataset = experiment_parts(preflight->experiment)->dataset;
    int64_t n = sums->channels;
    if (n < 2 || !sums->product || !sums->pixels || dataset_has_rows(dataset))
        return OK;
    double *values = memory_array(double, n, "eigenvalues");
    int code = decompose(sums, values, error);
    double condition = values[n - 1] > 0 ? values[0] / values[n - 1] : INFINITY;
    if (!code) {
        struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "condition");
        finding__figure(finding, "condition_number", condition);
        finding__say(finding, "the channels' covariance has condition number %.3g", condition);
        finding__expect(finding, "below 1e5");
        if (!(condition < 1e5))
            finding__blame(finding, CHECK_DOUBTFUL,
                           "a channel is a mixture of the others: grey pictures in three "
                           "channels, or a channel that never varies",
                           "import them with one channel, or set preprocess.decorrelate: zca and "
                           "scope: pixel");
    }
    memory_release(values);
    return code;
}

/* ---- The validation split ---- */

/* How far two splits are apart: the largest distance of a channel's means in deviations of the
 * training split, and the ratio of the deviations. Channels that never vary are left out. */
static void measure_distance(const struct Sums *train, const struct Sums *other, double *distance,
                             double *ratio) {
    double squares = 0, other_squares = 0;
    *distance = 0;
    for (int64_t c = 0; c < train->channels; c++) {
        double n = (double)train->pixels, m = (double)other->pixels;
        double mean = train->sum[c] / n, other_mean = other->sum[c] / m;
        double variance = train->square[c] / n - mean * mean;
        double other_variance = other->square[c] / m - other_mean * other_mean;
        mean += train->shift[c];
        other_mean += other->shift[c];
        if (!(variance > 0))
            continue;
        squares += variance;
        other_squares += fmax(0, other_variance);
        *distance = fmax(*distance, fabs(mean - other_mean) / sqrt(variance));
    }
    *ratio = squares > 0 ? sqrt(other_squares / squares) : 1;
}

/* Pixels of an image are alike, so that the samples count, not the pixels. */
#define SURE 5      /* standard errors */
#define ENOUGH 30   /* samples, to compare deviations */
#define APART 0.4   /* deviations between means that are worth a word, */
#define FAR_APART 1 /* or bad */
#define UNLIKE 1.8  /* ratios of deviations */
#define FAR_UNLIKE 4

static void judge_distance(struct Finding *finding, double samples, double distance, double ratio,
                           bool pictures) {
    static const char cause[] =
        "the samples of the validation split are of another kind than those of the training "
        "split: from another source, in another scale, or prepared in another way";
    static const char advice[] =
        "look at samples of both splits, and draw both from the same samples";
    double times = ratio > 1 ? ratio : 1 / fmax(ratio, 1e-9), least = SURE / sqrt(samples);
    bool unlike = pictures && samples >= ENOUGH;
    if (distance > fmax(FAR_APART, least) || (unlike && times > FAR_UNLIKE))
        finding__blame(finding, CHECK_BAD, cause, advice);
    else if (distance > fmax(APART, least) || (unlike && times > UNLIKE))
        finding__blame(finding, CHECK_DOUBTFUL, cause, advice);
}

static int compare_splits(struct Preflight *preflight, const struct Sums *train,
                          struct Error *error) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct Split *split = parts->validation;
    struct Sums sums;
    double distance, ratio;
    if (!split || split == parts->train || !train->pixels)
        return OK;
    start_sums(&sums, train->channels);
    int code = look(preflight, split, &sums, error);
    if (!code && sums.pixels) {
        int64_t samples = split->count < parts->train->count ? split->count : parts->train->count;
        measure_distance(train, &sums, &distance, &ratio);
        struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "splits_alike");
        finding__figure(finding, "mean_distance", distance);
        finding__figure(finding, "deviation_ratio", ratio);
        finding__say(finding,
                     "%s against %s: means differ by %.2g deviations, deviations are %.2f times as "
                     "large",
                     split->name, parts->train->name, distance, ratio);
        finding__expect(finding, "means and deviations that are about the same");
        judge_distance(finding, (double)(samples < MOST_IMAGES ? samples : MOST_IMAGES), distance,
                       ratio, parts->dataset->height * parts->dataset->width > 1);
    }
    release_sums(&sums);
    return code;
}

int check__preprocessed(struct Preflight *preflight, struct Error *error) {
    struct Image out = preprocess_image(&experiment_parts(preflight->experiment)->preprocess);
    struct Sums sums;
    start_sums(&sums, out.channels);
    int code = look(preflight, experiment_parts(preflight->experiment)->train, &sums, error);
    if (!code) {
        say_spread(preflight, &sums);
        code = say_condition(preflight, &sums, error);
    }
    if (!code)
        code = compare_splits(preflight, &sums, error);
    release_sums(&sums);
    return code;
}
