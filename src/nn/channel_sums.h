/* For kernel files that sum something over the pixels of a shard, channel by channel: the gradient
 * of a slope or a scale. Pixels are cut into chunks, each chunk is summed by itself in `real`, and
 * the chunks' sums are added in double in their order, so that the bits do not depend on the number
 * of threads. Inside nn/ only. */
#ifndef TRAINER_NN_CHANNEL_SUMS_H
#define TRAINER_NN_CHANNEL_SUMS_H

#include <stdint.h>

#include "base/kernel.h"

#define CHANNEL_CHUNK 256 /* pixels */

static inline int64_t channel_chunks(int64_t pixels) {
    return (pixels + CHANNEL_CHUNK - 1) / CHANNEL_CHUNK;
}
static inline int64_t channel_chunk_length(int64_t pixels, int64_t chunk) {
    int64_t left = pixels - chunk * CHANNEL_CHUNK;
    return left < CHANNEL_CHUNK ? left : CHANNEL_CHUNK;
}

#ifdef KERNEL_SUFFIX
/* total[c] = Σ over `chunks` rows of parts (chunks, channels). */
static inline void channel_totals(int64_t chunks, int64_t channels, const real *parts,
                                  real *total) {
    for (int64_t first = 0; first < channels; first += 64) {
        int64_t count = channels - first < 64 ? channels - first : 64;
        double sums[64] = {0};
        for (int64_t i = 0; i < chunks; i++)
            for (int64_t c = 0; c < count; c++)
                sums[c] += (double)parts[i * channels + first + c];
        for (int64_t c = 0; c < count; c++)
            total[first + c] = (real)sums[c];
    }
}
#endif

#endif
