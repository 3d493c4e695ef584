#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "pictures/formats.h"

static size_t sample_bytes(enum RasterType type) {
    return type == RASTER_UINT8 ? 1 : type == RASTER_UINT16 ? sizeof(uint16_t) : sizeof(float);
}

int raster__refuse(const struct PictureFile *file, const char *format, const char *message,
                   struct Error *error) {
    bool unsupported = strstr(message, "upported") || strstr(message, "not configured");
    return fail(error, ERROR_DATA,
                unsupported ? "%s: is a %s that cannot be read: %s" : "%s: damaged %s: %s",
                file->path, format, message);
}

int raster__allocate(struct Raster *raster, const struct PictureFile *file, struct Error *error) {
    if (raster->samples < 1 || raster->samples > PICTURE_MOST_CHANNELS)
        return fail(error, ERROR_DATA,
                    "%s: says that it has %" PRId64 " channels; expected 1 ... %d", file->path,
                    raster->samples, PICTURE_MOST_CHANNELS);
    int64_t pixel = raster->samples * (int64_t)sample_bytes(raster->type);
    int code = picture_check_size(file->path, raster->height, raster->width, pixel, error);
    if (code == OK && !file->head_only)
        raster->values =
            memory_allocate((size_t)(raster->height * raster->width * pixel), "a picture");
    return code;
}

int64_t raster__channels(const struct Raster *raster) {
    int64_t seen = raster->samples - raster->opacity;
    return seen == (raster->colour ? 3 : 1) ? seen : raster->samples;
}

/* Where the pixels of the picture are in the raster: pixel (y, x) is number first + y·down +
 * x·right. */
struct Turn {
    int64_t height, width, first, down, right;
};

/* EXIF's orientations are where row 0 and column 0 of the raster are shown. */
static struct Turn turn(const struct Raster *raster) {
    int64_t h = raster->height, w = raster->width, last = h * w - 1;
    switch (raster->orientation) {
    case 2: /* top, right */
        return (struct Turn){h, w, w - 1, w, -1};
    case 3: /* bottom, right */
        return (struct Turn){h, w, last, -w, -1};
    case 4: /* bottom, left */
        return (struct Turn){h, w, last - (w - 1), -w, 1};
    case 5: /* left, top */
        return (struct Turn){w, h, 0, 1, w};
    case 6: /* right, top */
        return (struct Turn){w, h, last - (w - 1), 1, -w};
    case 7: /* right, bottom */
        return (struct Turn){w, h, last, -1, -w};
    case 8: /* left, bottom */
        return (struct Turn){w, h, w - 1, -1, w};
    default:
        return (struct Turn){h, w, 0, w, 1};
    }
}

/* A sample as one of 256 levels, the nearest. */
static int level(const struct Raster *raster, int64_t i) {
    if (raster->type == RASTER_UINT8)
        return ((const uint8_t *)raster->values)[i];
    return (((const uint16_t *)raster->values)[i] * 510 + raster->most) / (2 * raster->most);
}

/* The samples of one pixel on white, as bytes: grey (channels 1 or 2) or RGB, then opacity (2 or
 * 4). */
static void put_levels(const struct Raster *raster, int64_t first, int64_t channels, uint8_t *out) {
    bool keeps_opacity = channels % 2 == 0;
    int opacity = raster->opacity ? level(raster, first + raster->samples - 1) : 255, rgb[3];
    for (int c = 0; c < 3; c++) {
        int value = level(raster, first + (raster->colour ? c : 0));
        int own = raster->premultiplied ? value * 255 : value * opacity;
        int shown = (own + 255 * (255 - opacity) + 127) / 255;
        rgb[c] = keeps_opacity ? value : shown > 255 ? 255 : shown;
    }
    if (channels < 3)
        *out++ = (uint8_t)((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
    else
        for (int c = 0; c < 3; c++)
            *out++ = (uint8_t)rgb[c];
    if (keeps_opacity)
        *out = (uint8_t)opacity;
}

/* Which value stands for white, and what a sample is divided by. */
struct Levels {
    float white, divisor;
};

static struct Levels levels(const struct Raster *raster, enum PictureScale scale) {
    float most = raster->type == RASTER_UINT8 ? 255 : (float)raster->most;
    if (raster->type == RASTER_FLOAT)
        return (struct Levels){1, 1};
    float white = scale == PICTURE_SCALE_BYTE ? 255 : scale == PICTURE_SCALE_UNIT ? 1 : most;
    return (struct Levels){white, most / white};
}

static float value(const struct Raster *raster, int64_t i) {
    return raster->type == RASTER_UINT8    ? (float)((const uint8_t *)raster->values)[i]
           : raster->type == RASTER_UINT16 ? (float)((const uint16_t *)raster->values)[i]
                                           : ((const float *)raster->values)[i];
}

static void put_values(const struct Raster *raster, const struct Levels *levels, int64_t first,
                       int64_t channels, float *out) {
    bool keeps_opacity = channels % 2 == 0;
    float opacity = 1, rgb[3];
    if (raster->opacity)
        opacity = fminf(
            fmaxf(value(raster, first + raster->samples - 1) / levels->divisor / levels->white, 0),
            1);
    for (int c = 0; c < 3; c++) {
        float own = value(raster, first + (raster->colour ? c : 0)) / levels->divisor;
        rgb[c] = keeps_opacity || opacity == 1 ? own
                                               : (raster->premultiplied ? own : own * opacity) +
                                                     levels->white * (1 - opacity);
    }
    if (channels > 2)
        for (int c = 0; c < 3; c++)
            *out++ = rgb[c];
    else if (raster->colour)
        *out++ = (float)(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
    else
        *out++ = rgb[0];
    if (keeps_opacity)
        *out = opacity * levels->white;
}

/* One pixel in the form that is wanted. */
static void put_pixel(const struct Raster *raster, const struct PictureForm *form,
                      const struct Levels *levels, int64_t pixel, int64_t place, void *values) {
    int64_t first = pixel * raster->samples, channels = form->channels;
    uint8_t *bytes = (uint8_t *)values + place * channels;
    float *floats = (float *)values + place * channels;
    bool all = raster->samples == channels;
    if (!all && form->floats)
        put_values(raster, levels, first, channels, floats);
    else if (!all)
        put_levels(raster, first, channels, bytes);
    for (int64_t c = 0; c < (all ? channels : 0); c++)
        if (form->floats)
            floats[c] = value(raster, first + c) / levels->divisor;
        else
            bytes[c] = (uint8_t)level(raster, first + c);
}

static int check_form(const char *path, const struct Raster *raster, const struct PictureForm *form,
                      struct Error *error) {
    int64_t channels = raster__channels(raster);
    bool is_seen = raster->samples - raster->opacity >= 3 ? raster->colour : channels == 1;
    if (raster->samples != form->channels && (!is_seen || form->channels > 4)) {
        fail(error, ERROR_DATA, "%s: has %" PRId64 " channels; expected %" PRId64, path, channels,
             form->channels);
        return error_advise(error, ADVICE_CHANNELS, NULL, NULL, channels);
    }
    if (!form->floats && raster->type == RASTER_FLOAT) {
        fail(error, ERROR_DATA, "%s: its values do not fit into 8 bits; expected bytes", path);
        return error_advise(error, ADVICE_DEPTH, NULL, NULL, 0);
    }
    return OK;
}

/* Takes the values as they are if that is what is wanted. */
static bool take_over(struct Raster *raster, const struct PictureForm *form,
                      struct Picture *picture) {
    enum RasterType wanted = form->floats ? RASTER_FLOAT : RASTER_UINT8;
    if (raster->samples != form->channels || raster->type != wanted || raster->orientation > 1)
        return false;
    picture->values = raster->values;
    raster->values = NULL;
    return true;
}

int raster__convert(const char *path, struct Raster *raster, const struct PictureForm *form,
                    struct Picture *picture, struct Error *error) {
    struct Turn turned = turn(raster);
    struct Levels scale = levels(raster, form->scale);
    *picture = (struct Picture){turned.height, turned.width, form->channels, form->floats, NULL};
    int code = check_form(path, raster, form, error);
    if (code == OK && !take_over(raster, form, picture)) {
        int64_t pixel = form->channels * (int64_t)(form->floats ? sizeof(float) : 1);
        picture->values =
            memory_allocate((size_t)(turned.height * turned.width * pixel), "a picture");
        for (int64_t y = 0; y < turned.height; y++)
            for (int64_t x = 0; x < turned.width; x++)
                put_pixel(raster, form, &scale, turned.first + y * turned.down + x * turned.right,
                          y * turned.width + x, picture->values);
    }
    memory_release(raster->values);
    raster->values = NULL;
    return code;
}
