/* Stores that go past the caches, for kernel files: a result that is larger than the caches is not
 * read before it has left them, and an ordinary store would first fetch each of its lines. */
#ifndef TRAINER_BASE_STREAM_H
#define TRAINER_BASE_STREAM_H

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "base/vectors.h"

#ifdef KERNEL_SUFFIX

/* elements_store, past the caches if `stream`; `to` is then aligned to the elements of a vector. */
INLINE void stream_store(bool stream, element *to, vector v) {
    if (!stream) {
        elements_store(to, v);
        return;
    }
    vector_elements elements = elements_round(v);
#if defined __AVX512F__ && !defined KERNEL_BF16
    _mm512_stream_si512((void *)to, (__m512i)elements);
#elif defined __AVX512F__ || defined __AVX__ && !defined KERNEL_BF16
    _mm256_stream_si256((void *)to, (__m256i)elements);
#elif defined __SSE2__ && (defined __AVX2__ || !defined KERNEL_BF16)
    _mm_stream_si128((void *)to, (__m128i)elements);
#else
    *(vector_elements *)(void *)to = elements;
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
