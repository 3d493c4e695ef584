/* JPEG (libjpeg-turbo) and PNG (libpng) files to bytes, grey or RGB. Told apart by their first
 * bytes, never by the name. Not collective; any thread. */
#ifndef TRAINER_PICTURES_IMAGE_DECODE_H
#define TRAINER_PICTURES_IMAGE_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* More is refused before anything is allocated. */
#define IMAGE_MOST_FILE_BYTES (512ll << 20)
#define IMAGE_MOST_SIDE 65500
#define IMAGE_MOST_PIXELS (256ll << 20)

struct ImageBytes {
    int64_t height, width, channels;
    uint8_t *pixels; /* (height, width, channels); release with memory_release */
};

/* Reads and decodes a file to `channels` (1 or 3). Grey from colour is the luminance
 * 0.299 R + 0.587 G + 0.114 B; colour from grey repeats it; what is transparent shows white; 16
 * bits are reduced to 8; EXIF orientation is not applied. A damaged or truncated file is an
 * ERROR_DATA that names it. */
int image_decode_file(const char *path, int64_t channels, struct ImageBytes *image,
                      struct Error *error);

/* The same from memory; `path` is for messages. */
int image_decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
                 struct ImageBytes *image, struct Error *error);

#endif
