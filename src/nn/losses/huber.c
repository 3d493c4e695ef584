/* Huber 1964, "Robust estimation of a location parameter": with d = s_k − t_k, the mean over the
 * outputs of d² / 2 if |d| ≤ δ, else of δ (|d| − δ / 2). */
#include <math.h>
#include <stddef.h>

#include "nn/loss_parts.h"

struct HuberOptions {
    double delta;
};

static const struct Key keys[] = {{"delta", KEY_REAL, offsetof(struct HuberOptions, delta), "1",
                                   .minimum = 0, .maximum = 1e30, .above_minimum = true,
                                   .help = "difference from which the loss grows linearly"},
                                  KEY_END};

POINTWISE_LOSS(struct HuberOptions,
               fabs(d) > o->delta ? o->delta * (fabs(d) - o->delta / 2) : d * d / 2,
               d > o->delta    ? o->delta
               : d < -o->delta ? -o->delta
                               : d)

const struct Loss KERNEL(loss_huber) = {
    .kind = {"huber", "squared error (halved) near the target, absolute error far from it", keys,
             sizeof(struct HuberOptions)},
    .evaluate = evaluate,
    .predict = loss_predict_scores,
    .prediction = PREDICTION_SCORES,
    .measure = measure,
    .targets = TARGET_VALUES,
};
