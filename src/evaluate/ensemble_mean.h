/* Weighted means of predictions: of an ensemble's members, or of whatever else predicts the same
 * samples several times. Predictions are rows of scores: of values, whose mean is Σ w·s; or
 * unnormalised log probabilities, whose mean is again log probabilities, so that none is lost that
 * is too small for a float; or log odds, each of a class by itself. In double precision, in the
 * order of ensemble_mean_add. */
#ifndef TRAINER_EVALUATE_ENSEMBLE_MEAN_H
#define TRAINER_EVALUATE_ENSEMBLE_MEAN_H

#include <stdbool.h>
#include <stdint.h>

/* How the probabilities p = softmax(s) are averaged: arithmetic: log Σ w·p; geometric: Σ w·log p,
 * which a softmax scales to sum to one. Log odds s give the mean of p = σ(s), or of s. */
enum EnsembleMean { ENSEMBLE_MEAN_ARITHMETIC, ENSEMBLE_MEAN_GEOMETRIC };
extern const char *const ensemble_mean_names[]; /* "arithmetic", "geometric", NULL */

struct MeanKind {
    enum EnsembleMean mean; /* geometric: of probabilities alone */
    bool probabilities;     /* the scores are unnormalised log probabilities */
    bool sigmoids;          /* they are log odds, each of a probability p by itself */
};

/* Makes `mean`, the caller's `values` doubles, the mean of nothing. */
void ensemble_mean_start(struct MeanKind kind, int64_t values, double *mean);
/* Adds a prediction, scores (samples, outputs); the weights of all of them sum to one. */
void ensemble_mean_add(struct MeanKind kind, double weight, int64_t samples, int64_t outputs,
                       const double *scores, double *mean);
/* Makes scores of the mean, once everything is added. */
void ensemble_mean_finish(struct MeanKind kind, int64_t values, double *mean);

#endif
