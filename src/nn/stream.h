/* Stores that go past the caches, for kernel files: a result that is larger than the caches is not
 * read before it has left them, and an ordinary store would first fetch each of its lines. Inside
 * nn/ only. */
#ifndef TRAINER_NN_STREAM_H
#define TRAINER_NN_STREAM_H

#include <string.h>

#include "nn/vectors.h"

#ifdef KERNEL_SUFFIX

/* put_elements, past the caches if `stream`; `to` is then aligned to the elements of a vector. */
INLINE void stream_store(bool stream, element *to, vector v) {
    if (!stream) {
        put_elements(to, v);
        return;
    }
#if defined KERNEL_BF16
    vector_bf16 elements;
    vector_round(v, &elements);
#if defined __AVX__
    __m256i bits;
    memcpy(&bits, &elements, sizeof bits);
    _mm256_stream_si256((void *)to, bits);
#elif defined __SSE2__
    __m128i bits[2];
    memcpy(bits, &elements, sizeof bits);
    for (int i = 0; i < 2; i++)
        _mm_stream_si128((__m128i *)(void *)to + i, bits[i]);
#else
    *(vector_bf16 *)to = elements;
#endif
#elif defined __AVX512F__
    __m512i bits;
    memcpy(&bits, &v, sizeof bits);
    _mm512_stream_si512((void *)to, bits);
#elif defined __SSE2__
    __m128i bits[4];
    memcpy(bits, &v, sizeof bits);
    for (int i = 0; i < 4; i++)
        _mm_stream_si128((__m128i *)(void *)to + i, bits[i]);
#else
    *(vector *)to = v;
#endif
}

/* After the last stream_store of a thread: other threads then see what it wrote. */
INLINE void stream_end(bool stream) {
#ifdef __SSE2__
    if (stream)
        _mm_sfence();
#else
    (void)stream;
#endif
}

#endif
#endif
