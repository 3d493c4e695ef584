/* The samples of all splits that item 1 has looked at, to compare them. Inside check/ only. */
#ifndef TRAINER_CHECK_SURVEY_H
#define TRAINER_CHECK_SURVEY_H

#include "base/digest.h"
#include "check/looks_at_data.h"
#include "check/thumb.h"

#define MOST_SPLITS 8

/* A sample that was looked at. */
struct Seen {
    struct Digest digest;
    struct ThumbHash hash; /* if the images are large enough */
    int64_t sample;
    int32_t split, label; /* label −1: the sample has no single class */
};

/* What was found of a split. */
struct SplitCount {
    const struct Split *split;
    int64_t looked_at, constant;
    int64_t repeated; /* copies of an image that came before in the split */
    int64_t leaked;   /* whose image the training split has, too */
    int64_t of_both;  /* whose image stands in the split under another label as well */
    int64_t example;  /* the first sample that is leaked, or repeated; −1 */
    int64_t twin;     /* the sample of the training split that it equals */
};

struct Survey {
    struct Dataset *opened; /* all splits of the files; NULL: only those of the run */
    const struct Dataset *dataset;
    struct SplitCount splits[MOST_SPLITS];
    int split_count; /* the training split first */
    struct Seen *seen;
    int64_t seen_count;
    bool by_chance; /* samples are equal by chance: rows of a table whose values are few */
};

/* images.c: " (validation sample 3 WORD train sample 7)", for a finding. */
void check__name_pair(const struct Survey *survey, struct Finding *finding,
                      const struct Split *split, int64_t sample, const char *word,
                      const struct Split *other, int64_t twin);
/* near.c: images of other splits that look nearly the same as one of the training split. */
void check__near(struct Preflight *preflight, const struct Survey *survey);

#endif
