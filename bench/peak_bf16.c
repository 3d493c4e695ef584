#include "bench/peak_bf16.h"

#include <stdbool.h>
#include <stdint.h>

#include "compute/peak.h"

#ifdef __x86_64__

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEPS 200000
#define TRIALS 8

/* Are all these bits of a register of leaf 7 set? */
static bool cpu_has(unsigned leaf, bool edx, unsigned bits) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, leaf, &a, &b, &c, &d) && ((edx ? d : a) & bits) == bits;
}

/* Operations a second of the fastest of some calls of `loop`, each of which makes `operations`. */
static double best_rate(float (*loop)(void), double operations) {
    volatile float sink = 0;
    double best = 1e9;
    for (int trial = 0; trial < TRIALS; trial++) {
        double from = peak_clock();
        sink = loop();
        double seconds = peak_clock() - from;
        best = seconds < best ? seconds : best;
    }
    (void)sink;
    return operations / best;
}

/* ---- AVX512_BF16: a sum of two products for each of 16 elements ---- */

#define CHAINS 12 /* independent sums */

static float __attribute__((target("avx512f,avx512bf16"))) loop_bf16(void) {
    __m512 sums[CHAINS];
    __m512bh factor = (__m512bh)_mm512_set1_epi16(0x3f00); /* 0.5 */
    for (int j = 0; j < CHAINS; j++)
        sums[j] = _mm512_set1_ps((float)j);
    for (int i = 0; i < STEPS; i++) {
        _Pragma("GCC unroll 12") for (int j = 0; j < CHAINS; j++) sums[j] =
            _mm512_dpbf16_ps(sums[j], factor, factor);
        __asm__ volatile("" : "+x"(factor)); /* keeps the loop */
    }
    for (int j = 1; j < CHAINS; j++)
        sums[0] = _mm512_add_ps(sums[0], sums[j]);
    return _mm512_cvtss_f32(sums[0]);
}

double peak_bf16_flops(void) {
    const unsigned avx512_bf16 = 1U << 5; /* leaf 7.1, EAX */
    if (!__builtin_cpu_supports("avx512f") || !cpu_has(1, false, avx512_bf16))
        return 0;
    return best_rate(loop_bf16, 2.0 * 2 * 16 * CHAINS * STEPS);
}

/* ---- AMX: (16,32) · (32,16), sums of 16 x 16 floats ---- */

#define ARCH_REQUEST_PERMISSION 0x1023 /* ARCH_REQ_XCOMP_PERM of the kernel's asm/prctl.h */
#define TILE_DATA 18                   /* the state component that holds the tiles */

struct TileConfiguration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static float __attribute__((target("amx-tile,amx-bf16"))) loop_amx(void) {
    static _Alignas(64) uint16_t left[2][512], right[2][512]; /* zeros: as fast as any number */
    struct TileConfiguration tiles = {.palette = 1};
    float sums[256];
    for (int i = 0; i < 8; i++) {
        tiles.rows[i] = 16;
        tiles.row_bytes[i] = 64;
    }
    _tile_loadconfig(&tiles);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int i = 0; i < STEPS / 10; i++) { /* two rows of tiles times two columns */
        _tile_loadd(4, left[0], 64);
        _tile_loadd(5, left[1], 64);
        _tile_loadd(6, right[0], 64);
        _tile_loadd(7, right[1], 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, 64);
    _tile_release();
    return sums[0];
}

double peak_amx_flops(void) {
    const unsigned amx_bf16_and_tiles = 1U << 22 | 1U << 24; /* leaf 7.0, EDX */
    if (!cpu_has(0, true, amx_bf16_and_tiles) ||
        syscall(SYS_arch_prctl, ARCH_REQUEST_PERMISSION, TILE_DATA))
        return 0;
    return best_rate(loop_amx, 4.0 * 2 * 16 * 16 * 32 * (STEPS / 10));
}

#else

double peak_bf16_flops(void) {
    return 0;
}

double peak_amx_flops(void) {
    return 0;
}

#endif
