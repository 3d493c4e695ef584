/* A float image in memory. */
#ifndef TRAINER_DATA_IMAGE_H
#define TRAINER_DATA_IMAGE_H

#include <stdint.h>
#include <string.h>

struct Image {
    int64_t height, width, channels;
    float *pixels; /* (height, width, channels) */
    float white; /* raw pixels are in [0, white]: 255 if they were bytes; 0: the range is unknown */
};

static inline int64_t image_elements(const struct Image *image) {
    return image->height * image->width * image->channels;
}

/* Copies the pixels; both images have the same size. */
static inline void image_copy(const struct Image *from, struct Image *to) {
    memcpy(to->pixels, from->pixels, (size_t)image_elements(from) * sizeof(float));
}

#endif
