/* Softmax cross-entropy with a distribution t over the K classes as target:
 *   loss = −Σ_k t'_k log p_k,  p = softmax(scores),  t'_k = w_k ((1 − ε) t_k + ε / K),
 *   d(loss)/d(scores) = p · Σ t' − t'
 * with the weights w of the classes, as in PyTorch. Label smoothing ε: Szegedy et al. 2015,
 * "Rethinking the Inception Architecture". Scores are shifted by their maximum, so that exp cannot
 * overflow. */
#include <math.h>
#include <stddef.h>

#include "base/softmax.h"
#include "nn/loss_parts.h"

struct CrossEntropyOptions {
    struct LossCommon common;
    double label_smoothing;
};

static const struct Key keys[] = {
    LOSS_COMMON_KEYS(struct CrossEntropyOptions, LOSS_CLASS_WEIGHTS_HELP),
    {"label_smoothing", KEY_REAL, offsetof(struct CrossEntropyOptions, label_smoothing), "0",
     .minimum = 0, .maximum = 1, .below_maximum = true, .without_regularisation = "0",
     .help = "the part of the target that is spread evenly over all classes; in training alone"},
    KEY_END};

SOFTMAX_NORM(norm_of, real)

/* What class k counts in a target. */
static inline double aim_at(const struct CrossEntropyOptions *options, int64_t outputs, int64_t k,
                            const float *target) {
    double smoothing = options->label_smoothing;
    double t = (1 - smoothing) * (double)target[k] + smoothing / (double)outputs;
    return options->common.weights ? options->common.weights[k] * t : t;
}

static void evaluate(const void *options, int64_t samples, int64_t outputs, const void *scores,
                     const float *target, double scale, double *sample_loss, void *gradient) {
    for (int64_t i = 0; i < samples; i++) {
        const real *row = (const real *)scores + i * outputs;
        const float *aim = target + i * outputs;
        real *out = gradient ? (real *)gradient + i * outputs : NULL;
        struct SoftmaxNorm norm = norm_of(outputs, row);
        double loss = 0, mass = 0;
        for (int64_t k = 0; k < outputs; k++) {
            double t = aim_at(options, outputs, k, aim);
            mass += t;
            if (t != 0)
                loss -= t * softmax_log(norm, (double)row[k]);
        }
        sample_loss[i] = loss;
        for (int64_t k = 0; out && k < outputs; k++) {
            double t = aim_at(options, outputs, k, aim);
            out[k] = (real)(scale * (exp(softmax_log(norm, (double)row[k])) * mass - t));
        }
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
    .predict = loss_predict_softmax,
    .prediction = PREDICTION_PROBABILITIES,
    .measure = measure,
    .targets = TARGET_DISTRIBUTIONS,
    .weights_classes = true,
};
