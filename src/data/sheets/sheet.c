#include "data/sheets/sheet.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/sheets/font.h"
#include "pictures/png_write.h"

#define TEXT_SCALE (SHEET_TEXT_HEIGHT / FONT_HEIGHT)
#define ENLARGE_TO 64 /* pixels */
#define MOST_PIXELS (512ll << 20)

int sheet__create(struct Sheet *sheet, int64_t height, int64_t width, const char *path,
                  const char *advice, struct Error *error) {
    *sheet = (struct Sheet){.height = height, .width = width};
    if (height > MOST_PIXELS / width)
        return fail(error, ERROR_USAGE,
                    "%s: a sheet of %" PRId64 "x%" PRId64 " pixels is too large; %s", path, width,
                    height, advice);
    sheet->pixels = memory_array(uint8_t, height * width * 3, "contact sheet");
    memset(sheet->pixels, 255, (size_t)(height * width * 3));
    return OK;
}

int sheet__write(const struct Sheet *sheet, const char *path, struct Error *error) {
    return png_write(path, sheet->height, sheet->width, sheet->pixels, error);
}

void sheet__release(struct Sheet *sheet) {
    memory_release(sheet->pixels);
    *sheet = (struct Sheet){0};
}

static int64_t shown_length(const char *text) {
    return (int64_t)strnlen(text, SHEET_LONGEST_NAME);
}

int64_t sheet__text_width(const char *text) {
    return shown_length(text) * FONT_ADVANCE * TEXT_SCALE;
}

void sheet__text(struct Sheet *sheet, int64_t left, int64_t top, const char *text) {
    for (int64_t i = 0; i < shown_length(text); i++) {
        const uint8_t *rows = font__rows(text[i]);
        for (int64_t y = 0; y < FONT_HEIGHT * TEXT_SCALE; y++)
            for (int64_t x = 0; x < FONT_WIDTH * TEXT_SCALE; x++)
                if (rows[y / TEXT_SCALE] >> (FONT_WIDTH - 1 - x / TEXT_SCALE) & 1) {
                    int64_t column = left + i * FONT_ADVANCE * TEXT_SCALE + x;
                    if (column < sheet->width && top + y < sheet->height)
                        memset(sheet->pixels + ((top + y) * sheet->width + column) * 3, 0, 3);
                }
    }
}

const char *sheet__number(double number, char text[SHEET_DIGITS]) {
    snprintf(text, SHEET_DIGITS, "%.4g", number);
    CHECK(sheet__text_width(text) <= SHEET_NUMBER);
    return text;
}

int64_t sheet__enlargement(int64_t height, int64_t width) {
    int64_t side = height > width ? height : width;
    return side >= ENLARGE_TO ? 1 : ENLARGE_TO / side;
}

struct Shade sheet__shade_of_split(const struct Dataset *dataset, const struct Split *split) {
    if (split->bytes || split->count == 0)
        return (struct Shade){0, 1};
    float low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < split->count; i++) {
        const float *values = dataset_image(dataset, split, i);
        for (int64_t e = 0; e < dataset_elements(dataset); e++) {
            low = values[e] < low ? values[e] : low;
            high = values[e] > high ? values[e] : high;
        }
    }
    return (struct Shade){low, high > low ? 255 / (high - low) : 0};
}

static uint8_t shaded(float value, struct Shade shade) {
    float byte = (value - shade.low) * shade.factor + 0.5f;
    return byte > 0 ? byte < 255 ? (uint8_t)byte : 255 : 0;
}

void sheet__image(struct Sheet *sheet, int64_t left, int64_t top, int64_t scale,
                  const struct Image *image, struct Shade shade) {
    int64_t channels = image->channels;
    for (int64_t y = 0; y < image->height * scale; y++)
        for (int64_t x = 0; x < image->width * scale; x++) {
            const float *pixel = image->pixels + (y / scale * image->width + x / scale) * channels;
            for (int64_t c = 0; c < 3; c++)
                sheet->pixels[((top + y) * sheet->width + left + x) * 3 + c] =
                    shaded(pixel[channels >= 3 ? c : 0], shade);
        }
}
