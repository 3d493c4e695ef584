/* Mixing: two training images become one, and so do their targets, which are distributions over
 * the classes (or numbers, for regression). One small file and one row of the table each. Of a run
 * file's list at most one is applied to a sample, each with its probability.
 *
 * The sample's partner is drawn uniformly from the whole split, and is augmented as in its own
 * place of the same epoch. Everything is keyed by (seed, epoch, sample): never by batch or rank. */
#ifndef TRAINER_DATA_MIX_H
#define TRAINER_DATA_MIX_H

#include "base/error.h"
#include "base/random.h"
#include "data/image.h"
#include "runfile/schema.h"

struct MixOptions { /* begins every mix's options */
    double alpha, probability;
};

struct Mix {
    struct Kind kind;
    /* NULL, or refuses images of a size that cannot be mixed so. */
    int (*check)(const struct Choice *choice, const struct Image *image, struct Error *error);
    /* Mixes `partner` into `image`, of the same size; returns the weight that is left to the
     * image's own target, in [0, 1]. */
    float (*apply)(const struct MixOptions *options, const struct RandomStream *stream,
                   struct Image *image, const struct Image *partner);
};
extern const struct KindTable mix_kinds;
extern const struct Key mix_keys[]; /* of struct MixOptions */

/* Refuses a list whose probabilities add up to more than one, and what does not go with images of
 * this size. */
int mix_check(const struct ChoiceList *list, const struct Image *image, struct Error *error);

/* What happens to a sample of a split of `count`. */
struct MixDraw {
    const struct Mix *mix; /* NULL: nothing */
    const struct MixOptions *options;
    int64_t partner;
    struct RandomStream stream; /* for mix->apply */
};
struct MixDraw mix_draw(const struct ChoiceList *list, uint64_t seed, int64_t epoch, int64_t sample,
                        int64_t count);

/* λ of Beta(alpha, alpha), from blocks 1, 2, … of the stream; block 0 is the mix's own. */
double mix_weight(const struct MixOptions *options, const struct RandomStream *stream);

#endif
