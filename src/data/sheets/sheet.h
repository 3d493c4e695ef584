/* A picture to put images and words on, written as a PNG. Not collective. */
#ifndef TRAINER_DATA_SHEETS_SHEET_H
#define TRAINER_DATA_SHEETS_SHEET_H

#include "base/error.h"
#include "data/dataset/dataset.h"
#include "data/image.h"

#define SHEET_GAP 4           /* pixels between two things */
#define SHEET_TEXT_HEIGHT 14  /* pixels */
#define SHEET_LONGEST_NAME 24 /* characters; longer names are cut */

struct Sheet {
    int64_t height, width;
    uint8_t *pixels; /* (height, width, 3) */
};

/* Makes a white sheet. ERROR_USAGE if it would be too large; the message names `path` and ends with
 * `advice`. */
int sheet__create(struct Sheet *sheet, int64_t height, int64_t width, const char *path,
                  const char *advice, struct Error *error);
int sheet__write(const struct Sheet *sheet, const char *path, struct Error *error);
void sheet__release(struct Sheet *sheet);

/* Writes a text; what does not fit on the sheet is cut off. */
int64_t sheet__text_width(const char *text);
void sheet__text(struct Sheet *sheet, int64_t left, int64_t top, const char *text);

/* Formats a number in a few digits, at most SHEET_NUMBER pixels wide: "-1.5", "2.25e+07". */
#define SHEET_DIGITS 32
#define SHEET_NUMBER 120
const char *sheet__number(double number, char text[SHEET_DIGITS]);

/* The whole factor by which images of this size are enlarged. */
int64_t sheet__enlargement(int64_t height, int64_t width);

/* How values become bytes: (value − low) · factor, clamped to 0 … 255. */
struct Shade {
    float low, factor;
};
/* The shade of a split's own values: bytes stay as they are; of floats, the smallest is black and
 * the largest white. */
struct Shade sheet__shade_of_split(const struct Dataset *dataset, const struct Split *split);

/* Draws values (height, width, channels), enlarged `scale` times. One or two channels: the first,
 * as grey. More: the first three, as red, green and blue. */
void sheet__image(struct Sheet *sheet, int64_t left, int64_t top, int64_t scale,
                  const struct Image *image, struct Shade shade);

#endif
