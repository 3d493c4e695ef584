/* Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as
 * easy as 1, 2, 3"). A number is a pure function of (seed, purpose, instance, time, item, element),
 * so it does not depend on the rank, the thread or earlier draws, and no position has to be
 * saved. */
#ifndef TRAINER_BASE_RANDOM_H
#define TRAINER_BASE_RANDOM_H

#include <stdint.h>

/* What numbers are drawn for, and the meaning of instance, time and item for each purpose (0 if not
 * mentioned). The values are fixed: changing one would change every run. */
enum RandomPurpose {
    RANDOM_INITIALISATION = 1, /* instance: row of the arena */
    RANDOM_SHUFFLE = 2,        /* time: epoch; data/order.c says more about balanced epochs */
    /* Instance: place in the list; time: epoch; item: sample in the split. */
    RANDOM_AUGMENTATION = 3,
    /* Instance: node; time: step; item: sample in the global batch. */
    RANDOM_DROPOUT = 4,
    RANDOM_SPLIT = 5,     /* the stratified validation split */
    RANDOM_SYNTHESIS = 6, /* item: image */
    RANDOM_TEST = 7,
    /* Instance: node; time: draw; item: sample in the split. */
    RANDOM_DROPOUT_SAMPLE = 8,
    /* Instance: 0 to choose the kind of mixing and the partner, then place in the list + 1; time:
     * epoch; item: sample in the split. */
    RANDOM_MIXING = 12,
    RANDOM_STATISTICS = 13, /* the sample of images that statistics are taken from */
    /* Values of a search's trials (search/sample.c): time: stage; instance 0: random, item: trial;
     * else the axis + 1 of a Halton sequence, item: digit. */
    RANDOM_SEARCH = 15
};

/* A stream of numbers. Element e is word e % 4 of block e / 4. */
struct RandomStream {
    uint32_t key[2];     /* the seed */
    uint32_t counter[3]; /* purpose and instance; time; item. The block index is the fourth word. */
};

/* An instance of 2^20 or more, and a time or item of 2^36 or more, are bugs. (The high bits of time
 * and item are stored in the word of the purpose.) */
struct RandomStream random_stream(uint64_t seed, enum RandomPurpose purpose, uint32_t instance,
                                  uint64_t time, uint64_t item);

/* Block `index` of the stream: four independent uniform 32-bit words. */
static inline void random_block(const struct RandomStream *stream, uint32_t index,
                                uint32_t words[4]) {
    uint32_t c0 = index, c1 = stream->counter[0], c2 = stream->counter[1], c3 = stream->counter[2];
    uint32_t k0 = stream->key[0], k1 = stream->key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

/* A number in [0, 1) with 24 bits, which a float represents exactly. */
static inline float random_uniform(uint32_t word) {
    return (float)(word >> 8) * 0x1p-24f;
}

/* An integer 0 … bound−1 by multiply-shift; bound ≥ 1. The bias is below bound / 2^32. */
static inline uint32_t random_below(uint32_t word, uint32_t bound) {
    return (uint32_t)(((uint64_t)word * bound) >> 32);
}

/* Element `index` of the stream. */
uint32_t random_word(const struct RandomStream *stream, uint64_t index);

/* Fills `values` with elements 0 … count−1 as standard normal numbers (Box-Muller, in double). */
void random_normal(const struct RandomStream *stream, int64_t count, double *values);

/* A number of the Beta(a, b) distribution, a and b above 0, from blocks first, first + 1, … of the
 * stream: G/(G + H) of two gamma variates, which are drawn by rejection (Marsaglia and Tsang 2000,
 * "A simple method for generating gamma variables") and thus exact except for rounding. */
double random_beta(const struct RandomStream *stream, uint32_t first, double a, double b);

/* Fills `order` with a uniformly random permutation of 0 … count−1 (Fisher-Yates). */
void random_permutation(const struct RandomStream *stream, int64_t count, int64_t *order);

#endif
