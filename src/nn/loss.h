/* Losses: they turn the model's scores and a target into a number for each sample and its gradient.
 * A loss is one kernel file in nn/losses/ and one row of nn/losses.def: `const struct Loss
 * KERNEL(loss_NAME)`. */
#ifndef TRAINER_NN_LOSS_H
#define TRAINER_NN_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/kernel.h"
#include "base/targets.h"
#include "runfile/schema.h"

enum Prediction { PREDICTION_PROBABILITIES, PREDICTION_SCORES };

struct Loss {
    struct Kind kind;
    /* scores (samples, outputs); target (samples, outputs): a distribution over classes (one-hot
     * unless labels are mixed), or the values to predict. Writes each sample's loss to sample_loss
     * (double) and, if gradient is not NULL, scale · d(loss)/d(scores) to gradient, which must not
     * overlap the scores. NaN and Inf among the scores reach the loss. */
    void (*evaluate)(const void *options, int64_t samples, int64_t outputs, const void *scores,
                     const float *target, double scale, double *sample_loss, void *gradient);
    /* Turns scores, a model's or the mean of several, into predictions: probabilities, or the
     * scores themselves. */
    void (*predict)(const void *options, int64_t samples, int64_t outputs, const double *scores,
                    float *predictions);
    enum Prediction prediction;
    /* The loss of one sample's scores without smoothing. Evaluation reports it, for one model and
     * for an ensemble. It takes scores, because probabilities that float rounds to 0 or 1 no longer
     * say what they cost. */
    double (*measure)(const void *options, int64_t outputs, const double *scores,
                      const float *target);
    enum TargetKind targets; /* the most general kind that it takes; it takes those before it too */
};

extern const struct KindTable loss_kinds;
const struct Loss *loss_variant(const struct Loss *loss, enum Variant variant);

#endif
