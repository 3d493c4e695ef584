/* What initialisers are made of. Inside nn/ only. */
#ifndef TRAINER_NN_INITIALISE_DRAWS_H
#define TRAINER_NN_INITIALISE_DRAWS_H

#include "nn/initialise.h"

/* Options of the kinds that take one number. */
struct OneNumber {
    double number;
};

void draw_constant(double value, const struct ArenaRow *row, float *values);
void draw_normal(double std, const struct ArenaRow *row, const struct RandomStream *stream,
                 float *values);
/* Uniform in (−limit, limit). */
void draw_uniform(double limit, const struct ArenaRow *row, const struct RandomStream *stream,
                  float *values);

/* Inputs to one output number, and outputs that one input number reaches (a convolution's include
 * its kernel's area). Rows without fans (of a normalisation) count as one in, one out. */
static inline double draw_fan(int64_t count) {
    return count > 0 ? (double)count : 1;
}

#endif
