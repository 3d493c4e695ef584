/* Losses: they turn the model's scores and a target into a number for each sample and its gradient.
 * A loss is one kernel file in nn/losses/ and one row of nn/losses.def: `const struct Loss
 * KERNEL(loss_NAME)`. */
#ifndef TRAINER_NN_LOSS_H
#define TRAINER_NN_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/kernel.h"
#include "base/targets.h"
#include "runfile/schema.h"

/* What scores predict: probabilities of classes of which one is right (softmax), a probability of
 * each class by itself (sigmoid), or nothing but scores. */
enum Prediction { PREDICTION_PROBABILITIES, PREDICTION_SIGMOIDS, PREDICTION_SCORES };
/* What they are called: "scores". */
extern const char *const prediction_words[];

/* The options of every loss that weights classes begin with this. */
struct LossCommon {
    struct Strings class_weights; /* none, "balanced", or a number for each class */
    const double *weights;        /* (outputs); set by loss_set_weights. NULL: all are 1 */
};
#define LOSS_COMMON_KEYS(options, which)                                                           \
    {                                                                                              \
        .name = "class_weights", .type = KEY_STRINGS, .or_one = true,                              \
        .offset = offsetof(options, common.class_weights), .fallback = "[]",                       \
        .help = which "; in training alone"                                                        \
    }

struct Loss {
    struct Kind kind;
    /* scores (samples, outputs); target (samples, outputs): a distribution over classes (one-hot
     * unless labels are mixed), for each class whether it is right, or the values to predict.
     * Writes each sample's loss to sample_loss (double) and, if gradient is not NULL, scale ·
     * d(loss)/d(scores) to gradient, which must not overlap the scores. NaN and Inf among the
     * scores reach the loss. */
    void (*evaluate)(const void *options, int64_t samples, int64_t outputs, const void *scores,
                     const float *target, double scale, double *sample_loss, void *gradient);
    /* Turns scores, a model's or the mean of several, into predictions: probabilities, or the
     * scores themselves. */
    void (*predict)(const void *options, int64_t samples, int64_t outputs, const double *scores,
                    float *predictions);
    enum Prediction prediction;
    /* The loss of one sample's scores without smoothing and weights. Evaluation reports it, for one
     * model and for an ensemble. It takes scores, because probabilities that float rounds to 0 or 1
     * no longer say what they cost. */
    double (*measure)(const void *options, int64_t outputs, const double *scores,
                      const float *target);
    /* The most general kind that it takes up to TARGET_VALUES; it takes those before it too. */
    enum TargetKind targets;
    bool takes_sets;      /* and TARGET_SETS */
    bool weights_classes; /* its options begin with struct LossCommon */
};

/* Does it take such targets? */
bool loss_takes(const struct Loss *loss, enum TargetKind targets);

/* The weights of the classes as the run file says them; NULL: none. */
const struct Strings *loss_class_weights(const struct Choice *loss);
/* Gives a loss that has class weights their values, (outputs), which must stay valid. */
void loss_set_weights(const struct Choice *loss, const double *weights);

/* With weights, the loss of a batch is the weighted mean Σ s_i·loss_i / Σ s_i·m_i of its samples:
 * s_i is the weight of the sample, loss_i what evaluate says with the weights of classes in it, and
 * the mass m_i is what they make of the sample's count: Σ_k w_k t_k if one class is right, as in
 * PyTorch; else 1, and 1 without weights of classes. */
double loss_mass(const struct Loss *loss, const void *options, int64_t outputs,
                 const float *target);
/* Do weights of classes make masses other than 1? */
bool loss_has_masses(const struct Loss *loss, const void *options);

extern const struct KindTable loss_kinds;
const struct Loss *loss_variant(const struct Loss *loss, enum Variant variant);

#endif
