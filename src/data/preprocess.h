/* Preprocessing: what is done to every image of every split before the network sees it, from
 * statistics of the training split. It is written into each checkpoint, so that predict does the
 * same to a stranger's images. */
#ifndef TRAINER_DATA_PREPROCESS_H
#define TRAINER_DATA_PREPROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "data/dataset.h"
#include "runfile/schema.h"

/* preprocess: {center: none|channel_mean|mean_image, scale: none|channel_std|range} */
struct PreprocessOptions {
    int center;  /* enum */
    int scale;   /* enum: none, channel_std, range (divide by 255) */
    int targets; /* enum TargetRule */
};
extern const struct Key preprocess_keys[];

struct Preprocess { /* pixel -> (pixel − mean) · factor */
    int64_t height, width, channels;
    int64_t mean_count; /* 0, channels, or height·width·channels */
    float *mean;
    float *factor; /* (channels) */
};

/* From the options and the data set's statistics. */
int preprocess_create(struct Preprocess *preprocess, const struct PreprocessOptions *options,
                      const struct Dataset *dataset, struct Error *error);
void preprocess_release(struct Preprocess *preprocess);
/* One image, bytes or float, into float (height,width,channels); floats may stay in place. */
void preprocess_apply(const struct Preprocess *preprocess, bool bytes, const void *image,
                      float *out);

#endif
