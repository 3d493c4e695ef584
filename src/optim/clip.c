#include "optim/clip.h"

#include <math.h>

const struct Key clip_keys[] = {
    {.name = "norm",
     .type = KEY_REAL,
     .offset = offsetof(struct ClipOptions, norm),
     .optional = true,
     .maximum = INFINITY,
     .above_minimum = true,
     .help = "a gradient longer than this, over all trained parameters, is scaled down to it"},
    {.name = "value",
     .type = KEY_REAL,
     .offset = offsetof(struct ClipOptions, value),
     .optional = true,
     .maximum = INFINITY,
     .above_minimum = true,
     .help = "largest magnitude of each element of the gradient, after clipping by norm"},
    {.name = "report",
     .type = KEY_BOOL,
     .offset = offsetof(struct ClipOptions, report),
     .fallback = "false",
     .free_on_resume = true,
     .help = "write gradient_norm into metrics.jsonl even if no norm is set"},
    KEY_END};

double clip_factor(const struct ClipOptions *options, double norm) {
    double factor = options->norm / (norm + 1e-6);
    return factor < 1 ? factor : 1;
}
