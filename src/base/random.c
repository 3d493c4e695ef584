#include "base/random.h"

#include <math.h>

#include "base/error.h"

struct RandomStream random_stream(uint64_t seed, enum RandomPurpose purpose, uint32_t instance,
                                  uint64_t time, uint64_t item) {
    CHECK(instance < 1u << 20 && time >> 36 == 0 && item >> 36 == 0 && (unsigned)purpose < 16);
    struct RandomStream stream = {
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {(uint32_t)purpose | instance << 4 | (uint32_t)(time >> 32) << 24 |
                        (uint32_t)(item >> 32) << 28,
                    (uint32_t)time, (uint32_t)item},
    };
    return stream;
}

uint32_t random_word(const struct RandomStream *stream, uint64_t index) {
    uint32_t words[4];
    CHECK(index / 4 <= UINT32_MAX);
    random_block(stream, (uint32_t)(index / 4), words);
    return words[index % 4];
}

void random_normal(const struct RandomStream *stream, int64_t count, double *values) {
    CHECK(count / 4 < UINT32_MAX);
    for (int64_t i = 0; i < count; i += 4) {
        uint32_t words[4];
        random_block(stream, (uint32_t)(i / 4), words);
        for (int pair = 0; pair < 4; pair += 2) {
            double u = ((double)words[pair] + 0.5) * 0x1p-32;
            double angle = 2.0 * M_PI * ((double)words[pair + 1] + 0.5) * 0x1p-32;
            double radius = sqrt(-2.0 * log(u));
            if (i + pair < count)
                values[i + pair] = radius * cos(angle);
            if (i + pair + 1 < count)
                values[i + pair + 1] = radius * sin(angle);
        }
    }
}

/* The logarithm of a Gamma(shape, 1) variate, from blocks *block, *block + 1, …. For a shape below
 * 1 the variate is one of shape + 1 times u^(1/shape), which may be too small for a double. */
static double log_gamma_variate(const struct RandomStream *stream, uint32_t *block, double shape) {
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        uint32_t words[4];
        double u[4];
        random_block(stream, (*block)++, words);
        for (int i = 0; i < 4; i++)
            u[i] = ((double)words[i] + 0.5) * 0x1p-32;
        double x = sqrt(-2 * log(u[0])) * cos(2 * M_PI * u[1]);
        double v = (1 + c * x) * (1 + c * x) * (1 + c * x);
        if (v > 0 && log(u[2]) < 0.5 * x * x + d - d * v + d * log(v))
            return log(d * v) + (shape < 1 ? log(u[3]) / shape : 0);
    }
}

double random_beta(const struct RandomStream *stream, uint32_t first, double a, double b) {
    double one = log_gamma_variate(stream, &first, a), other = log_gamma_variate(stream, &first, b);
    return 1 / (1 + exp(other - one));
}

void random_permutation(const struct RandomStream *stream, int64_t count, int64_t *order) {
    CHECK(count >= 0 && count <= INT64_C(1) << 32);
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        uint32_t words[4];
        random_block(stream, (uint32_t)i, words);
        uint64_t wide = (uint64_t)words[0] << 32 | words[1];
        int64_t j = (int64_t)(((unsigned __int128)wide * (uint64_t)(i + 1)) >> 64);
        int64_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}
