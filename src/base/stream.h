/* Stores that bypass the caches, for kernel files. A result that is larger than the caches leaves
 * them before it is read, and an ordinary store would first fetch each of its lines. */
#ifndef TRAINER_BASE_STREAM_H
#define TRAINER_BASE_STREAM_H

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "base/vectors.h"

#ifdef KERNEL_SUFFIX

/* As elements_store; bypasses the caches if `stream` is set. `to` must then be aligned to the size
 * of vector_elements. */
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

/* Call it after the last stream_store of a thread, so that other threads see what it wrote. */
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
