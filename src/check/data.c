/* Item 1: the data. Counts here; duplicates and constant images in images.c, what preprocessing
 * makes of the pixels in preprocessed.c, swapped channels in channels.c, wrong labels in
 * neighbours.c. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "check/looks_at_data.h"
#include "data/sheets/preview_augment.h"

#define MOST_NAMES 5
#define IMBALANCE 10 /* the largest class over the smallest */
#define SHEET_SAMPLES 20
#define SHEET_EPOCHS 6

/* ---- Classes ---- */

static void count_classes(const struct Dataset *dataset, const struct Split *split,
                          int64_t *counts) {
    int64_t classes = dataset->targets.count;
    memset(counts, 0, (size_t)classes * sizeof *counts);
    for (int64_t i = 0; i < split->count; i++) {
        if (split->labels) {
            counts[split->labels[i]]++;
            continue;
        }
        for (int64_t k = 0; k < classes; k++)
            counts[k] += split_has_class(split, classes, i, k);
    }
}

/* Names the classes without samples; returns how many there are. */
static int64_t name_missing(const struct Dataset *dataset, const int64_t *counts,
                            struct Text *names) {
    int64_t missing = 0;
    for (int64_t k = 0; k < dataset->targets.count; k++) {
        if (counts[k])
            continue;
        if (missing++ < MOST_NAMES)
            text_add(names, "%s%s", names->length ? ", " : "", dataset->targets.names[k]);
    }
    if (missing > MOST_NAMES)
        text_add(names, " and %" PRId64 " more", missing - MOST_NAMES);
    return missing;
}

static void blame_missing(struct Finding *finding, const struct Dataset *dataset,
                          const struct Split *split, const int64_t *counts, bool trains) {
    int64_t missing = 0;
    for (int64_t k = 0; k < dataset->targets.count; k++)
        missing += counts[k] == 0;
    bool first_alone = counts[0] == 0 && missing == 1;
    bool sets = dataset->targets.kind == TARGET_SETS;
    if (first_alone && dataset->targets.count > 2 && (sets || !dataset_has_class(dataset, 0)))
        finding__blame(finding, CHECK_BAD,
                       "a class is missing, and it is the first: labels that begin at 1 look like "
                       "this, and are then off by one",
                       "set data.first_label to 1, or look for the class's samples");
    else if (split->first_alone)
        finding__blame(finding, trains ? CHECK_BAD : CHECK_DOUBTFUL,
                       "classes are missing because data.limit keeps the first samples of the "
                       "split alone, and these are sorted by class",
                       "set data.limit.choose: spread, which keeps as many of each class");
    else if (trains)
        finding__blame(finding, CHECK_BAD,
                       "a class is missing: the network cannot learn what it "
                       "never sees",
                       "look for the class's samples, or take the class out; of parts of a split "
                       "(data.folds, fraction_of), each should have all classes: stratified: true, "
                       "and fewer folds than a class has samples");
    else if (missing > dataset->targets.count / 2)
        finding__blame(
            finding, CHECK_BAD,
            "most classes are missing from the validation split: it was cut from samples "
            "that are sorted by class",
            "shuffle the samples before they are split, or set "
            "data.splits.NAME.fraction_of, which takes a part of every class");
    else
        finding__blame(finding, CHECK_DOUBTFUL,
                       "a class is missing: how well it is recognised cannot be measured",
                       "draw the split from all classes");
}

static bool balances(const struct RunOptions *options) {
    const struct Strings *weights = loss_class_weights(&options->loss);
    return options->train.sampling == SAMPLING_BALANCED || (weights && weights->count > 0);
}

static void look_at_counts(struct Preflight *preflight, const struct Split *split, bool trains) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct Dataset *dataset = parts->dataset;
    int64_t classes = dataset->targets.count, least = INT64_MAX, most = 0;
    int64_t *counts = memory_array(int64_t, classes, "samples of classes");
    struct Text names = {0};
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "class_counts");
    count_classes(dataset, split, counts);
    for (int64_t k = 0; k < classes; k++) {
        least = counts[k] < least ? counts[k] : least;
        most = counts[k] > most ? counts[k] : most;
    }
    int64_t missing = name_missing(dataset, counts, &names);
    finding__figure(finding, "samples", (double)split->count);
    finding__figure(finding, "classes", (double)classes);
    finding__figure(finding, "least", (double)least);
    finding__figure(finding, "most", (double)most);
    finding__figure(finding, "missing", (double)missing);
    finding__say(finding, "%s: %" PRId64 " samples of %" PRId64 " class%s, %" PRId64, split->name,
                 split->count, classes, classes == 1 ? "" : "es", least);
    if (most > least)
        finding__say(finding, " to %" PRId64, most);
    finding__say(finding, " a class");
    finding__expect(finding, "samples of every class, about as many of each");
    if (missing)
        finding__say(finding, "; none of %s", names.data);
    bool sets = dataset->targets.kind == TARGET_SETS;
    if (trains && !sets && most == split->count && !split->first_alone)
        finding__blame(finding, CHECK_BAD,
                       "all samples are of one class: there is nothing to tell apart",
                       "look at how the labels were made, or add samples of another class");
    if (missing)
        blame_missing(finding, dataset, split, counts, trains);
    if (trains && sets && most == split->count)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "every sample has one and the same class: there is nothing to learn of it",
                       "look at how the labels were made, or take the class out");
    if (trains && !sets && most > IMBALANCE * least &&
        !balances(experiment_options(preflight->experiment)))
        finding__blame(finding, CHECK_DOUBTFUL,
                       "classes are far from balanced: the network may leave the rare ones out",
                       "set train.sampling: balanced, or class_weights: balanced in the loss, and "
                       "look at the balanced accuracy");
    text_release(&names);
    memory_release(counts);
}

/* ---- Values ---- */

#define OUTLIER 0.5 /* of the variance, due to one value */
#define SURE_OUTLIER 0.9
#define MANY 20 /* values or more */

struct TargetCounts {
    int64_t constant, outliers;            /* outputs */
    int64_t first_constant, first_outlier; /* one of them, −1: none; the row of an outlier, or −1 */
    double share;                          /* of a variance that an outlier is */
};

static struct TargetCounts count_targets(const struct Split *split, int64_t outputs,
                                         const double *mean, const double *deviation) {
    struct TargetCounts counts = {.first_constant = -1, .first_outlier = -1};
    for (int64_t k = 0; k < outputs; k++) {
        double variance = deviation[k] * deviation[k], far = 0;
        int64_t row = 0;
        for (int64_t i = 0; i < split->count; i++) {
            double away = fabs((double)split->targets[i * outputs + k] - mean[k]);
            row = away > far ? i : row;
            far = fmax(far, away);
        }
        counts.constant += variance == 0;
        if (variance == 0 && counts.first_constant < 0)
            counts.first_constant = k;
        double share = variance > 0 ? far * far / (variance * (double)split->count) : 0;
        if (split->count < MANY || share < OUTLIER)
            continue;
        counts.outliers++;
        counts.share = fmax(counts.share, share);
        counts.first_outlier = counts.first_outlier < 0 ? row : counts.first_outlier;
    }
    return counts;
}

static void look_at_values(struct Preflight *preflight, const struct Split *split,
                           const double *mean, const double *deviation) {
    const struct Targets *targets = &experiment_parts(preflight->experiment)->dataset->targets;
    int64_t outputs = targets->count;
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "target_values");
    struct TargetCounts counts = count_targets(split, outputs, mean, deviation);
    finding__figure(finding, "samples", (double)split->count);
    finding__figure(finding, "targets", (double)outputs);
    finding__figure(finding, "constant_targets", (double)counts.constant);
    finding__figure(finding, "targets_with_outlier", (double)counts.outliers);
    finding__say(finding,
                 "%s: %" PRId64 " samples of %" PRId64 " target%s; %s has mean %.4g and deviation "
                 "%.4g",
                 split->name, split->count, outputs, outputs == 1 ? "" : "s", targets->names[0],
                 mean[0], deviation[0]);
    finding__expect(finding, "targets that vary, none of them by one sample alone");
    if (counts.constant)
        finding__say(finding, "; %s is the same in all", targets->names[counts.first_constant]);
    if (counts.constant)
        finding__blame(finding, CHECK_BAD, "a target never varies: there is nothing to learn of it",
                       "leave the target out, or look for the column that was meant");
    if (!counts.outliers)
        return;
    finding__say(finding, "; row %" PRId64 " is far from all others", counts.first_outlier);
    finding__blame(finding, counts.share > SURE_OUTLIER ? CHECK_BAD : CHECK_DOUBTFUL,
                   "an outlier: one sample's target is so far from the others that more than half "
                   "of the variance is due to it",
                   "look at that sample, and correct it or leave it out");
}

/* Targets that the network has to learn as they are: √(mean² + deviation²), which the loss of a
 * prediction of 0 has, should be about 1. */
#define LARGE_TARGETS 10
#define HUGE_TARGETS 1000
#define SMALL_TARGETS 0.03

static void look_at_scale(struct Preflight *preflight, const double *mean,
                          const double *deviation) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    double least = INFINITY, most = 0;
    if (experiment_options(preflight->experiment)->preprocess.targets != TARGETS_NONE)
        return;
    for (int64_t k = 0; k < parts->dataset->targets.count; k++) {
        double size = hypot(mean[k], deviation[k]);
        least = fmin(least, size);
        most = fmax(most, size);
    }
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "target_scale");
    finding__figure(finding, "least", least);
    finding__figure(finding, "most", most);
    finding__say(finding, "targets are learnt as they are, and their size is %.3g", least);
    if (most > least)
        finding__say(finding, " to %.3g", most);
    finding__expect(finding, "about 1");
    if (most > LARGE_TARGETS || most < SMALL_TARGETS)
        finding__blame(
            finding, most > HUGE_TARGETS ? CHECK_BAD : CHECK_DOUBTFUL,
            "the targets are not scaled, as their size does not suit the initial weights "
            "and the usual learning rates",
            "set preprocess.targets: standardise; predictions are in the targets' units "
            "nevertheless");
}

/* Whether the targets of the validation split are like those of the training split. */
static void compare_values(struct Preflight *preflight, const struct Split *split,
                           const double *mean, const double *deviation, const double *train_mean,
                           const double *train_deviation) {
    int64_t outputs = experiment_parts(preflight->experiment)->dataset->targets.count;
    double worst = 0, ratio = 1;
    for (int64_t k = 0; k < outputs; k++) {
        if (train_deviation[k] == 0)
            continue;
        double error = fmax(deviation[k], train_deviation[k]) / sqrt((double)split->count);
        double apart = fabs(mean[k] - train_mean[k]) - 4 * error;
        double times = deviation[k] / train_deviation[k];
        worst = fmax(worst, apart / train_deviation[k]);
        ratio = fmax(ratio, fmax(times, 1 / times));
    }
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "targets_alike");
    finding__figure(finding, "means_apart", worst);
    finding__figure(finding, "times_as_large", ratio);
    finding__say(finding,
                 "%s: means are up to %.3g deviations apart, beyond chance, deviations up "
                 "to %.3g times as large or as small",
                 split->name, worst, ratio);
    finding__expect(finding, "targets like those of the training split");
    if (worst > 1 || (ratio > 4 && split->count >= MANY))
        finding__blame(finding, worst > 3 || ratio > 10 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the targets of the validation split are not like those of the training "
                       "split: other units, another column, or samples of another kind",
                       "look at the targets of both splits");
}

static void look_at_all_values(struct Preflight *preflight) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct Split *split = parts->validation;
    int64_t outputs = parts->dataset->targets.count;
    double *statistics = memory_array(double, 4 * outputs, "means and deviations of targets");
    double *mean = statistics, *deviation = mean + outputs;
    double *other_mean = deviation + outputs, *other_deviation = other_mean + outputs;
    target_statistics(parts->train->targets, parts->train->count, outputs, mean, deviation);
    look_at_values(preflight, parts->train, mean, deviation);
    look_at_scale(preflight, mean, deviation);
    if (split && split != parts->train) {
        target_statistics(split->targets, split->count, outputs, other_mean, other_deviation);
        look_at_values(preflight, split, other_mean, other_deviation);
        compare_values(preflight, split, other_mean, other_deviation, mean, deviation);
    }
    memory_release(statistics);
}

static void look_at_targets(struct Preflight *preflight) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    if (targets_are_values(&parts->dataset->targets)) {
        look_at_all_values(preflight);
        return;
    }
    look_at_counts(preflight, parts->train, true);
    if (parts->validation && parts->validation != parts->train)
        look_at_counts(preflight, parts->validation, false);
}

/* ---- Rounding ---- */

#define HARDLY_ANY_LEVELS 30

static void look_at_rounding(struct Preflight *preflight) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct Dataset *dataset = parts->dataset;
    int64_t channel, target;
    double levels = dataset_levels_left(dataset, parts->train, &channel);
    double of_targets = dataset_target_levels_left(dataset, parts->train, &target);
    double fewest = fmin(levels, of_targets);
    if (!isfinite(fewest))
        return;
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "rounding");
    finding__figure(finding, "levels", fewest);
    struct Text name = {0};
    if (levels > of_targets)
        text_add(&name, "target %" PRId64 " (%s)", target, dataset->targets.names[target]);
    else
        dataset_name_channel(dataset, channel, &name);
    finding__say(finding,
                 "%s has at most %.0f different values in float32, between the least and the "
                 "largest",
                 name.data, floor(fewest) + 1);
    text_release(&name);
    finding__expect(finding, "%d or more", DATASET_FEW_LEVELS);
    if (fewest < DATASET_FEW_LEVELS)
        finding__blame(finding, fewest < HARDLY_ANY_LEVELS ? CHECK_BAD : CHECK_DOUBTFUL,
                       "values are so large that float32, in which they are kept, rounds away what "
                       "they differ by",
                       "subtract a constant before they are written: the first date from dates, "
                       "say");
}

/* ---- The sheet ---- */

static int write_sheet(struct Preflight *preflight, struct Error *error) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct RunOptions *options = experiment_options(preflight->experiment);
    const char *path = preflight->request->sheet;
    if (!path)
        return OK;
    const struct AugmentPreview preview = {.samples = SHEET_SAMPLES,
                                           .epochs = SHEET_EPOCHS,
                                           .loader = {.dataset = parts->dataset,
                                                      .split = parts->train,
                                                      .preprocess = &parts->preprocess,
                                                      .augment = &options->augment,
                                                      .mix = &options->mix,
                                                      .seed = (uint64_t)options->train.seed}};
    int code = preview_augment_write(&preview, path, error);
    if (code)
        return code;
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "contact_sheet");
    finding__say(finding, "%d samples as the network sees them, in %s", SHEET_SAMPLES, path);
    finding__expect(finding, "labels that go with the pictures, also after augmentation: look");
    return OK;
}

int check__data(struct Preflight *preflight, struct Error *error) {
    int code = OK;
    beat_enter(ranks_beat(preflight->ranks), BEAT_PREPARING);
    if (ranks_rank(preflight->ranks) == 0) {
        look_at_targets(preflight);
        look_at_rounding(preflight);
        code = check__images(preflight, error);
        if (!code)
            code = check__channels(preflight, error);
        if (!code)
            code = check__preprocessed(preflight, error);
        if (!code)
            code = check__neighbours(preflight, error);
        if (!code)
            code = check__mirrored(preflight, error);
        if (!code)
            code = write_sheet(preflight, error);
    }
    return ranks_agree(preflight->ranks, code, error);
}
