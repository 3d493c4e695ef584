/* The decoders that image_decode.c chooses from, one for each format. Each reads a whole file from
 * memory and works as image_decode does. Inside pictures/ only. */
#ifndef TRAINER_PICTURES_IMAGE_FORMATS_H
#define TRAINER_PICTURES_IMAGE_FORMATS_H

#include <stddef.h>
#include <stdint.h>

#include "pictures/image_bytes.h"

int jpeg_decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
                struct ImageBytes *image, struct Error *error);
int png_decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
               struct ImageBytes *image, struct Error *error);

#endif
