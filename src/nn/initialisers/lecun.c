/* Variance 1 / fan_in. LeCun et al. 1998, "Efficient backprop"; what SELU needs. */
#include <math.h>

#include "nn/initialise_draws.h"

static void normal(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                   float *values) {
    (void)options;
    draw__normal(sqrt(1 / draw_fan(row.model->fan_in)), row.arena->count, stream, values);
}

static void uniform(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                    float *values) {
    (void)options;
    draw__uniform(sqrt(3 / draw_fan(row.model->fan_in)), row.arena->count, stream, values);
}

const struct Initialiser initialiser_lecun_normal = {
    .kind = {"lecun_normal",
             "normal, std 1 / sqrt(fan_in): LeCun et al. 1998; keeps selu's activations normal",
             NULL, 0},
    .fill = normal,
};

const struct Initialiser initialiser_lecun_uniform = {
    .kind = {"lecun_uniform", "uniform, limit sqrt(3 / fan_in): LeCun et al. 1998", NULL, 0},
    .fill = uniform,
};
