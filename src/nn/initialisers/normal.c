/* Normal with mean 0. */
#include "nn/initialise_draws.h"

static const struct Key keys[] = {
    {"std", KEY_REAL, offsetof(struct OneNumber, number), .minimum = 0, .maximum = 1e6,
     .help = "standard deviation; the course's \"small\" is 0.01, its \"big\" 1"},
    KEY_END};

static void normal(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                   float *values) {
    draw__normal(((const struct OneNumber *)options)->number, row.arena->count, stream, values);
}

const struct Initialiser initialiser_normal = {
    .kind = {"normal",
             "normal with a given standard deviation: dies out or explodes in deep networks", keys,
             sizeof(struct OneNumber)},
    .fill = normal,
};
