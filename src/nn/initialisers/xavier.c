/* Normal with std 1 / √fan_in: the variance of a linear layer's output is that of its input. */
#include <math.h>

#include "nn/initialise_draws.h"

static void xavier(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                   float *values) {
    (void)options;
    draw__normal(sqrt(1 / draw_fan(row.model->fan_in)), row.arena->count, stream, values);
}

const struct Initialiser initialiser_xavier = {
    .kind = {"xavier",
             "normal, std 1 / sqrt(fan_in), the course's form: right for tanh, halves the variance "
             "at each ReLU",
             NULL, 0},
    .fill = xavier,
};
