/* Focal loss (Lin et al. 2017, "Focal loss for dense object detection") of each of the K classes by
 * itself, as torchvision's sigmoid_focal_loss: with t_k from 0 to 1, log odds z as scores,
 * p = σ(z), and α for positives, 1 − α for negatives (1 for both without alpha)
 *   loss = 1/K Σ_k −α w_k t_k (1 − p_k)^γ log p_k − (1 − α) (1 − t_k) p_k^γ log(1 − p_k). */
#include <math.h>
#include <stddef.h>

#include "nn/loss_parts.h"

struct BinaryFocalOptions {
    struct LossCommon common;
    double gamma, alpha; /* alpha NaN: none */
};

static const struct Key keys[] = {
    LOSS_COMMON_KEYS(struct BinaryFocalOptions, LOSS_POSITIVE_WEIGHTS_HELP),
    {.name = "gamma",
     .type = KEY_REAL,
     .offset = offsetof(struct BinaryFocalOptions, gamma),
     .fallback = "2",
     .minimum = 0,
     .maximum = 100,
     .help = "how strongly what is already predicted well is discounted; 0: binary cross-entropy"},
    {.name = "alpha",
     .type = KEY_REAL,
     .offset = offsetof(struct BinaryFocalOptions, alpha),
     .minimum = 0,
     .maximum = 1,
     .optional = true,
     .help = "what positives count, and negatives the rest to 1; absent: both count 1"},
    KEY_END};

/* What positives and negatives of class k count. */
static void weigh(const struct BinaryFocalOptions *options, int64_t k, double weights[2]) {
    bool any = !isnan(options->alpha);
    weights[0] = any ? options->alpha : 1;
    weights[1] = any ? 1 - options->alpha : 1;
    if (options->common.weights)
        weights[0] *= options->common.weights[k];
}

static double value_at(const struct BinaryFocalOptions *options, int64_t k, double z, double t) {
    double weights[2], yes = sigmoid_log(z), no = sigmoid_log(-z);
    weigh(options, k, weights);
    return -weights[0] * t * loss_focus(options->gamma, yes) * yes -
           weights[1] * (1 - t) * loss_focus(options->gamma, no) * no;
}

/* dp/dz = p (1 − p), so that the slope of (1 − p)^γ log p is (1 − p) times that of
 * loss_focal_slope; and the same for 1 − p, which falls with z. */
static double slope_at(const struct BinaryFocalOptions *options, int64_t k, double z, double t) {
    double weights[2], yes = sigmoid_log(z), no = sigmoid_log(-z);
    weigh(options, k, weights);
    return weights[1] * (1 - t) * loss_focal_slope(options->gamma, no) * exp(yes) -
           weights[0] * t * loss_focal_slope(options->gamma, yes) * exp(no);
}

BINARY_LOSS(struct BinaryFocalOptions)

const struct Loss KERNEL(loss_binary_focal) = {
    .kind =
        {"binary_focal",
         "binary cross-entropy in which what is predicted well counts less: for data.multi_label "
         "with few positives",
         keys, sizeof(struct BinaryFocalOptions)},
    .evaluate = evaluate,
    .predict = loss_predict_sigmoids,
    .prediction = PREDICTION_SIGMOIDS,
    .measure = measure,
    .targets = TARGET_DISTRIBUTIONS,
    .takes_sets = true,
    .weights_classes = true,
};
