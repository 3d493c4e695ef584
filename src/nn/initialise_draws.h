/* What initialisers draw with. Inside nn/ only. */
#ifndef TRAINER_NN_INITIALISE_DRAWS_H
#define TRAINER_NN_INITIALISE_DRAWS_H

#include "nn/initialise.h"

/* Options of the kinds that take one number. */
struct OneNumber {
    double number;
};

void draw__constant(double value, int64_t count, float *values);
void draw__normal(double std, int64_t count, const struct RandomStream *stream, float *values);
/* Uniform in (−limit, limit). */
void draw__uniform(double limit, int64_t count, const struct RandomStream *stream, float *values);

/* A row's fan_in or fan_out; rows without fans (of a normalisation) count as one in, one out. */
static inline double draw_fan(int64_t count) {
    return count > 0 ? (double)count : 1;
}

#endif
