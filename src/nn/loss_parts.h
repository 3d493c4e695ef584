/* Parts that losses have in common, for the kernel files of nn/losses/. */
#ifndef TRAINER_NN_LOSS_PARTS_H
#define TRAINER_NN_LOSS_PARTS_H

#include "nn/loss.h"

/* Loss.predict of losses whose predictions are the scores. */
static inline void loss_predict_scores(const void *options, int64_t samples, int64_t outputs,
                                       const double *scores, float *predictions) {
    (void)options;
    for (int64_t i = 0; i < samples * outputs; i++)
        predictions[i] = (float)scores[i];
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
