/* Sorting of plain numbers, for qsort, and medians. */
#ifndef TRAINER_BASE_SORT_H
#define TRAINER_BASE_SORT_H

#include <stdint.h>
#include <stdlib.h>

/* For qsort: the least first. Doubles without NaN. */
static inline int sort_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static inline int sort_integers(const void *a, const void *b) { /* int64_t */
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The median of `count` > 0 values, the mean of the middle two if they are even. Sorts them. */
static inline double sort_median(double *values, int64_t count) {
    qsort(values, (size_t)count, sizeof *values, sort_doubles);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

#endif
