/* Uniform with limit 1 / √fan_in, for biases too. */
#include <math.h>

#include "nn/initialise_draws.h"

static void fill(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                 float *values) {
    (void)options;
    draw__uniform(sqrt(1 / draw_fan(row.model->fan_in)), row.arena->count, stream, values);
}

const struct Initialiser initialiser_fan_in_uniform = {
    .kind = {"fan_in_uniform",
             "uniform, limit 1 / sqrt(fan_in): what PyTorch's layers do by default", NULL, 0},
    .fill = fill,
};
