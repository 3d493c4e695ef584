/* Augmentation: random changes of training images. Each is one small file in augmentations/ and one
 * row of augmentations.def. They are applied in the order of the run file's list: first those of
 * stage AUGMENT_RAW, to the image as it is stored, then those of AUGMENT_PREPROCESSED, to the
 * preprocessed image. Randomness is keyed by (seed, place in the list, epoch, sample), never by
 * rank or batch.
 *
 * At test time nothing is random. An augmentation is left out, unless it has a counterpart for test
 * time, `evaluate`, which brings images to the size that they have in training. Not collective. */
#ifndef TRAINER_DATA_AUGMENT_H
#define TRAINER_DATA_AUGMENT_H

#include <stdint.h>

#include "base/error.h"
#include "base/random.h"
#include "data/dataset/dataset.h"
#include "data/image.h"
#include "runfile/schema.h"

enum AugmentStage { AUGMENT_PREPROCESSED, AUGMENT_RAW };

/* What the randomness of one augmentation of one image is keyed by. */
struct AugmentPlace {
    uint64_t seed;
    uint32_t place; /* of the augmentation in the run file's list */
    uint64_t epoch, sample;
};

static inline struct RandomStream augment_stream(const struct AugmentPlace *at) {
    return random_stream(at->seed, RANDOM_AUGMENTATION, at->place, at->epoch, at->sample);
}

struct Augment {
    struct Kind kind;
    enum AugmentStage stage;
    /* Checks the options against the image's size (ERROR_RUN_FILE) and sets the size of `out`. NULL
     * if the options need no check and the size stays. */
    int (*describe)(const struct Choice *choice, const struct Image *in, struct Image *out,
                    struct Error *error);
    /* Makes, once for each loader, what `apply` needs: constants of the training split, work space
     * for images of these sizes. It is one block, which the loader releases, also after a failure.
     * NULL if nothing is needed. */
    int (*prepare)(const struct Choice *choice, const struct Dataset *dataset,
                   const struct Split *split, const struct Image *in, const struct Image *out,
                   void **prepared, struct Error *error);
    void (*apply)(const void *options, void *prepared, const struct AugmentPlace *at,
                  const struct Image *in,
                  struct Image *out); /* two buffers; neither allocates nor fails */
    void (*evaluate)(const void *options, void *prepared, const struct Image *in,
                     struct Image *out); /* NULL: left out at test time */
};
extern const struct KindTable augment_kinds;

/* Checks every augmentation of a list and sets `out` to the size of the images that come out, in
 * training and at test time. `in` is the size of stored images, `preprocessed` what preprocessing
 * makes of it. ERROR_RUN_FILE, with the line of the augmentation that does not fit. */
int augment_describe(const struct ChoiceList *list, const struct Image *in,
                     const struct Image *preprocessed, struct Image *out, struct Error *error);

/* The failure of an augmentation that needs images after a preprocessing that makes vectors:
 * returns ERROR_RUN_FILE, with the line of `choice`. */
int augment_refuse_vector(const struct Choice *choice, int64_t features, struct Error *error);

/* ERROR_RUN_FILE, with the line of `choice`, unless images have three channels. */
int augment_need_colour(const struct Choice *choice, const struct Image *in, struct Error *error);

/* ERROR_RUN_FILE if the images `out` that the augmentation makes, of which a few exist at a time,
 * do not fit the machine. */
int augment_check_memory(const struct Choice *choice, const struct Image *out, struct Error *error);

/* ERROR_RUN_FILE, with the line of `key`, unless `values` are two numbers in order, both above
 * zero. */
int augment_need_range(const struct Choice *choice, const char *key, const struct Reals *values,
                       struct Error *error);

#endif
