#include "data/views.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/resample.h"
#include "runfile/runfile.h"

struct ViewSet {
    struct Kind kind;
    int count;
    int (*check)(const struct Choice *choice, const struct Image *image, struct Error *error);
    void (*apply)(const struct Views *views, int view, const struct Image *in, struct Image *out);
};

struct Views {
    struct RunFile *file;
    struct Choice choice;
    struct Image size;
    struct Image padded; /* crops: the image with zeros around it */
    struct Box crop;     /* crops: the size of a crop */
    struct Resampler *resampler;
};

static void mirror(struct Image *image) {
    int64_t channels = image->channels, row = image->width * channels;
    for (int64_t y = 0; y < image->height; y++)
        for (int64_t x = 0; x < image->width / 2; x++) {
            float *left = image->pixels + y * row + x * channels;
            float *right = image->pixels + (y + 1) * row - (x + 1) * channels;
            for (int64_t c = 0; c < channels; c++) {
                float kept = left[c];
                left[c] = right[c];
                right[c] = kept;
            }
        }
}

/* out[y][x] = in[y − down][x − right], or 0 outside of `in`. The sizes may differ. */
static void place(const struct Image *in, int64_t down, int64_t right, struct Image *out) {
    int64_t channels = in->channels;
    int64_t first = right < 0 ? 0 : right;
    int64_t end = in->width + right < out->width ? in->width + right : out->width;
    memset(out->pixels, 0, (size_t)image_elements(out) * sizeof(float));
    for (int64_t y = 0; y < out->height; y++)
        if (y >= down && y - down < in->height && first < end)
            memcpy(out->pixels + (y * out->width + first) * channels,
                   in->pixels + ((y - down) * in->width + first - right) * channels,
                   (size_t)((end - first) * channels) * sizeof(float));
}

static int check_mirror(const struct Choice *choice, const struct Image *image,
                        struct Error *error) {
    if (image->width > 1)
        return OK;
    return schema_fail(error, choice, NULL,
                       "images of %" PRId64 "x%" PRId64
                       " are their own mirror images, expected a width of 2 or "
                       "more",
                       image->height, image->width);
}

static void apply_mirror(const struct Views *views, int view, const struct Image *in,
                         struct Image *out) {
    (void)views;
    place(in, 0, 0, out);
    if (view)
        mirror(out);
}

static const struct ViewSet view_mirror = {
    .kind = {.name = "mirror",
             .summary = "two views: the image, and its mirror image (left to right)"},
    .count = 2,
    .check = check_mirror,
    .apply = apply_mirror};

struct CropOptions {
    int64_t pad, crop; /* −1: auto (pad), same (crop) */
};
static const char *const auto_word[] = {"auto", NULL}, *const same_word[] = {"same", NULL};
static const struct Key crop_keys[] = {{.name = "pad",
                                        .type = KEY_COUNT,
                                        .offset = offsetof(struct CropOptions, pad),
                                        .fallback = "auto",
                                        .minimum = 0,
                                        .maximum = 65536,
                                        .names = auto_word,
                                        .unit = "pixels",
                                        .help = "how many zeros are put around the image before it "
                                                "is cropped; auto: 4 for crops of the image's own "
                                                "size, else 0"},
                                       {.name = "crop",
                                        .type = KEY_COUNT,
                                        .offset = offsetof(struct CropOptions, crop),
                                        .fallback = "same",
                                        .minimum = 1,
                                        .maximum = 65536,
                                        .names = same_word,
                                        .unit = "pixels",
                                        .help = "the shorter side of the crop, which is then "
                                                "scaled to the image's size; same: crops of the "
                                                "image's own size"},
                                       KEY_END};

static int64_t pad_of(const struct CropOptions *options) {
    return options->pad >= 0 ? options->pad : options->crop < 0 ? 4 : 0;
}

static int check_crops(const struct Choice *choice, const struct Image *image,
                       struct Error *error) {
    const struct CropOptions *options = choice->options;
    int64_t shorter = image->height < image->width ? image->height : image->width;
    if (options->crop > shorter)
        return schema_fail(error, choice, "crop",
                           "is %" PRId64 ", expected at most %" PRId64 " for images of %" PRId64
                           "x%" PRId64,
                           options->crop, shorter, image->height, image->width);
    if (pad_of(options) >= shorter)
        return schema_fail(error, choice, "pad",
                           "is %" PRId64 ", expected less than %" PRId64 " for images of %" PRId64
                           "x%" PRId64,
                           pad_of(options), shorter, image->height, image->width);
    return OK;
}

static void apply_crops(const struct Views *views, int view, const struct Image *in,
                        struct Image *out) {
    struct Image padded = views->padded;
    int64_t pad = (padded.height - in->height) / 2, corner = view % 5;
    int64_t down = padded.height - views->crop.height, right = padded.width - views->crop.width;
    struct Box box = views->crop;
    /* The centre of torchvision is int(round(half)), and Python rounds halves to even. */
    box.top = corner == 4 ? (int64_t)rint((double)down / 2) : corner / 2 * down;
    box.left = corner == 4 ? (int64_t)rint((double)right / 2) : corner % 2 * right;
    place(in, pad, pad, &padded);
    resample__image(views->resampler, &padded, &box, out);
    if (view >= 5)
        mirror(out);
}

static const struct ViewSet view_five_crop = {
    .kind = {.name = "five_crop",
             .summary = "five views: the corners and the centre",
             .keys = crop_keys,
             .options_size = sizeof(struct CropOptions)},
    .count = 5,
    .check = check_crops,
    .apply = apply_crops};
static const struct ViewSet view_ten_crop = {
    .kind = {.name = "ten_crop",
             .summary = "ten views: those of five_crop, and the same ones mirrored",
             .keys = crop_keys,
             .options_size = sizeof(struct CropOptions)},
    .count = 10,
    .check = check_crops,
    .apply = apply_crops};

static void prepare_crops(struct Views *views) {
    const struct CropOptions *options = views->choice.options;
    int64_t pad = pad_of(options), height = views->size.height, width = views->size.width;
    int64_t shorter = height < width ? height : width;
    double scale = options->crop < 0 ? 1 : (double)options->crop / (double)shorter;
    views->padded = views->size;
    views->padded.height += 2 * pad;
    views->padded.width += 2 * pad;
    views->padded.pixels = memory_array(float, image_elements(&views->padded), "a padded image");
    views->crop.height = llround((double)height * scale);
    views->crop.width = llround((double)width * scale);
    views->resampler = resample__create(&views->padded, &views->size);
}

struct ShiftOptions {
    int64_t by;
};
static const struct Key shift_keys[] = {
    {.name = "by",
     .type = KEY_INT,
     .offset = offsetof(struct ShiftOptions, by),
     .fallback = "1",
     .minimum = 1,
     .maximum = 65536,
     .unit = "pixels",
     .help = "how far the image is moved; zeros come in at the border"},
    KEY_END};

static int check_shifts(const struct Choice *choice, const struct Image *image,
                        struct Error *error) {
    const struct ShiftOptions *options = choice->options;
    int64_t shorter = image->height < image->width ? image->height : image->width;
    if (options->by < shorter)
        return OK;
    return schema_fail(error, choice, "by",
                       "is %" PRId64 ", expected less than %" PRId64 " for images of %" PRId64
                       "x%" PRId64,
                       options->by, shorter, image->height, image->width);
}

static void apply_shifts(const struct Views *views, int view, const struct Image *in,
                         struct Image *out) {
    const struct ShiftOptions *options = views->choice.options;
    place(in, (view / 3 - 1) * options->by, (view % 3 - 1) * options->by, out);
}

static const struct ViewSet view_shifts = {
    .kind = {.name = "shifts",
             .summary = "nine views: the image, and moved by some pixels along one or both sides",
             .keys = shift_keys,
             .options_size = sizeof(struct ShiftOptions)},
    .count = 9,
    .check = check_shifts,
    .apply = apply_shifts};

static const struct Kind *const kinds[] = {&view_mirror.kind, &view_five_crop.kind,
                                           &view_ten_crop.kind, &view_shifts.kind, NULL};
const struct KindTable view_kinds = {.what = "set of views", .kinds = kinds};

static const struct Key views_keys[] = {{.name = "views",
                                         .type = KEY_CHOICE,
                                         .offset = 0,
                                         .kinds = &view_kinds,
                                         .help = "how each image is shown to the model"},
                                        KEY_END};

static const struct ViewSet *set_of(const struct Views *views) {
    return (const struct ViewSet *)views->choice.kind; /* its first member */
}

/* The option is blamed as a whole, so that the line need not begin with the key it was read as. */
static void drop_key(struct Error *error) {
    size_t length = strlen(views_keys[0].name);
    if (strncmp(error->text, views_keys[0].name, length))
        return;
    const char *rest = error->text + length;
    rest += *rest == ':' ? 2 : *rest == '.';
    memmove(error->text, rest, strlen(rest) + 1);
}

int views_create(struct Views **out, const char *text, const struct Image *image,
                 struct Error *error) {
    struct Views *views = memory_allocate(sizeof *views, "views");
    bool block = strchr(text, ':') && *text != '{';
    char *yaml = memory_print(block ? "views: {%s}" : "views: %s", text);
    views->size = *image;
    *out = NULL;
    int code = runfile_parse(&views->file, NULL, yaml, NULL, 0, views_keys, &views->choice, error);
    memory_release(yaml);
    if (code == OK && image->height * image->width == 1) /* rows of a table */
        code = schema_fail(error, &views->choice, NULL,
                           "images of 1x1 have no other views, expected pictures");
    if (code == OK && set_of(views)->check)
        code = set_of(views)->check(&views->choice, image, error);
    if (code != OK) {
        views_release(views);
        drop_key(error);
        error->code = ERROR_USAGE;
        return error_blame_option(error, "views", text);
    }
    if (set_of(views)->apply == apply_crops)
        prepare_crops(views);
    *out = views;
    return OK;
}

void views_release(struct Views *views) {
    if (!views)
        return;
    memory_release(views->padded.pixels);
    memory_release(views->resampler);
    runfile_release(views->file);
    memory_release(views);
}

int views_count(const struct Views *views) {
    return set_of(views)->count;
}

void view_apply(struct Views *views, int view, const float *in, float *out) {
    CHECK(view >= 0 && view < views_count(views));
    struct Image from = views->size, to = views->size;
    from.pixels = (float *)(uintptr_t)in;
    to.pixels = out;
    set_of(views)->apply(views, view, &from, &to);
}
