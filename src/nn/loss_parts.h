/* Parts that losses have in common, for the kernel files of nn/losses/. */
#ifndef TRAINER_NN_LOSS_PARTS_H
#define TRAINER_NN_LOSS_PARTS_H

#include "base/softmax.h"
#include "nn/loss.h"

#define LOSS_CLASS_WEIGHTS_HELP                                                                    \
    "what each class counts: a number for each in their order, or balanced: samples / (classes x " \
    "samples of the class) in the training split; the loss of a batch is then the weighted mean"

#define LOSS_POSITIVE_WEIGHTS_HELP                                                                 \
    "what the positives of each class count: a number for each class, or balanced: its negatives " \
    "/ its positives in the training split"

/* Loss.predict of losses whose predictions are the scores. */
static inline void loss_predict_scores(const void *options, int64_t samples, int64_t outputs,
                                       const double *scores, float *predictions) {
    (void)options;
    for (int64_t i = 0; i < samples * outputs; i++)
        predictions[i] = (float)scores[i];
}

/* Loss.predict of losses whose scores are unnormalised log probabilities. */
static inline void loss_predict_softmax(const void *options, int64_t samples, int64_t outputs,
                                        const double *scores, float *predictions) {
    (void)options;
    for (int64_t i = 0; i < samples; i++) {
        const double *row = scores + i * outputs;
        struct SoftmaxNorm norm = softmax_norm(outputs, row);
        for (int64_t k = 0; k < outputs; k++)
            predictions[i * outputs + k] = (float)exp(softmax_log(norm, row[k]));
    }
}

/* Loss.predict of losses whose scores are log odds of each class by itself. */
static inline void loss_predict_sigmoids(const void *options, int64_t samples, int64_t outputs,
                                         const double *scores, float *predictions) {
    (void)options;
    for (int64_t i = 0; i < samples * outputs; i++)
        predictions[i] = (float)exp(sigmoid_log(scores[i]));
}

/* The focal factor (Lin et al. 2017, "Focal loss for dense object detection") for a probability p
 * of what is right, of which log p is given: (1 − p)^γ. */
static inline double loss_focus(double gamma, double log_p) {
    return gamma == 0 ? 1 : pow(-expm1(log_p), gamma);
}
/* p · d/dp of (1 − p)^γ log p: (1 − p)^γ − γ p (1 − p)^(γ−1) log p; its limit at p = 1 if γ > 0
 * is 0. */
static inline double loss_focal_slope(double gamma, double log_p) {
    double rest = -expm1(log_p);
    if (gamma == 0 || rest == 0)
        return gamma == 0;
    return pow(rest, gamma) - gamma * exp(log_p) * pow(rest, gamma - 1) * log_p;
}

/* Defines evaluate and measure of a loss that is the mean over the classes of value_at(options,
 * class, score, target), whose derivative is slope_at of the same. What it measures has no weights
 * of classes. */
#define BINARY_LOSS(options_type)                                                                  \
    static void evaluate(const void *options, int64_t samples, int64_t outputs,                    \
                         const void *scores, const float *target, double scale,                    \
                         double *sample_loss, void *gradient) {                                    \
        const options_type *o = options;                                                           \
        real *out = gradient;                                                                      \
        for (int64_t i = 0; i < samples; i++) {                                                    \
            double sum = 0;                                                                        \
            for (int64_t k = 0; k < outputs; k++) {                                                \
                int64_t at = i * outputs + k;                                                      \
                double z = (double)((const real *)scores)[at], t = (double)target[at];             \
                sum += value_at(o, k, z, t);                                                       \
                if (out)                                                                           \
                    out[at] = (real)(scale / (double)outputs * slope_at(o, k, z, t));              \
            }                                                                                      \
            sample_loss[i] = sum / (double)outputs;                                                \
        }                                                                                          \
    }                                                                                              \
    static double measure(const void *options, int64_t outputs, const double *scores,              \
                          const float *target) {                                                   \
        options_type plain = *(const options_type *)options;                                       \
        double sum = 0;                                                                            \
        plain.common.weights = NULL;                                                               \
        for (int64_t k = 0; k < outputs; k++)                                                      \
            sum += value_at(&plain, k, scores[k], (double)target[k]);                              \
        return sum / (double)outputs;                                                              \
    }

/* Defines evaluate and measure of a loss that is the mean over the outputs of a function of the
 * difference d = score − target alone: `value` and its derivative `slope` are expressions in d
 * (double) and the options o. */
#define POINTWISE_LOSS(options_type, value, slope)                                                 \
    static double value_at(const options_type *o, double d) {                                      \
        (void)o;                                                                                   \
        return (value);                                                                            \
    }                                                                                              \
    static double slope_at(const options_type *o, double d) {                                      \
        (void)o;                                                                                   \
        return (slope);                                                                            \
    }                                                                                              \
    static void evaluate(const void *options, int64_t samples, int64_t outputs,                    \
                         const void *scores, const float *target, double scale,                    \
                         double *sample_loss, void *gradient) {                                    \
        real *out = gradient;                                                                      \
        for (int64_t i = 0; i < samples; i++) {                                                    \
            double sum = 0;                                                                        \
            for (int64_t k = i * outputs; k < (i + 1) * outputs; k++) {                            \
                double d = (double)((const real *)scores)[k] - (double)target[k];                  \
                sum += value_at(options, d);                                                       \
                if (out)                                                                           \
                    out[k] = (real)(scale / (double)outputs * slope_at(options, d));               \
            }                                                                                      \
            sample_loss[i] = sum / (double)outputs;                                                \
        }                                                                                          \
    }                                                                                              \
    static double measure(const void *options, int64_t outputs, const double *scores,              \
                          const float *target) {                                                   \
        double sum = 0;                                                                            \
        for (int64_t k = 0; k < outputs; k++)                                                      \
            sum += value_at(options, scores[k] - (double)target[k]);                               \
        return sum / (double)outputs;                                                              \
    }

#endif
