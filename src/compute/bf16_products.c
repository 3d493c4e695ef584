/* What the CPU says of itself, as the library finds it too: its effective instruction set cannot be
 * asked for before it is limited. */
#include "compute/backend.h"

#ifdef __x86_64__

#include <cpuid.h>

#define AVX512_BF16 (1U << 5)                    /* leaf 7.1, EAX */
#define AMX_BF16_AND_TILES (1U << 22 | 1U << 24) /* leaf 7.0, EDX */
#define OSXSAVE (1U << 27)                       /* leaf 1, ECX */
#define TILE_STATE (3U << 17)                    /* XCR0: the system saves tiles */

static unsigned feature(unsigned leaf, unsigned part, int reg) {
    unsigned r[4] = {0};
    return __get_cpuid_count(leaf, part, &r[0], &r[1], &r[2], &r[3]) ? r[reg] : 0;
}

static unsigned enabled_state(void) {
    unsigned low = 0, high = 0;
    if (feature(1, 0, 2) & OSXSAVE)
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
}

enum Bf16Products backend_bf16_of_cpu(void) {
    if (!variant_available(VARIANT_F32_V4) || !(feature(7, 1, 0) & AVX512_BF16))
        return BF16_NOT_NATIVE;
    bool tiles = (feature(7, 0, 3) & AMX_BF16_AND_TILES) == AMX_BF16_AND_TILES &&
                 (enabled_state() & TILE_STATE) == TILE_STATE;
    return tiles ? BF16_AMX : BF16_AVX512;
}

#else

enum Bf16Products backend_bf16_of_cpu(void) {
    return BF16_NOT_NATIVE;
}

#endif
