/* One float image in memory, and what every module of images needs to know of it. */
#ifndef TRAINER_DATA_IMAGE_H
#define TRAINER_DATA_IMAGE_H

#include <stdint.h>
#include <string.h>

struct Image {
    int64_t height, width, channels;
    float *pixels; /* (height, width, channels) */
    float white;   /* raw pixels lie in [0, white]: 255 for bytes; 0: nothing is known of them */
};

static inline int64_t image_elements(const struct Image *image) {
    return image->height * image->width * image->channels;
}

/* The pixels, between images of one size. */
static inline void image_copy(const struct Image *from, struct Image *to) {
    memcpy(to->pixels, from->pixels, (size_t)image_elements(from) * sizeof(float));
}

#endif
