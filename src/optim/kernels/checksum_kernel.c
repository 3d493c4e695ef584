#include "optim/kernels/checksum_kernel.h"

typedef uint32_t lanes_of_words
    __attribute__((vector_size(CHECKSUM_LANES * sizeof(uint32_t)), may_alias));
/* Such a vector may lie at any address that is valid for a word. */
typedef uint32_t any_words __attribute__((vector_size(CHECKSUM_LANES * sizeof(uint32_t)),
                                          aligned(sizeof(uint32_t)), may_alias));

static void add(int64_t count, const void *words, uint32_t *sums, uint32_t *weighted) {
    const uint32_t *x = words;
    lanes_of_words sum = *(const lanes_of_words *)(const void *)sums;
    lanes_of_words weight = *(const lanes_of_words *)(const void *)weighted;
    int64_t i = 0;
    for (; i + CHECKSUM_LANES <= count; i += CHECKSUM_LANES) {
        lanes_of_words y = *(const any_words *)(const void *)(x + i);
        sum += y ^ y >> 16;
        weight += sum;
    }
    *(lanes_of_words *)(void *)sums = sum;
    *(lanes_of_words *)(void *)weighted = weight;
    for (int lane = 0; i < count; i++, lane++) {
        uint32_t y;
        __builtin_memcpy(&y, x + i, sizeof y);
        sums[lane] += y ^ y >> 16;
        weighted[lane] += sums[lane];
    }
}

const struct ChecksumKernel KERNEL(checksum_kernel) = {.add = add};
