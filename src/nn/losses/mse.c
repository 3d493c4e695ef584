/* Mean squared error: loss = 1/K Σ_k (s_k − t_k)² over the K outputs; d(loss)/d(s_k) = 2 (s_k −
 * t_k) / K. */
#include "nn/loss_parts.h"

POINTWISE_LOSS(void, d *d, 2 * d)

const struct Loss KERNEL(loss_mse) = {
    .kind = {"mse",
             "mean squared error of the outputs; CS231n: harder to optimise than softmax, "
             "and an outlier counts by its square",
             NULL, 0},
    .evaluate = evaluate,
    .predict = loss_predict_scores,
    .prediction = PREDICTION_SCORES,
    .measure = measure,
    .targets = TARGET_VALUES,
};
