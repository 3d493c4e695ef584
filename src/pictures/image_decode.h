/* JPEG (libjpeg-turbo) and PNG (libpng) files to bytes, grey or RGB. The first bytes of a file say
 * which it is, never its name. Not collective; may be called from any thread. */
#ifndef TRAINER_PICTURES_IMAGE_DECODE_H
#define TRAINER_PICTURES_IMAGE_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "pictures/image_bytes.h"

/* Reads and decodes a file to `channels` (1 or 3). Grey from colour is the luminance
 * 0.299 R + 0.587 G + 0.114 B; colour from grey repeats it; transparent pixels show white; 16 bits
 * are reduced to 8; EXIF orientation is not applied. The caller releases image->pixels.
 * ERROR_SYSTEM if the file cannot be read; ERROR_DATA, with its name, if it is damaged, cut short,
 * too large or of another format. */
int image_decode_file(const char *path, int64_t channels, struct ImageBytes *image,
                      struct Error *error);

/* The same from memory; `path` is for messages. */
int image_decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
                 struct ImageBytes *image, struct Error *error);

#endif
