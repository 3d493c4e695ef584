/* Mean absolute error: loss = 1/K Σ_k |s_k − t_k| over the K outputs; its slope at 0 is 0. */
#include <math.h>

#include "nn/loss_parts.h"

POINTWISE_LOSS(void, fabs(d), d > 0 ? 1 : d < 0 ? -1 : d)

const struct Loss KERNEL(loss_mae) = {
    .kind = {"mae", "mean absolute error of the outputs: outliers count no more than others", NULL,
             0},
    .evaluate = evaluate,
    .predict = loss_predict_scores,
    .prediction = PREDICTION_SCORES,
    .measure = measure,
    .targets = TARGET_VALUES,
};
