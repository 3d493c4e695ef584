/* Image files to bytes or floats: JPEG (libjpeg-turbo), PNG (libpng), TIFF (libtiff), WebP
 * (libwebp), GIF (giflib) and BMP. The first frame of an animation is taken, and the first of
 * several pages. The first bytes of a file say which it is, never its name. Not collective; may be
 * called from any thread. */
#ifndef TRAINER_PICTURES_PICTURE_DECODE_H
#define TRAINER_PICTURES_PICTURE_DECODE_H

#include "pictures/picture.h"

/* Decodes a whole file in memory. Grey from colour is the luminance 0.299 R + 0.587 G + 0.114 B;
 * colour from grey repeats it; transparent pixels show white unless opacity is asked for; the
 * orientation that a file notes (EXIF) is applied. `path` is for messages. The caller releases
 * picture->values. ERROR_DATA if the file is damaged, cut short, too large or of another format, or
 * does not have the channels or the depth of the form. */
int picture_decode(const char *path, const uint8_t *bytes, size_t count,
                   const struct PictureForm *form, struct Picture *picture, struct Error *error);

/* Reads and decodes a file. ERROR_SYSTEM if it cannot be read. */
int picture_decode_file(const char *path, const struct PictureForm *form, struct Picture *picture,
                        struct Error *error);

/* What the head of a file says, at little cost: nothing is decoded, so that the rest may be
 * damaged. */
int picture_examine(const char *path, const uint8_t *bytes, size_t count,
                    struct PictureFacts *facts, struct Error *error);
int picture_examine_file(const char *path, struct PictureFacts *facts, struct Error *error);

/* Whether the values of a file have more than 8 bits, which costs next to nothing but for TIFF:
 * only the first bytes are read. Fails for what is not a picture by its first bytes. */
int picture_is_deep_file(const char *path, bool *deep, struct Error *error);

/* The format that the first bytes of a file tell: "JPEG"; NULL if they tell none. *reads: whether
 * picture_decode reads it (it may be NULL). PICTURE_HEAD bytes are always enough. */
#define PICTURE_HEAD 132
const char *picture_format(const uint8_t *bytes, size_t count, bool *reads);

#endif
