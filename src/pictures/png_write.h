/* RGB images to PNG files. Not collective. */
#ifndef TRAINER_PICTURES_PNG_WRITE_H
#define TRAINER_PICTURES_PNG_WRITE_H

#include <stdint.h>

#include "base/error.h"

/* pixels (height, width, 3). The file appears under its name only when it is complete. ERROR_SYSTEM
 * if it cannot be written. */
int png_write(const char *path, int64_t height, int64_t width, const uint8_t *pixels,
              struct Error *error);

#endif
