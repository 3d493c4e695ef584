/* Preprocessing: what is done to every image of every split before the network sees it, from
 * statistics of the training split: center, then scale, then decorrelate. It is written into each
 * checkpoint, so that predict does the same to a stranger's images. */
#ifndef TRAINER_DATA_PREPROCESSING_PREPROCESS_H
#define TRAINER_DATA_PREPROCESSING_PREPROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/kernel.h"
#include "data/dataset/dataset.h"
#include "data/image.h"
#include "runfile/runfile.h"
#include "store/saved.h"

enum { CENTER_NONE, CENTER_CHANNEL_MEAN, CENTER_MEAN_IMAGE, CENTER_AUTO };
enum { SCALE_NONE, SCALE_CHANNEL_STD, SCALE_RANGE, SCALE_PIXEL_STD };
enum { DECORRELATE_NONE, DECORRELATE_PCA, DECORRELATE_PCA_WHITEN, DECORRELATE_ZCA };
enum { SCOPE_IMAGE, SCOPE_PIXEL };

struct PreprocessOptions { /* the enums above */
    int center, scale, decorrelate, scope;
    int64_t components; /* 0: all */
    double epsilon;
    int targets; /* enum TargetRule */
};
extern const struct Key preprocess_keys[];

/* image -> matrix · ((image − mean) · factor) */
struct Preprocess {
    int64_t height, width, channels; /* of the images that come in */
    int64_t mean_count;              /* 0, channels, or height·width·channels */
    float *mean;
    int64_t factor_count; /* channels, or height·width·channels */
    float *factor;
    /* Decorrelation. The columns are the elements of an image, or the channels: then every pixel
     * is multiplied. */
    int64_t matrix_rows, matrix_columns;
    float *matrix;                               /* (rows, columns); NULL: none */
    int64_t out_height, out_width, out_channels; /* of what a matrix makes */
    struct Projection *projection;               /* of the matrix, by preprocess_prepare */
};

/* Checks the options against the images' size, and says the size that comes out: PCA of whole
 * images leaves a vector, 1×1×components. Failures (ERROR_RUN_FILE) name the key in `file`. */
int preprocess_describe(const struct PreprocessOptions *options, const struct RunFile *file,
                        const struct Image *in, struct Image *out, struct Error *error);

/* From the options and the data set's statistics. */
int preprocess_create(struct Preprocess *preprocess, const struct PreprocessOptions *options,
                      const struct RunFile *file, const struct Dataset *dataset,
                      struct Error *error);
/* Takes images of another size from now on, where all that it knows is of channels; else it stays
 * as it is. */
void preprocess_fit(struct Preprocess *preprocess, int64_t height, int64_t width);
/* The size of what comes out. */
struct Image preprocess_image(const struct Preprocess *preprocess);
/* Whether what comes out is no image: principal components of a whole one. */
bool preprocess_makes_vector(const struct Preprocess *preprocess);
/* Before a matrix of whole images is used: `variant` is one of float, and part of what fixes the
 * bits. */
void preprocess_prepare(struct Preprocess *preprocess, enum Variant variant);
void preprocess_release(struct Preprocess *preprocess);

/* In a checkpoint: /preprocessing. What is loaded is checked against itself and is finite. */
extern const struct SavedGroup preprocess_saved;

/* Center and scale: one image, bytes or float, into float (height,width,channels); floats may stay
 * in place. */
void preprocess_apply(const struct Preprocess *preprocess, bool bytes, const void *image,
                      float *out);
/* Decorrelation, where there is a matrix: (count, height, width, channels) into (count, out_height,
 * out_width, out_channels); two buffers. An image's bits do not depend on those beside it.
 * PROJECTION_BLOCK images at a time are best. */
void preprocess_decorrelate(const struct Preprocess *preprocess, int64_t count, const float *in,
                            float *out);

#endif
