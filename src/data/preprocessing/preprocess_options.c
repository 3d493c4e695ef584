#include <inttypes.h>

#include "data/preprocessing/preprocess.h"
#include "data/preprocessing/target_scale.h"

static const char *const center_names[] = {"none", "channel_mean", "mean_image", "auto", NULL};
const char *const preprocess_scale_names[] = {[SCALE_NONE] = "none",
                                              [SCALE_CHANNEL_STD] = "channel_std",
                                              [SCALE_RANGE] = "range",
                                              [SCALE_PIXEL_STD] = "pixel_std",
                                              NULL};
static const char *const decorrelate_names[] = {"none", "pca", "pca_whiten", "zca", NULL};
static const char *const scope_names[] = {"image", "pixel", NULL};

#define DEFAULT_EPSILON 1e-5
#define AT(member) offsetof(struct PreprocessOptions, member)
const struct Key preprocess_keys[] = {
    {.name = "center",
     .type = KEY_ENUM,
     .offset = AT(center),
     .fallback = "auto",
     .names = center_names,
     .help =
         "what is subtracted from every pixel: nothing, its channel's mean over the training "
         "split, or the mean image; auto: the mean image if whole images are decorrelated, else "
         "the channel's mean"},
    {.name = "scale",
     .type = KEY_ENUM,
     .offset = AT(scale),
     .fallback = "channel_std",
     .names = preprocess_scale_names,
     .help =
         "what every pixel is divided by after the subtraction: nothing, its channel's standard "
         "deviation, 255 (range), or its own standard deviation over the training split "
         "(pixel_std)"},
    {.name = "decorrelate",
     .type = KEY_ENUM,
     .offset = AT(decorrelate),
     .fallback = "none",
     .names = decorrelate_names,
     .help = "what is done after the division: nothing; project onto the principal components "
             "(pca), also "
             "divide each by its standard deviation (pca_whiten), and also turn the result back "
             "into an image (zca)"},
    {.name = "scope",
     .type = KEY_ENUM,
     .offset = AT(scope),
     .fallback = "image",
     .names = scope_names,
     .help =
         "decorrelate whole images, height x width x channels numbers, whose components are "
         "computed when the run starts unless the file has them, or the channels of every pixel"},
    {.name = "components",
     .type = KEY_INT,
     .offset = AT(components),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .help = "how many principal components are kept, those of the largest variance; 0: all"},
    {.name = "epsilon",
     .type = KEY_REAL,
     .offset = AT(epsilon),
     .fallback = "1e-5",
     .minimum = 0,
     .maximum = 1e9,
     .above_minimum = true,
     .help = "added to each variance before its root divides; larger (0.01 to 0.1) keeps the noise "
             "of weak components small"},
    {.name = "targets",
     .type = KEY_ENUM,
     .offset = AT(targets),
     .fallback = "standardise",
     .names = target_rule_names,
     .help = "what the network learns of targets that are values: (value - mean) / deviation over "
             "the training split, or the values as they are (none); predictions are in the data "
             "set's units either way"},
    KEY_END};

int preprocess_center(const struct PreprocessOptions *options) {
    if (options->center != CENTER_AUTO)
        return options->center;
    bool images = options->decorrelate != DECORRELATE_NONE && options->scope == SCOPE_IMAGE;
    return images ? CENTER_MEAN_IMAGE : CENTER_CHANNEL_MEAN;
}

/* Decorrelation needs the mean of what is decorrelated, images or pixels, to be subtracted before
 * it, because the covariance is taken about that mean. */
static int check_scope(const struct PreprocessOptions *options, const struct RunFile *file,
                       const struct Image *in, struct Error *error) {
    bool pixel = options->scope == SCOPE_PIXEL;
    int center = pixel ? CENTER_CHANNEL_MEAN : CENTER_MEAN_IMAGE;
    if (preprocess_center(options) != center)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.center",
                            "%s does not go with decorrelate: %s of scope: %s, expected %s or auto",
                            center_names[options->center], decorrelate_names[options->decorrelate],
                            scope_names[options->scope], center_names[center]);
    if (pixel && options->scale == SCALE_PIXEL_STD)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.scale",
                            "pixel_std does not go with decorrelate: %s of scope: pixel, whose "
                            "channels have one covariance everywhere; expected none, channel_std "
                            "or range",
                            decorrelate_names[options->decorrelate]);
    if (pixel && in->channels > STATISTICS_PAIRS)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.scope",
                            "pixel is for at most %d channels, the images have %" PRId64,
                            STATISTICS_PAIRS, in->channels);
    return OK;
}

/* Refuses keys that would have no effect. */
static int check_idle(const struct PreprocessOptions *options, const struct RunFile *file,
                      struct Error *error) {
    int kind = options->decorrelate;
    if (kind == DECORRELATE_NONE && options->components)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.components",
                            "%" PRId64 " is for decorrelate: pca, pca_whiten or zca, which is none",
                            options->components);
    if (kind == DECORRELATE_NONE && options->scope != SCOPE_IMAGE)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.scope",
                            "%s is for decorrelate: pca, pca_whiten or zca, which is none",
                            scope_names[options->scope]);
    bool divides = kind == DECORRELATE_PCA_WHITEN || kind == DECORRELATE_ZCA;
    if (file && !divides && options->epsilon != DEFAULT_EPSILON)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.epsilon",
                            "%g is for decorrelate: pca_whiten or zca, which is %s",
                            options->epsilon, decorrelate_names[kind]);
    return OK;
}

int preprocess_describe(const struct PreprocessOptions *options, const struct RunFile *file,
                        const struct Image *in, struct Image *out, struct Error *error) {
    *out = *in;
    int code = check_idle(options, file, error);
    if (code != OK || options->decorrelate == DECORRELATE_NONE)
        return code;
    code = check_scope(options, file, in, error);
    if (code != OK)
        return code;
    bool pixel = options->scope == SCOPE_PIXEL;
    int64_t most = pixel ? in->channels : image_elements(in);
    if (options->components > most)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.components",
                            "is %" PRId64 ", expected at most the %" PRId64 " that %s has",
                            options->components, most, pixel ? "a pixel" : "an image");
    if (options->decorrelate == DECORRELATE_ZCA)
        return OK;
    if (!pixel)
        out->height = out->width = 1;
    out->channels = options->components ? options->components : most;
    return OK;
}
