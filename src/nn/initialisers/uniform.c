/* Uniform around 0. */
#include "nn/initialise_draws.h"

static const struct Key keys[] = {{"limit", KEY_REAL, offsetof(struct OneNumber, number),
                                   .minimum = 0, .maximum = 1e6,
                                   .help = "drawn from -limit to limit"},
                                  KEY_END};

static void uniform(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                    float *values) {
    draw__uniform(((const struct OneNumber *)options)->number, row.arena->count, stream, values);
}

const struct Initialiser initialiser_uniform = {
    .kind = {"uniform", "uniform between -limit and limit", keys, sizeof(struct OneNumber)},
    .fill = uniform,
};
