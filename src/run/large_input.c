#include "run/large_input.h"

#include <math.h>

#define LARGE 1e6F /* preprocessed values are near 1, raw bytes at most 255 */

int64_t large_input_find(const float *values, int64_t count, float *magnitude) {
    int64_t at = 0;
    *magnitude = 0;
    for (int64_t i = 0; i < count; i++)
        if (fabsf(values[i]) > *magnitude) {
            *magnitude = fabsf(values[i]);
            at = i;
        }
    return at;
}

bool large_input_overflows(float magnitude, const float *parameters, int64_t count) {
    float grown;
    large_input_find(parameters, count, &grown);
    return magnitude >= LARGE && magnitude > grown;
}
