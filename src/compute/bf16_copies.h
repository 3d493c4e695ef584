/* Copies of bf16 elements (base/bfloat16.h) as floats, and back: for what computes in fp32 where
 * activations are bf16. */
#ifndef TRAINER_COMPUTE_BF16_COPIES_H
#define TRAINER_COMPUTE_BF16_COPIES_H

#include <stdint.h>

#include "base/kernel.h"

struct Bf16Copies {
    void (*widen)(int64_t count, const void *elements, float *values);
    void (*narrow)(int64_t count, const float *values, void *elements);
    /* elements += values, each sum rounded once */
    void (*add_narrowed)(int64_t count, const float *values, void *elements);
    void (*add)(int64_t count, const float *terms, float *sums); /* sums += terms */
    /* sum (channels) = the sum over the rows of matrix (rows, channels) of elements */
    void (*sum_rows)(int64_t rows, int64_t channels, const void *matrix, float *sum);
};

/* NULL for VARIANT_F64, which has no bf16. */
const struct Bf16Copies *bf16_copies(enum Variant variant);

#endif
