/* Finite numbers from which others that are not finite come: a value at a model's input that is so
 * large that sums and squares of it overflow, such as what other programs write where a value is
 * missing. Not collective. */
#ifndef TRAINER_RUN_LARGE_INPUT_H
#define TRAINER_RUN_LARGE_INPUT_H

#include <stdbool.h>
#include <stdint.h>

/* Where the value of the largest magnitude is, which becomes *magnitude; NaN counts as none. */
int64_t large_input_find(const float *values, int64_t count, float *magnitude);

/* Whether a model with these parameters overflows because of an input of that magnitude, and not
 * because the parameters have grown. */
bool large_input_overflows(float magnitude, const float *parameters, int64_t count);

#endif
