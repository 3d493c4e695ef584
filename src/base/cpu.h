/* Which level of x86-64 this CPU supports. Only the instruction sets below are tested, because
 * older compilers do not know the levels by name; every CPU that has them has the rest of the
 * level, too. Not collective. */
#ifndef TRAINER_BASE_CPU_H
#define TRAINER_BASE_CPU_H

#include <stdbool.h>

/* x86-64-v3: AVX2 and FMA. */
static inline bool cpu_has_v3(void) {
#ifdef __x86_64__
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

/* x86-64-v4: AVX-512. */
static inline bool cpu_has_v4(void) {
#ifdef __x86_64__
    return cpu_has_v3() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

#endif
