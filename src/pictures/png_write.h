/* RGB images as PNG. Not collective. */
#ifndef TRAINER_PICTURES_PNG_WRITE_H
#define TRAINER_PICTURES_PNG_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* pixels (height, width, 3). The file appears under its name only when it is complete. ERROR_SYSTEM
 * if it cannot be written. */
int png_write(const char *path, int64_t height, int64_t width, const uint8_t *pixels,
              struct Error *error);

/* The same into memory, which the caller releases with memory_release; *bytes is its size. NULL if
 * libpng fails. */
void *png_encode(int64_t height, int64_t width, const uint8_t *pixels, size_t *bytes);

#endif
