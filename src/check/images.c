/* Duplicates, by the digest of the pixels, within and between the splits of the data set; and
 * images of a single colour. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "check/survey.h"

#define MOST_BYTES ((int64_t)4 << 30) /* of a split; what is beyond is not looked at */
#define MOVE_EVERY 1024               /* images */

/* ---- The splits ---- */

static void add_split(struct Survey *survey, const struct Split *split) {
    int64_t bytes = (int64_t)dataset_image_bytes(survey->dataset, split), most = MOST_BYTES / bytes;
    if (survey->split_count == MOST_SPLITS)
        return;
    survey->splits[survey->split_count++] =
        (struct SplitCount){.split = split,
                            .looked_at = split->count < most ? split->count : most,
                            .example = -1,
                            .twin = -1};
}

/* All splits that can be opened, because samples of a test split, which the run does not name, may
 * have got into the training split. Where that fails, the run's own. */
static void open_splits(struct Preflight *preflight, struct Survey *survey) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct RunOptions *options = experiment_options(preflight->experiment);
    struct DatasetRequest request = {.options = &options->data, .skips_bad = true, .defers = true};
    struct Error ignored = {0};
    const struct Split *train = NULL;
    if (!dataset_open_request(&survey->opened, &request, &ignored))
        train = dataset_split(survey->opened, options->data.train, &ignored);
    survey->dataset = train ? survey->opened : parts->dataset;
    add_split(survey, train ? train : parts->train);
    if (!train && parts->validation && parts->validation != parts->train)
        add_split(survey, parts->validation);
    for (int i = 0; train && i < survey->opened->split_count; i++)
        if (&survey->opened->splits[i] != train)
            add_split(survey, &survey->opened->splits[i]);
}

/* ---- Looking ---- */

/* Whether each pixel equals the one before. */
static bool is_constant(const struct Dataset *dataset, const struct Split *split,
                        const void *image) {
    size_t bytes = dataset_image_bytes(dataset, split);
    size_t pixel = bytes / (size_t)(dataset->height * dataset->width);
    return bytes > pixel && !memcmp(image, (const char *)image + pixel, bytes - pixel);
}

static int look_at_split(struct Survey *survey, int index, struct Beat *beat, struct Error *error) {
    struct SplitCount *count = &survey->splits[index];
    const struct Split *split = count->split;
    size_t bytes = dataset_image_bytes(survey->dataset, split);
    for (int64_t i = 0; i < count->looked_at; i++) {
        if (i % MOVE_EVERY == 0)
            beat_move(beat);
        const void *image = dataset_image(survey->dataset, split, i);
        bool constant = is_constant(survey->dataset, split, image);
        count->constant += constant;
        if (constant) /* all empty images are alike, which is no duplicate */
            continue;
        struct Seen *seen = &survey->seen[survey->seen_count++];
        *seen = (struct Seen){.digest = digest_bytes(image, bytes),
                              .sample = i,
                              .split = index,
                              .label = split->labels ? split->labels[i] : -1};
        if (!thumb__can(survey->dataset))
            continue;
        struct Thumb thumb;
        thumb__make(survey->dataset, split, image, &thumb);
        seen->hash = thumb__hash(&thumb);
    }
    return dataset_failed(survey->dataset, error);
}

static int compare(const void *a, const void *b) {
    const struct Seen *x = a, *y = b;
    if (x->digest.high != y->digest.high)
        return x->digest.high < y->digest.high ? -1 : 1;
    if (x->digest.low != y->digest.low)
        return x->digest.low < y->digest.low ? -1 : 1;
    if (x->split != y->split)
        return x->split - y->split;
    return (x->sample > y->sample) - (x->sample < y->sample);
}

static bool same_image(const struct Seen *a, const struct Seen *b) {
    return a->digest.high == b->digest.high && a->digest.low == b->digest.low;
}

/* Samples of equal images, the training split's first. */
static void count_group(struct Survey *survey, const struct Seen *group, int64_t size) {
    for (int64_t i = 1; i < size; i++) {
        struct SplitCount *count = &survey->splits[group[i].split];
        bool again = group[i].split == group[i - 1].split;
        bool leaks = group[i].split > 0 && group[0].split == 0;
        count->repeated += again;
        count->leaked += leaks;
        count->of_both += again && group[i].label != group[i - 1].label;
        if ((again || leaks) && count->example < 0) {
            count->example = group[i].sample;
            count->twin = leaks ? group[0].sample : group[i - 1].sample;
        }
    }
}

static void count_groups(struct Survey *survey) {
    qsort(survey->seen, (size_t)survey->seen_count, sizeof *survey->seen, compare);
    for (int64_t first = 0, end; first < survey->seen_count; first = end) {
        for (end = first + 1; end < survey->seen_count; end++)
            if (!same_image(&survey->seen[first], &survey->seen[end]))
                break;
        count_group(survey, &survey->seen[first], end - first);
    }
}

/* ---- Saying ---- */

static double part_of(int64_t count, const struct SplitCount *of) {
    return of->looked_at ? (double)count / (double)of->looked_at : 0;
}

void check__name_pair(const struct Survey *survey, struct Finding *finding,
                      const struct Split *split, int64_t sample, const char *word,
                      const struct Split *other, int64_t twin) {
    struct Text text = {0};
    struct Error ignored; /* then the pair is not named */
    int code = dataset_name_sample(survey->dataset, split, sample, &text, &ignored);
    text_add(&text, " %s ", word);
    if (!code && !dataset_name_sample(survey->dataset, other, twin, &text, &ignored))
        finding__say(finding, " (%s)", text.data);
    text_release(&text);
}

static void name_example(const struct Survey *survey, const struct SplitCount *count,
                         struct Finding *finding) {
    if (count->example >= 0)
        check__name_pair(survey, finding, count->split, count->example, "equals",
                         count->leaked ? survey->splits[0].split : count->split, count->twin);
}

static void say_repeated(struct Findings *findings, const struct Survey *survey) {
    const struct SplitCount *train = &survey->splits[0];
    struct Finding *finding = findings__add(findings, CHECK_DATA, "duplicates_within");
    double part = part_of(train->repeated, train), both = part_of(train->of_both, train);
    finding__figure(finding, "looked_at", (double)train->looked_at);
    finding__figure(finding, "duplicates", (double)train->repeated);
    finding__figure(finding, "with_other_label", (double)train->of_both);
    finding__say(finding, "%s: %" PRId64 " of %" PRId64 " %s are there twice", train->split->name,
                 train->repeated, train->looked_at, dataset_samples_word(survey->dataset));
    name_example(survey, train, finding);
    if (train->of_both)
        finding__say(finding, ", %" PRId64 " of them under another label", train->of_both);
    if (survey->by_chance) {
        finding__expect(finding, "few, unless its columns have few different values");
        return;
    }
    finding__expect(finding, "few, and none under two labels");
    if (both > 0.001)
        finding__blame(finding, both > 0.05 ? CHECK_BAD : CHECK_DOUBTFUL,
                       dataset_has_rows(survey->dataset)
                           ? "the same row has two labels: labels are wrong, or do not go with the "
                             "rows"
                           : "the same image has two labels: labels are wrong, or do not go with "
                             "the images",
                       "look at these samples, and at what puts the labels to them");
    if (part > 0.01)
        finding__blame(finding, CHECK_DOUBTFUL,
                       dataset_has_rows(survey->dataset)
                           ? "many rows are there twice: they count double, and if the splits are "
                             "drawn from them, they end up on both sides"
                           : "many images are there twice: they count double, and if the splits "
                             "are drawn from them, they end up on both sides",
                       "remove the duplicates before the splits are drawn");
}

static void say_leaked(struct Findings *findings, const struct Survey *survey) {
    struct Finding *finding = findings__add(findings, CHECK_DATA, "duplicates_between");
    const struct SplitCount *worst = &survey->splits[1];
    for (int i = 1; i < survey->split_count; i++) {
        const struct SplitCount *count = &survey->splits[i];
        finding__say(finding, "%s%s: %" PRId64 " of %" PRId64 " %s are in %s, too",
                     i > 1 ? "; " : "", count->split->name, count->leaked, count->looked_at,
                     dataset_samples_word(survey->dataset), survey->splits[0].split->name);
        if (part_of(count->leaked, count) > part_of(worst->leaked, worst))
            worst = count;
    }
    double part = part_of(worst->leaked, worst);
    finding__figure(finding, "worst_count", (double)worst->leaked);
    finding__figure(finding, "worst_part", part);
    finding__expect(finding, "none");
    name_example(survey, worst, finding);
    /* If rows are equal by chance, one has about twice as many equals in another split as before
     * it in its own. */
    double expected =
        survey->by_chance ? 3 * part_of(survey->splits[0].repeated, survey->splits) : 0;
    if (part > expected + 0.005)
        finding__blame(finding, part > expected + 0.05 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "samples of another split are in the training split: what is measured "
                       "there is too good",
                       "remove them from the training split, or draw the splits anew");
}

static void say_constant(struct Findings *findings, const struct Survey *survey) {
    const struct SplitCount *train = &survey->splits[0];
    double part = part_of(train->constant, train);
    struct Finding *finding = findings__add(findings, CHECK_DATA, "constant_images");
    finding__figure(finding, "constant", (double)train->constant);
    finding__say(finding, "%s: %" PRId64 " of %" PRId64 " images are of one colour all over",
                 train->split->name, train->constant, train->looked_at);
    finding__expect(finding, "none");
    if (part > 0.001)
        finding__blame(finding, part > 0.1 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "images are empty: they were not read or not written",
                       "look at these images and at what made the data set");
}

int check__images(struct Preflight *preflight, struct Error *error) {
    struct Survey survey = {0};
    int64_t count = 0;
    int code = OK;
    open_splits(preflight, &survey);
    for (int i = 0; i < survey.split_count; i++)
        count += survey.splits[i].looked_at;
    survey.seen = memory_array(struct Seen, count, "digests of images");
    for (int i = 0; i < survey.split_count && !code; i++)
        code = look_at_split(&survey, i, ranks_beat(preflight->ranks), error);
    const struct SplitCount *train = &survey.splits[0];
    survey.by_chance = !code && dataset_has_rows(survey.dataset) &&
                       !check__rows_are_unique(survey.dataset, train->split, train->looked_at);
    if (!code)
        code = dataset_failed(survey.dataset, error);
    if (!code) {
        count_groups(&survey);
        if (!dataset_has_rows(survey.dataset))
            say_constant(preflight->findings, &survey);
        say_repeated(preflight->findings, &survey);
        if (survey.split_count > 1)
            say_leaked(preflight->findings, &survey);
        if (survey.split_count > 1 && thumb__can(survey.dataset))
            check__near(preflight, &survey);
        code = dataset_failed(survey.dataset, error);
    }
    memory_release(survey.seen);
    dataset_close(survey.opened);
    return code;
}
