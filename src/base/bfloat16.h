/* bfloat16 is the upper half of a float: it has the same 8 bits of exponent, and 8 bits of
 * precision instead of 24. It is a storage format; all arithmetic is done in float. Rounding is to
 * the nearest value, ties to even. It uses integer arithmetic, so that every CPU gives the same
 * bits: the instructions that some CPUs have for it treat denormal numbers as 0. A NaN stays a
 * NaN. */
#ifndef TRAINER_BASE_BFLOAT16_H
#define TRAINER_BASE_BFLOAT16_H

#include <stdint.h>
#include <string.h>

/* A struct, so that nobody computes with the bits by mistake. */
typedef struct Bf16 {
    uint16_t bits;
} bf16;

static inline float bf16_value(bf16 stored) {
    uint32_t bits = (uint32_t)stored.bits << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline bf16 bf16_round(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    uint32_t quiet = bits >> 16 | 0x40; /* for a NaN, which rounding could turn into infinity */
    return (bf16){(uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded)};
}

#endif
