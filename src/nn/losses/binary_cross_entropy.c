/* Sigmoid and binary cross-entropy of each of the K classes by itself, for samples that may have
 * several classes or none: with t_k from 0 to 1 and log odds z as scores
 *   loss = 1/K Σ_k −w_k t_k log σ(z_k) − (1 − t_k) log σ(−z_k),
 *   d(loss)/d(z_k) = ((1 − t_k) σ(z_k) − w_k t_k σ(−z_k)) / K.
 * PyTorch's BCEWithLogitsLoss, whose pos_weight is w. */
#include <math.h>
#include <stddef.h>

#include "nn/loss_parts.h"

struct BinaryOptions {
    struct LossCommon common;
};

static const struct Key keys[] = {
    LOSS_COMMON_KEYS(struct BinaryOptions, LOSS_POSITIVE_WEIGHTS_HELP), KEY_END};

static double value_at(const struct BinaryOptions *options, int64_t k, double z, double t) {
    double weight = options->common.weights ? options->common.weights[k] : 1;
    return -weight * t * sigmoid_log(z) - (1 - t) * sigmoid_log(-z);
}

static double slope_at(const struct BinaryOptions *options, int64_t k, double z, double t) {
    double weight = options->common.weights ? options->common.weights[k] : 1;
    return (1 - t) * exp(sigmoid_log(z)) - weight * t * exp(sigmoid_log(-z));
}

BINARY_LOSS(struct BinaryOptions)

const struct Loss KERNEL(loss_binary_cross_entropy) = {
    .kind = {"binary_cross_entropy",
             "sigmoid and binary cross-entropy of each class by itself: for data.multi_label", keys,
             sizeof(struct BinaryOptions)},
    .evaluate = evaluate,
    .predict = loss_predict_sigmoids,
    .prediction = PREDICTION_SIGMOIDS,
    .measure = measure,
    .targets = TARGET_DISTRIBUTIONS,
    .takes_sets = true,
    .weights_classes = true,
};
