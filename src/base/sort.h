/* Comparison functions for qsort, in ascending order, and medians. */
#ifndef TRAINER_BASE_SORT_H
#define TRAINER_BASE_SORT_H

#include <stdint.h>
#include <stdlib.h>

/* The doubles must not be NaN. */
static inline int sort_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static inline int sort_integers(const void *a, const void *b) { /* int64_t */
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The median of `count` > 0 values: for an even count the mean of the middle two. Sorts
 * `values`. */
static inline double sort_median(double *values, int64_t count) {
    qsort(values, (size_t)count, sizeof *values, sort_doubles);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

#endif
