/* Softmax cross-entropy with a distribution t over the K classes as target:
 *   loss = −Σ_k t'_k log p_k,  p = softmax(scores),  t' = (1 − ε) t + ε / K,
 *   d(loss)/d(scores) = p · Σ t' − t'
 * Label smoothing ε: Szegedy et al. 2015, "Rethinking the Inception Architecture". Scores are
 * shifted by their maximum, so that exp cannot overflow. */
#include <math.h>
#include <stddef.h>

#include "base/softmax.h"
#include "nn/loss.h"

struct CrossEntropyOptions {
    double label_smoothing;
};

static const struct Key keys[] = {
    {"label_smoothing", KEY_REAL, offsetof(struct CrossEntropyOptions, label_smoothing), "0",
     .minimum = 0, .maximum = 1, .below_maximum = true,
     .help = "the part of the target that is spread evenly over all classes; in training alone"},
    KEY_END};

SOFTMAX_NORM(norm_of, real)

static void evaluate(const void *options, int64_t samples, int64_t outputs, const void *scores,
                     const float *target, double scale, double *sample_loss, void *gradient) {
    double smoothing = ((const struct CrossEntropyOptions *)options)->label_smoothing;
    for (int64_t i = 0; i < samples; i++) {
        const real *row = (const real *)scores + i * outputs;
        const float *aim = target + i * outputs;
        real *out = gradient ? (real *)gradient + i * outputs : NULL;
        struct SoftmaxNorm norm = norm_of(outputs, row);
        double loss = 0, mass = 0;
        for (int64_t k = 0; k < outputs; k++) {
            double t = (1 - smoothing) * (double)aim[k] + smoothing / (double)outputs;
            mass += t;
            if (t != 0)
                loss -= t * softmax_log(norm, (double)row[k]);
        }
        sample_loss[i] = loss;
        for (int64_t k = 0; out && k < outputs; k++) {
            double t = (1 - smoothing) * (double)aim[k] + smoothing / (double)outputs;
            out[k] = (real)(scale * (exp(softmax_log(norm, (double)row[k])) * mass - t));
        }
    }
}

static void predict(const void *options, int64_t samples, int64_t outputs, const double *scores,
                    float *predictions) {
    (void)options;
    for (int64_t i = 0; i < samples; i++) {
        const double *row = scores + i * outputs;
        struct SoftmaxNorm norm = softmax_norm(outputs, row);
        for (int64_t k = 0; k < outputs; k++)
            predictions[i * outputs + k] = (float)exp(softmax_log(norm, row[k]));
    }
}

static double measure(const void *options, int64_t outputs, const double *scores,
                      const float *target) {
    struct SoftmaxNorm norm = softmax_norm(outputs, scores);
    double loss = 0;
    (void)options;
    for (int64_t k = 0; k < outputs; k++)
        if (target[k] != 0)
            loss -= (double)target[k] * softmax_log(norm, scores[k]);
    return loss;
}

const struct Loss KERNEL(loss_cross_entropy) = {
    .kind = {"cross_entropy",
             "softmax cross-entropy: the scores as unnormalised log probabilities of the classes",
             keys, sizeof(struct CrossEntropyOptions)},
    .evaluate = evaluate,
    .predict = predict,
    .prediction = PREDICTION_PROBABILITIES,
    .measure = measure,
    .targets = TARGET_DISTRIBUTIONS,
};
