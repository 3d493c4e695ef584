/* Preprocessing: what is done to every image of every split before the network sees it. With
 * statistics of the training split, images are centred, then scaled, then decorrelated. Each
 * checkpoint holds it, so that a prediction treats its images in the same way. Not collective. */
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
extern const char *const preprocess_scale_names[]; /* of preprocess.scale, by these */
enum { SCALE_NONE, SCALE_CHANNEL_STD, SCALE_RANGE, SCALE_PIXEL_STD };
enum { DECORRELATE_NONE, DECORRELATE_PCA, DECORRELATE_PCA_WHITEN, DECORRELATE_ZCA };
enum { SCOPE_IMAGE, SCOPE_PIXEL };

struct PreprocessOptions {
    int center, scale, decorrelate, scope; /* values of the enums above */
    int64_t components;                    /* 0: all */
    double epsilon;
    int targets; /* enum TargetRule */
};
extern const struct Key preprocess_keys[];

/* What is subtracted: options->center, or what CENTER_AUTO stands for. */
int preprocess_center(const struct PreprocessOptions *options);

/* image -> matrix · ((image − mean) · factor) */
struct Preprocess {
    int64_t height, width, channels; /* the size of images that come in */
    int64_t mean_count;              /* 0, channels, or height·width·channels */
    float *mean;
    int64_t factor_count; /* channels, or height·width·channels */
    float *factor;
    /* Decorrelation. The matrix has a column for each element of an image, which it multiplies, or
     * for each channel: then it multiplies every pixel. */
    int64_t matrix_rows, matrix_columns;
    float *matrix;                               /* (rows, columns); NULL: none */
    int64_t out_height, out_width, out_channels; /* the size of what the matrix makes */
    struct Projection *projection;               /* the matrix, made ready by preprocess_prepare */
    struct PictureRule pictures;                 /* how pictures became the images that come in */
};

/* Checks the options against the size of images and sets the size that comes out, which is
 * 1×1×components after PCA of whole images. ERROR_RUN_FILE, with the key in `file` (which may be
 * NULL), if options do not fit together or do not fit the images. */
int preprocess_describe(const struct PreprocessOptions *options, const struct RunFile *file,
                        const struct Image *in, struct Image *out, struct Error *error);

/* Makes the preprocessing from the options and the data set's statistics. The caller releases it,
 * also after a failure. Fails as preprocess_describe does, or with ERROR_DATA if the data set lacks
 * a statistic. */
int preprocess_create(struct Preprocess *preprocess, const struct PreprocessOptions *options,
                      const struct RunFile *file, const struct Dataset *dataset,
                      struct Error *error);
/* Whether both centre and scale images alike, but for rounding; decorrelation is not compared. */
bool preprocess_scales_alike(const struct Preprocess *preprocess, const struct Preprocess *other);
/* Makes it take images of another size, if all of its values are for channels; else changes
 * nothing. */
void preprocess_fit(struct Preprocess *preprocess, int64_t height, int64_t width);
/* Whether the matrix multiplies every pixel, and not whole images. There must be a matrix. */
static inline bool preprocess_multiplies_pixels(const struct Preprocess *preprocess) {
    return preprocess->matrix_columns == preprocess->channels &&
           preprocess->height * preprocess->width > 1;
}
/* The size of the images that come out. */
struct Image preprocess_image(const struct Preprocess *preprocess);
/* Whether vectors come out instead of images: principal components of whole images. */
bool preprocess_makes_vector(const struct Preprocess *preprocess);
/* Call before a matrix for whole images is used. `variant` must be one for float; bits depend on
 * it. */
void preprocess_prepare(struct Preprocess *preprocess, enum Variant variant);
void preprocess_release(struct Preprocess *preprocess);

/* In a checkpoint: /preprocessing. What is loaded is checked against itself and is finite. */
extern const struct SavedGroup preprocess_saved;

/* Centres and scales an image, uint8 if `bytes`, else float, into `out` (height, width, channels).
 * A float image may be its own output. */
void preprocess_apply(const struct Preprocess *preprocess, bool bytes, const void *image,
                      float *out);
/* Decorrelates images (count, height, width, channels) into another buffer (count, out_height,
 * out_width, out_channels). There must be a matrix. The bits of an image do not depend on the
 * images beside it. PROJECTION_BLOCK images at a time are fastest. */
void preprocess_decorrelate(const struct Preprocess *preprocess, int64_t count, const float *in,
                            float *out);

#endif
