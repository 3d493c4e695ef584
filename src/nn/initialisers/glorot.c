/* A compromise between keeping the variance forward (fan_in) and backward (fan_out). Glorot and
 * Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks". */
#include <math.h>

#include "nn/initialise_draws.h"

static double variance(struct LayoutRow row) {
    return 2 / (draw_fan(row.model->fan_in) + draw_fan(row.model->fan_out));
}

static void normal(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                   float *values) {
    (void)options;
    draw__normal(sqrt(variance(row)), row.arena->count, stream, values);
}

static void uniform(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                    float *values) {
    (void)options;
    draw__uniform(sqrt(3 * variance(row)), row.arena->count, stream, values);
}

const struct Initialiser initialiser_glorot_normal = {
    .kind = {"glorot_normal", "normal, std sqrt(2 / (fan_in + fan_out)): Glorot and Bengio 2010",
             NULL, 0},
    .fill = normal,
};

const struct Initialiser initialiser_glorot_uniform = {
    .kind = {"glorot_uniform",
             "uniform, limit sqrt(6 / (fan_in + fan_out)): Glorot and Bengio 2010", NULL, 0},
    .fill = uniform,
};
