/* Images of other splits that look nearly the same as an image of the training split, such as
 * copies that were saved anew or shifted by a pixel. */
#include <inttypes.h>

#include "base/memory.h"
#include "check/survey.h"

#define MOST_SAMPLES 1000 /* of a split, for which a twin is looked for */
#define MOST_BITS 30      /* in which the hashes of twins differ */
#define ALIKE 0.97        /* the correlation of their grey values, at least */
#define MANY 0.03         /* of the samples; CIFAR-10, whose images are small, has 0.01 */
#define BY_CHANCE 3       /* times as many as within the training split */
#define FEWEST 4          /* samples */

/* What was found of one split. */
struct Near {
    int64_t looked_at, count;
    int64_t sample, twin; /* an example; −1 */
};

/* The sample of the training split that looks most like `of`; NULL: none does. */
static const struct Seen *find_twin(const struct Survey *survey, const struct Seen *const *train,
                                    int64_t count, const struct Seen *of) {
    const struct Seen *twin = NULL;
    struct Thumb one, other;
    int least = MOST_BITS + 1;
    for (int64_t i = 0; i < count; i++) {
        int bits = thumb__bits_apart(&train[i]->hash, &of->hash);
        if (bits >= least || train[i] == of)
            continue;
        least = bits;
        twin = train[i];
    }
    if (!twin || (twin->digest.high == of->digest.high && twin->digest.low == of->digest.low))
        return NULL; /* equal images are another finding */
    const struct Split *split = survey->splits[of->split].split, *first = survey->splits[0].split;
    thumb__make(survey->dataset, split, dataset_image(survey->dataset, split, of->sample), &one);
    thumb__make(survey->dataset, first, dataset_image(survey->dataset, first, twin->sample),
                &other);
    return thumb__correlation(&other, &one) > ALIKE ? twin : NULL;
}

/* The samples of a split that were looked at; returns how many. */
static int64_t list_split(const struct Survey *survey, int split, const struct Seen **list) {
    int64_t count = 0;
    for (int64_t i = 0; i < survey->seen_count; i++)
        if (survey->seen[i].split == split)
            list[count++] = &survey->seen[i];
    return count;
}

static struct Near look_at_split(const struct Survey *survey, int split,
                                 const struct Seen *const *train, int64_t train_count,
                                 const struct Seen **list, struct Beat *beat) {
    int64_t count = list_split(survey, split, list);
    struct Near near = {.looked_at = count < MOST_SAMPLES ? count : MOST_SAMPLES, .sample = -1};
    for (int64_t i = 0; i < near.looked_at; i++) {
        const struct Seen *of = list[i * count / near.looked_at];
        const struct Seen *twin = find_twin(survey, train, train_count, of);
        beat_move(beat);
        if (!twin)
            continue;
        if (near.count++ == 0) {
            near.sample = of->sample;
            near.twin = twin->sample;
        }
    }
    return near;
}

static double part_of(const struct Near *near) {
    return near->looked_at ? (double)near->count / (double)near->looked_at : 0;
}

/* `near`: of each split, the training split first. */
static void report(struct Preflight *preflight, const struct Survey *survey,
                   const struct Near *near) {
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "near_duplicates");
    int worst = 1;
    for (int i = 1; i < survey->split_count; i++) {
        finding__say(finding, "%s%s: %" PRId64 " of %" PRId64 " images", i > 1 ? "; " : "",
                     survey->splits[i].split->name, near[i].count, near[i].looked_at);
        worst = part_of(&near[i]) > part_of(&near[worst]) ? i : worst;
    }
    finding__say(finding, " look nearly like one of %s", survey->splits[0].split->name);
    double part = part_of(&near[worst]), within = part_of(&near[0]);
    finding__figure(finding, "worst_part", part);
    finding__figure(finding, "within_training", within);
    finding__expect(finding, "hardly any, or as many as within %s (%.1f %%)",
                    survey->splits[0].split->name, 100 * within);
    if (near[worst].count)
        check__name_pair(survey, finding, survey->splits[worst].split, near[worst].sample,
                         "looks like", survey->splits[0].split, near[worst].twin);
    if (near[worst].count >= FEWEST && part > MANY && part > BY_CHANCE * within)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "images of another split are nearly in the training split, too, saved anew "
                       "or a little shifted: what is measured there is too good",
                       "look at these images, and draw the splits so that all pictures of one "
                       "thing are in the same split");
}

void check__near(struct Preflight *preflight, const struct Survey *survey) {
    struct Near near[MOST_SPLITS] = {{0}};
    const struct Seen **train =
        memory_array(const struct Seen *, survey->seen_count, "images of the training split");
    const struct Seen **list =
        memory_array(const struct Seen *, survey->seen_count, "images of a split");
    int64_t count = list_split(survey, 0, train);
    for (int i = 0; i < survey->split_count; i++)
        near[i] = look_at_split(survey, i, train, count, list, ranks_beat(preflight->ranks));
    report(preflight, survey, near);
    memory_release(train);
    memory_release(list);
}
