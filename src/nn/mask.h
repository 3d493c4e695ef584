/* Random masks for kernel files: words of a stream, many at a time. Inside nn/ only. */
#ifndef TRAINER_NN_MASK_H
#define TRAINER_NN_MASK_H

#include <stdint.h>

#include "base/kernel.h"
#include "base/random.h"
#include "nn/layer.h"

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

/* A mask holds a bit for each element, which is set if the element is kept: element e has bit
 * e % MASK_BITS of number e / MASK_BITS. */
#define MASK_BITS 32

/* The numbers of a mask of `count` elements. */
static inline int64_t mask_length(int64_t count) {
    return (count + MASK_GROUP - 1) / MASK_GROUP * (MASK_GROUP / MASK_BITS);
}

/* Asks for room for a mask of `count` elements for each sample: saved for backward in training,
 * else in the work space. */
static inline void mask_plan(const struct Planning *planning, int64_t count) {
    struct OperationNeeds *needs = &planning->operation->needs;
    size_t bytes = (size_t)(planning->samples[0] * mask_length(count)) * sizeof(uint32_t);
    if (planning->training)
        needs->saved_bytes = bytes;
    else if (planning->stochastic)
        needs->scratch_bytes = bytes;
}

/* The mask of a sample of the call in that room. */
static inline uint32_t *mask_of(const struct Call *call, int64_t sample, int64_t count) {
    uint32_t *masks = call->training ? call->saved : call->scratch;
    return masks + sample * mask_length(count);
}

#ifdef KERNEL_SUFFIX
/* Keeps each of the elements 0 … count−1 of the stream with probability 1 − rate. */
static inline void mask_fill(const struct RandomStream *stream, double rate, int64_t count,
                             uint32_t *kept) {
    uint32_t words[MASK_GROUP], threshold = mask_threshold(rate);
    for (int64_t group = 0; group * MASK_GROUP < count; group++) {
        mask_words(stream, (uint32_t)group, words);
        for (int64_t i = 0; i < MASK_GROUP; i += MASK_BITS) {
            uint32_t bits = 0;
#pragma omp simd reduction(| : bits)
            for (uint32_t bit = 0; bit < MASK_BITS; bit++)
                bits |= (uint32_t)(words[i + bit] >= threshold) << bit;
            *kept++ = bits;
        }
    }
}

/* Up to MASK_BITS elements. */
static inline void mask_scale_some(int64_t count, uint32_t bits, real scale, const element *from,
                                   element *to) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        to[i] = element_round(bits & (uint32_t)1 << i ? element_value(from[i]) * scale : 0);
}

/* to = from · scale where it is kept, else 0; both may be the same memory. */
static inline void mask_scale(int64_t count, const uint32_t *kept, real scale, const element *from,
                              element *to) {
    int64_t i = 0;
    for (; i + MASK_BITS <= count; i += MASK_BITS) /* a number that the compiler knows */
        mask_scale_some(MASK_BITS, kept[i / MASK_BITS], scale, from + i, to + i);
    if (i < count)
        mask_scale_some(count - i, kept[i / MASK_BITS], scale, from + i, to + i);
}
#endif

#endif
