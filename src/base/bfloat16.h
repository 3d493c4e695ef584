/* bfloat16: the upper half of a float, so 8 bits of exponent as there and 8 of precision instead of
 * 24. Numbers are stored in it and computed with as floats. Rounding is to the nearest, and to even
 * between two; it is done by integer arithmetic, so that every CPU gives the same bits, those with
 * instructions for it included (these treat denormal numbers as 0). A NaN stays one. */
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
    uint32_t quiet = bits >> 16 | 0x40; /* a NaN: rounding could make it infinite */
    return (bf16){(uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded)};
}

#endif
