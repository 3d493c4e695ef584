/* A picture that images and words are put on, written as a PNG. Not collective. */
#ifndef TRAINER_DATA_SHEETS_SHEET_H
#define TRAINER_DATA_SHEETS_SHEET_H

#include "base/error.h"
#include "data/dataset/dataset.h"
#include "data/image.h"

#define SHEET_GAP 4           /* pixels between things */
#define SHEET_TEXT_HEIGHT 14  /* pixels */
#define SHEET_LONGEST_NAME 24 /* characters; more are cut */

struct Sheet {
    int64_t height, width;
    uint8_t *pixels; /* (height, width, 3) */
};

/* White. ERROR_USAGE where it would be too large; `path` and `advice` are for that line. */
int sheet_create(struct Sheet *sheet, int64_t height, int64_t width, const char *path,
                 const char *advice, struct Error *error);
int sheet_write(const struct Sheet *sheet, const char *path, struct Error *error);
void sheet_release(struct Sheet *sheet);

/* What does not fit is cut off. */
int64_t sheet_text_width(const char *text);
void sheet_text(struct Sheet *sheet, int64_t left, int64_t top, const char *text);

/* A number in a few digits, which take no more than SHEET_NUMBER pixels: "-1.5", "2.25e+07". */
#define SHEET_DIGITS 32
#define SHEET_NUMBER 120
const char *sheet_number(double number, char text[SHEET_DIGITS]);

/* The whole factor by which images of this size are enlarged, so that people can see them. */
int64_t sheet_enlargement(int64_t height, int64_t width);

/* How values become bytes: (value − low) · factor, cut to 0 … 255. */
struct Shade {
    float low, factor;
};
/* Of a split's own values: bytes as they are; of floats the smallest is black, the largest white.
 */
struct Shade shade_of_split(const struct Dataset *dataset, const struct Split *split);

/* Draws values (height, width, channels), `scale` times as large: one or two channels as grey (the
 * first), of many the first three. */
void sheet_image(struct Sheet *sheet, int64_t left, int64_t top, int64_t scale,
                 const struct Image *image, struct Shade shade);

#endif
