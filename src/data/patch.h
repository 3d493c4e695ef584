/* A random rectangle of an image: what cutout covers and CutMix pastes. */
#ifndef TRAINER_DATA_PATCH_H
#define TRAINER_DATA_PATCH_H

#include "base/random.h"
#include "data/image.h"

struct Patch {
    int64_t top, bottom, left, right; /* rows [top, bottom), columns [left, right) */
};

/* An interval [*first, *end) of a line of `side` pixels: `size` pixels about a random centre, as
 * far as they are on the line. */
static inline void patch_span(uint32_t word, int64_t size, int64_t side, int64_t *first,
                              int64_t *end) {
    int64_t begin = (int64_t)random_below(word, (uint32_t)side) - size / 2;
    *first = begin < 0 ? 0 : begin;
    *end = begin + size < side ? begin + size : side;
}

/* `height` × `width` pixels about a centre that is drawn uniformly from the image, from the words
 * of random_block(stream, block); what extends beyond the border is cut off. */
static inline struct Patch patch_draw(const struct RandomStream *stream, uint32_t block,
                                      int64_t height, int64_t width, const struct Image *image) {
    struct Patch patch;
    uint32_t words[4];
    random_block(stream, block, words);
    patch_span(words[0], height, image->height, &patch.top, &patch.bottom);
    patch_span(words[1], width, image->width, &patch.left, &patch.right);
    return patch;
}

#endif
