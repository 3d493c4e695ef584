/* The copies that library.c computes on, in a table for each variant. For library.c alone. */
#ifndef TRAINER_COMPUTE_LIBRARY_COPIES_H
#define TRAINER_COMPUTE_LIBRARY_COPIES_H

#include <stdint.h>

#include "base/kernel.h"

struct LibraryCopies {
    void (*widen)(int64_t count, const void *elements, float *values);
    void (*narrow)(int64_t count, const float *values, void *elements);
    void (*add)(int64_t count, const float *terms, float *sums);
    /* sum (channels) = the sum over the rows of matrix (rows, channels) of elements */
    void (*sum_rows)(int64_t rows, int64_t channels, const void *matrix, float *sum);
};

#endif
