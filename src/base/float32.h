/* The range of float32. */
#ifndef TRAINER_BASE_FLOAT32_H
#define TRAINER_BASE_FLOAT32_H

#include <float.h>
#include <math.h>
#include <stddef.h>

/* The reason why float32 does not hold a finite number with all its digits; or NULL. */
static inline const char *float32_unfit(double value) {
    double size = fabs(value);
    return size > (double)FLT_MAX               ? "too large for float32"
           : size > 0 && size < (double)FLT_MIN ? "too small for float32"
                                                : NULL;
}

#endif
