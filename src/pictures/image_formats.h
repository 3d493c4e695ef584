/* The decoders behind image_decode.h, one a format: each sees a file in memory. */
#ifndef TRAINER_PICTURES_IMAGE_FORMATS_H
#define TRAINER_PICTURES_IMAGE_FORMATS_H

#include "pictures/image_decode.h"

/* Refuses sizes beyond the limits of image_decode.h. */
int image_check_size(const char *path, int64_t height, int64_t width, struct Error *error);

int jpeg_decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
                struct ImageBytes *image, struct Error *error);
int png_decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
               struct ImageBytes *image, struct Error *error);

#endif
