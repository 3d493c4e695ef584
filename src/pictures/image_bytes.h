/* A decoded picture in memory, and the sizes that are accepted. */
#ifndef TRAINER_PICTURES_IMAGE_BYTES_H
#define TRAINER_PICTURES_IMAGE_BYTES_H

#include <stdint.h>

#include "base/error.h"

struct ImageBytes {
    int64_t height, width, channels;
    uint8_t *pixels; /* (height, width, channels); release with memory_release */
};

/* Larger files and pictures are refused before anything is allocated for them. */
#define IMAGE_MOST_FILE_BYTES ((int64_t)512 << 20)
#define IMAGE_MOST_SIDE 65500
#define IMAGE_MOST_PIXELS ((int64_t)256 << 20)

/* ERROR_DATA if a picture that says it has this size is empty, larger than the limits, or too large
 * for this machine's memory. `path` is for the message. */
int image_check_size(const char *path, int64_t height, int64_t width, struct Error *error);

#endif
