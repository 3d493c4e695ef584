/* Augmentation: random changes of a training image. One small file and one row of the table each;
 * applied in the run file's order to the preprocessed image (stage AUGMENT_RAW: before it).
 * Randomness is keyed by (seed, place in the list, epoch, sample): never by rank or batch. */
#ifndef TRAINER_DATA_AUGMENT_H
#define TRAINER_DATA_AUGMENT_H

#include <stdint.h>

#include "base/error.h"
#include "base/random.h"
#include "data/image.h"
#include "runfile/schema.h"

enum AugmentStage { AUGMENT_PREPROCESSED, AUGMENT_RAW };

struct Augment {
    struct Kind kind;
    enum AugmentStage stage;
    /* Checks the options against the image's size and says the size that comes out. */
    int (*describe)(const struct Choice *choice, const struct Image *in, struct Image *out,
                    struct Error *error);
    void (*apply)(const void *options, const struct RandomStream *stream, const struct Image *in,
                  struct Image *out); /* two buffers */
};
extern const struct KindTable augment_kinds;

#endif
