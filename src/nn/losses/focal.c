/* Focal loss (Lin et al. 2017, "Focal loss for dense object detection") after a softmax: with a
 * distribution t over the K classes as target, the weights w of the classes, and p =
 * softmax(scores) loss = −Σ_k w_k t_k (1 − p_k)^γ log p_k. With g_k = p_k · d/dp_k of (1 − p_k)^γ
 * log p_k and a_k = w_k t_k d(loss)/d(score_j) = p_j Σ_k a_k g_k − a_j g_j, which is the
 * cross-entropy's p_j Σ a − a_j if γ is 0. */
#include <math.h>
#include <stddef.h>

#include "nn/loss_parts.h"

struct FocalOptions {
    struct LossCommon common;
    double gamma;
};

static const struct Key keys[] = {
    LOSS_COMMON_KEYS(struct FocalOptions, LOSS_CLASS_WEIGHTS_HELP),
    {.name = "gamma",
     .type = KEY_REAL,
     .offset = offsetof(struct FocalOptions, gamma),
     .fallback = "2",
     .minimum = 0,
     .maximum = 100,
     .help =
         "how strongly samples that are already predicted well are discounted; 0: cross-entropy"},
    KEY_END};

SOFTMAX_NORM(norm_of, real)

static inline double aim_at(const struct FocalOptions *options, int64_t k, const float *target) {
    return (double)target[k] * (options->common.weights ? options->common.weights[k] : 1);
}

static void evaluate(const void *options, int64_t samples, int64_t outputs, const void *scores,
                     const float *target, double scale, double *sample_loss, void *gradient) {
    double gamma = ((const struct FocalOptions *)options)->gamma;
    for (int64_t i = 0; i < samples; i++) {
        const real *row = (const real *)scores + i * outputs;
        const float *aim = target + i * outputs;
        real *out = gradient ? (real *)gradient + i * outputs : NULL;
        struct SoftmaxNorm norm = norm_of(outputs, row);
        double loss = 0, pull = 0;
        for (int64_t k = 0; k < outputs; k++) {
            double t = aim_at(options, k, aim), log_p = softmax_log(norm, (double)row[k]);
            if (t == 0)
                continue;
            loss -= t * loss_focus(gamma, log_p) * log_p;
            pull += t * loss_focal_slope(gamma, log_p);
        }
        sample_loss[i] = loss;
        for (int64_t k = 0; out && k < outputs; k++) {
            double t = aim_at(options, k, aim), log_p = softmax_log(norm, (double)row[k]);
            double own = t != 0 ? t * loss_focal_slope(gamma, log_p) : 0;
            out[k] = (real)(scale * (exp(log_p) * pull - own));
        }
    }
}

static double measure(const void *options, int64_t outputs, const double *scores,
                      const float *target) {
    double gamma = ((const struct FocalOptions *)options)->gamma, loss = 0;
    struct SoftmaxNorm norm = softmax_norm(outputs, scores);
    for (int64_t k = 0; k < outputs; k++) {
        double log_p = softmax_log(norm, scores[k]);
        if (target[k] != 0)
            loss -= (double)target[k] * loss_focus(gamma, log_p) * log_p;
    }
    return loss;
}

const struct Loss KERNEL(loss_focal) = {
    .kind = {"focal",
             "softmax cross-entropy in which samples count less the better they are predicted: for "
             "classes of very unequal size",
             keys, sizeof(struct FocalOptions)},
    .evaluate = evaluate,
    .predict = loss_predict_softmax,
    .prediction = PREDICTION_PROBABILITIES,
    .measure = measure,
    .targets = TARGET_DISTRIBUTIONS,
    .weights_classes = true,
};
