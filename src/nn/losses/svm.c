/* Multi-class support vector machine, after Weston and Watkins 1999, as in CS231n: for a sample of
 * class y
 *   loss_y = Σ_{j ≠ y} max(0, s_j − s_y + Δ),  or the sum of the squares of these terms,
 * and for a mixed target the classes' losses weighted by their mass: Σ_y w_y t_y loss_y, with the
 * weights w of the classes. PyTorch's
 * MultiMarginLoss divides by the number of classes; the course does not. */
#include <stddef.h>

#include "nn/loss_parts.h"

struct SvmOptions {
    struct LossCommon common;
    double margin;
    bool squared;
};

static const struct Key keys[] = {
    LOSS_COMMON_KEYS(struct SvmOptions, LOSS_CLASS_WEIGHTS_HELP),
    {"margin", KEY_REAL, offsetof(struct SvmOptions, margin), "1", .minimum = 0, .maximum = 1e30,
     .above_minimum = true, .help = "how far the right class's score should exceed every other"},
    {"squared", KEY_BOOL, offsetof(struct SvmOptions, squared), "false",
     .help = "sum the squares of the missing margins: large violations count more"},
    KEY_END};

/* The loss of one other class, `missing` = s_j − s_y + Δ. A NaN stays, so that it is seen. */
static double price(const struct SvmOptions *options, double missing) {
    if (missing <= 0)
        return 0;
    return options->squared ? missing * missing : missing;
}
static double slope(const struct SvmOptions *options, double missing) {
    if (missing <= 0)
        return 0;
    return options->squared ? 2 * missing : missing > 0 ? 1 : missing;
}

/* Adds `mass` times the loss of class y, and `weight` times its gradient to `out`, if there is
 * one. */
static double add_class(const struct SvmOptions *options, int64_t outputs, const real *scores,
                        int64_t y, double mass, double weight, real *out) {
    double loss = 0, pull = 0;
    for (int64_t j = 0; j < outputs; j++) {
        double missing = (double)scores[j] - (double)scores[y] + options->margin;
        if (j == y || missing <= 0)
            continue;
        loss += price(options, missing);
        if (out) {
            double push = slope(options, missing);
            out[j] += (real)(weight * push);
            pull += push;
        }
    }
    if (out)
        out[y] -= (real)(weight * pull);
    return mass * loss;
}

static void evaluate(const void *options, int64_t samples, int64_t outputs, const void *scores,
                     const float *target, double scale, double *sample_loss, void *gradient) {
    const double *weights = ((const struct SvmOptions *)options)->common.weights;
    for (int64_t i = 0; i < samples; i++) {
        const real *row = (const real *)scores + i * outputs;
        real *out = gradient ? (real *)gradient + i * outputs : NULL;
        for (int64_t k = 0; out && k < outputs; k++)
            out[k] = 0;
        sample_loss[i] = 0;
        for (int64_t y = 0; y < outputs; y++) {
            double mass = (double)target[i * outputs + y] * (weights ? weights[y] : 1);
            if (mass != 0)
                sample_loss[i] += add_class(options, outputs, row, y, mass, scale * mass, out);
        }
    }
}

static double measure(const void *options, int64_t outputs, const double *scores,
                      const float *target) {
    const struct SvmOptions *svm = options;
    double loss = 0;
    for (int64_t y = 0; y < outputs; y++)
        for (int64_t j = 0; j < outputs && target[y] != 0; j++)
            if (j != y)
                loss += (double)target[y] * price(svm, scores[j] - scores[y] + svm->margin);
    return loss;
}

const struct Loss KERNEL(loss_svm) = {
    .kind = {"svm",
             "multi-class SVM: every other class's score should stay a margin below the right "
             "one's; CS231n: satisfied once it does, where softmax always asks for more",
             keys, sizeof(struct SvmOptions)},
    .evaluate = evaluate,
    .predict = loss_predict_scores,
    .prediction = PREDICTION_SCORES,
    .measure = measure,
    .targets = TARGET_DISTRIBUTIONS,
    .weights_classes = true,
};
