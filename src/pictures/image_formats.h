/* The decoders that image_decode.c chooses from, one for each format. Each reads a whole file from
 * memory and works as image_decode does. Inside pictures/ only. */
#ifndef TRAINER_PICTURES_IMAGE_FORMATS_H
#define TRAINER_PICTURES_IMAGE_FORMATS_H

#include <stddef.h>
#include <stdint.h>

#include "pictures/image_bytes.h"

int jpeg__decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
                 struct ImageBytes *image, struct Error *error);
int png__decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
                struct ImageBytes *image, struct Error *error);

/* Stores one pixel: the three colours if `channels` is 3, their luminance if it is 1. */
static inline void image_put_rgb(const int rgb[3], int64_t channels, uint8_t *pixel) {
    if (channels == 1)
        *pixel = (uint8_t)((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
    else
        for (int c = 0; c < 3; c++)
            pixel[c] = (uint8_t)rgb[c];
}

#endif
