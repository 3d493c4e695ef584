/* Random masks for kernel files: words of a stream, many at a time. Inside nn/ only. */
#ifndef TRAINER_NN_MASK_H
#define TRAINER_NN_MASK_H

#include <stdint.h>

#include "base/kernel.h"
#include "base/random.h"

#define PARALLEL_DRAWS 16384 /* elements, each with a draw, from which it pays to wake threads */

#define MASK_LANES 16
#define MASK_GROUP (4 * MASK_LANES) /* words from one call of mask_words */

/* A word below the threshold drops its element: with probability `rate`, 0 <= rate < 1. */
static inline uint32_t mask_threshold(double rate) {
    return (uint32_t)(rate * 0x1p32);
}

/* Draws MASK_GROUP words: MASK_LANES blocks of the stream from block MASK_LANES·group on. Word
 * MASK_LANES·k + j is word k of block j. The pragma makes the compiler vectorise over blocks;
 * without it the loop is five times as slow. */
static inline void mask_words(const struct RandomStream *stream, uint32_t group,
                              uint32_t *restrict words) {
    uint32_t c0[MASK_LANES], c1[MASK_LANES], c2[MASK_LANES], c3[MASK_LANES];
    for (int j = 0; j < MASK_LANES; j++) {
        c0[j] = group * MASK_LANES + (uint32_t)j;
        c1[j] = stream->counter[0];
        c2[j] = stream->counter[1];
        c3[j] = stream->counter[2];
    }
    uint32_t k0 = stream->key[0], k1 = stream->key[1];
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
#pragma omp simd
        for (int j = 0; j < MASK_LANES; j++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[j], p1 = (uint64_t)0xCD9E8D57u * c2[j];
            c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0;
            c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
            c1[j] = (uint32_t)p1;
            c3[j] = (uint32_t)p0;
        }
    for (int j = 0; j < MASK_LANES; j++) {
        words[0 * MASK_LANES + j] = c0[j];
        words[1 * MASK_LANES + j] = c1[j];
        words[2 * MASK_LANES + j] = c2[j];
        words[3 * MASK_LANES + j] = c3[j];
    }
}

#ifdef KERNEL_SUFFIX
/* kept[e] = 1 with probability 1 − rate, else 0, for elements 0 … count−1 of the stream. */
static inline void mask_fill(const struct RandomStream *stream, double rate, int64_t count,
                             uint8_t *kept) {
    uint32_t words[MASK_GROUP], threshold = mask_threshold(rate);
    for (int64_t begin = 0; begin < count; begin += MASK_GROUP) {
        mask_words(stream, (uint32_t)(begin / MASK_GROUP), words);
        int64_t length = count - begin < MASK_GROUP ? count - begin : MASK_GROUP;
#pragma omp simd
        for (int64_t i = 0; i < length; i++)
            kept[begin + i] = words[i] >= threshold;
    }
}
#endif

#endif
