/* Mixing: two training images are combined into one, and so are their targets, which are
 * distributions over the classes, or values. Each way of mixing is one small file in mixes/ and one
 * row of the table in mix.c. Each way of the run file's list has a probability; a sample gets one
 * of them or none.
 *
 * The partner of a sample is drawn uniformly from the whole split, and is augmented as it would be
 * in its own place in the same epoch. Everything is keyed by (seed, epoch, sample), never by batch
 * or rank. Not collective. */
#ifndef TRAINER_DATA_MIX_H
#define TRAINER_DATA_MIX_H

#include "base/error.h"
#include "base/random.h"
#include "data/image.h"
#include "runfile/schema.h"

struct MixOptions { /* the first member of the options of every way of mixing */
    double alpha, probability;
};

struct Mix {
    struct Kind kind;
    /* Refuses images of a size that cannot be mixed in this way (ERROR_RUN_FILE); NULL: none. */
    int (*check)(const struct Choice *choice, const struct Image *image, struct Error *error);
    /* Mixes `partner` into `image`, which has the same size. Returns the weight, in [0, 1], of the
     * image's own target; the partner's target gets the rest. Allocates nothing. */
    float (*apply)(const struct MixOptions *options, const struct RandomStream *stream,
                   struct Image *image, const struct Image *partner);
};
extern const struct KindTable mix_kinds;
extern const struct Key mix_keys[]; /* the keys of struct MixOptions */

/* ERROR_RUN_FILE, with the line, if the probabilities of the list add up to more than 1 or if
 * images of this size cannot be mixed so. */
int mix_check(const struct ChoiceList *list, const struct Image *image, struct Error *error);

/* How a sample of a split of `count` samples is mixed. */
struct MixDraw {
    const struct Mix *mix; /* NULL: not at all */
    const struct MixOptions *options;
    int64_t partner;
    uint64_t share;             /* where the partner is in the split, as a share of 2^64 */
    struct RandomStream stream; /* for mix->apply */
};
struct MixDraw mix_draw(const struct ChoiceList *list, uint64_t seed, int64_t epoch, int64_t sample,
                        int64_t count);

/* λ drawn from Beta(alpha, alpha), with blocks 1, 2, … of the stream; block 0 is for mix->apply. */
double mix_weight(const struct MixOptions *options, const struct RandomStream *stream);

#endif
