#include "compute/peak.h"

#include <omp.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

#define CHAINS 12 /* independent sums: more than latency × units needs */
#define STEPS 200000
#define TRIALS 8      /* of copying */
#define FMA_TRIALS 64 /* of a short loop */

#define PEAK_BODY                                                                                  \
    Vector sums[CHAINS], factor = {0}, term = {0};                                                 \
    factor += 0.5f;                                                                                \
    term += 0.25f;                                                                                 \
    for (int j = 0; j < CHAINS; j++)                                                               \
        sums[j] = factor * (float)j;                                                               \
    for (int i = 0; i < STEPS; i++) {                                                              \
        _Pragma("GCC unroll 12") for (int j = 0; j < CHAINS; j++) sums[j] =                        \
            sums[j] * factor + term;                                                               \
        __asm__ volatile("" : "+x"(factor)); /* keeps the loop */                                  \
    }                                                                                              \
    for (int j = 1; j < CHAINS; j++)                                                               \
        sums[0] += sums[j];                                                                        \
    return sums[0][0]

#ifdef __x86_64__
static float __attribute__((target("avx512f,fma"))) loop_avx512(void) {
    typedef float Vector __attribute__((vector_size(64)));
    PEAK_BODY;
}

static float __attribute__((target("avx2,fma"))) loop_avx2(void) {
    typedef float Vector __attribute__((vector_size(32)));
    PEAK_BODY;
}
#endif

static float loop_baseline(void) {
    typedef float Vector __attribute__((vector_size(16)));
    PEAK_BODY;
}

double peak_clock(void) {
    struct timespec time;
    if (omp_get_max_threads() > 1)
        return clock_seconds();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

double peak_flops(enum Variant variant, int threads) {
    float (*loop)(void) = loop_baseline;
    int width = 4;
    volatile float sink = 0;
    double best = 1e9;
#ifdef __x86_64__
    if (variant == VARIANT_F32_V4) {
        loop = loop_avx512;
        width = 16;
    } else if (variant == VARIANT_F32_V3) {
        loop = loop_avx2;
        width = 8;
    }
#endif
    for (int trial = 0; trial < FMA_TRIALS; trial++) {
        double from = peak_clock();
#pragma omp parallel num_threads(threads)
        sink = loop();
        double seconds = peak_clock() - from;
        best = seconds < best ? seconds : best;
    }
    (void)sink;
    return 2.0 * CHAINS * width * STEPS * threads / best;
}

/* Copies `bytes` bytes, a slice by each thread. */
static void copy(char *to, const char *from, size_t bytes, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < threads; i++) {
        size_t begin = bytes / (size_t)threads * (size_t)i, part = bytes / (size_t)threads;
        memcpy(to + begin, from + begin, part);
    }
    __asm__ volatile("" : : "r"(to) : "memory");
}

double peak_bandwidth(int threads) {
    size_t bytes = (size_t)128 << 20;
    char *from = memory_array(char, (int64_t)bytes, "bandwidth"),
         *to = memory_array(char, (int64_t)bytes, "bandwidth");
    double best = 1e9;
    memset(from, 1, bytes);
    for (int trial = 0; trial < TRIALS; trial++) {
        double start = peak_clock();
        copy(to, from, bytes, threads);
        double seconds = peak_clock() - start;
        best = seconds < best ? seconds : best;
    }
    memory_release(from);
    memory_release(to);
    return 2.0 * (double)bytes / best;
}
