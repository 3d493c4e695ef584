/* Augmentation: random changes of a training image. One small file of augmentations/ and one row
 * of augmentations.def each; applied in the run file's order, those of stage AUGMENT_RAW to the
 * image as it is stored, then those of AUGMENT_PREPROCESSED to what preprocessing made of it.
 * Randomness is keyed by (seed, place in the list, epoch, sample): never by rank or batch.
 *
 * At test time nothing is random: an augmentation is left out, unless it has `evaluate`, its
 * counterpart, which brings an image to the size that training images have. */
#ifndef TRAINER_DATA_AUGMENT_H
#define TRAINER_DATA_AUGMENT_H

#include <stdint.h>

#include "base/error.h"
#include "base/random.h"
#include "data/dataset/dataset.h"
#include "data/image.h"
#include "runfile/schema.h"

enum AugmentStage { AUGMENT_PREPROCESSED, AUGMENT_RAW };

/* Which image of which epoch this is. */
struct AugmentPlace {
    uint64_t seed;
    uint32_t place; /* in the run file's list */
    uint64_t epoch, sample;
};

static inline struct RandomStream augment_stream(const struct AugmentPlace *at) {
    return random_stream(at->seed, RANDOM_AUGMENTATION, at->place, at->epoch, at->sample);
}

struct Augment {
    struct Kind kind;
    enum AugmentStage stage;
    /* Checks the options against the image's size and says the size that comes out. NULL: the
     * options need no check, and the size stays. */
    int (*describe)(const struct Choice *choice, const struct Image *in, struct Image *out,
                    struct Error *error);
    /* NULL, or makes, once a loader, constants that depend on the training split, and work space
     * for images of these sizes: one block, which the loader releases, also after a failure. */
    int (*prepare)(const struct Choice *choice, const struct Dataset *dataset,
                   const struct Split *split, const struct Image *in, const struct Image *out,
                   void **prepared, struct Error *error);
    void (*apply)(const void *options, void *prepared, const struct AugmentPlace *at,
                  const struct Image *in, struct Image *out); /* two buffers */
    void (*evaluate)(const void *options, void *prepared, const struct Image *in,
                     struct Image *out); /* NULL: left out at test time */
};
extern const struct KindTable augment_kinds;

/* What the list makes of an image's size, in training and at test time; `preprocessed` is what
 * preprocessing makes of `in`. */
int augment_describe(const struct ChoiceList *list, const struct Image *in,
                     const struct Image *preprocessed, struct Image *out, struct Error *error);

/* Fails, at the place of `choice`: preprocessing leaves no image to augment, but a vector. */
int augment_refuse_vector(const struct Choice *choice, int64_t features, struct Error *error);

/* Fails, at the place of `choice`, where images have not the three channels of a colour. */
int augment_need_colour(const struct Choice *choice, const struct Image *in, struct Error *error);

/* Fails unless `values` of key `key` are two numbers in order, both above zero. */
int augment_need_range(const struct Choice *choice, const char *key, const struct Reals *values,
                       struct Error *error);

#endif
