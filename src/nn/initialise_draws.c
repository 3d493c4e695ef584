#include "nn/initialise_draws.h"

#include "base/memory.h"

void draw__constant(double value, int64_t count, float *values) {
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)value;
}

void draw__normal(double std, int64_t count, const struct RandomStream *stream, float *values) {
    double *draws = memory_array(double, count, "initialisation");
    random_normal(stream, count, draws);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(std * draws[i]);
    memory_release(draws);
}

/* Each value is the middle of one of 2^32 equal cells. */
void draw__uniform(double limit, int64_t count, const struct RandomStream *stream, float *values) {
    for (int64_t i = 0; i < count; i += 4) {
        uint32_t words[4];
        random_block(stream, (uint32_t)(i / 4), words);
        for (int64_t j = 0; j < 4 && i + j < count; j++)
            values[i + j] = (float)(limit * (((double)words[j] + 0.5) * 0x1p-31 - 1));
    }
}
