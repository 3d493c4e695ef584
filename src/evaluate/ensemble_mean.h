/* Weighted means of predictions: of an ensemble's members, or of whatever else predicts the same
 * samples several times. In double precision, in the order of ensemble_mean_add. */
#ifndef TRAINER_EVALUATE_ENSEMBLE_MEAN_H
#define TRAINER_EVALUATE_ENSEMBLE_MEAN_H

#include <stdbool.h>
#include <stdint.h>

/* Geometric: of probabilities alone, as exp(Σ w log p) scaled to sum to one. */
enum EnsembleMean { ENSEMBLE_MEAN_ARITHMETIC, ENSEMBLE_MEAN_GEOMETRIC };

/* `sum` (samples · outputs) is the caller's, zero to begin with; weights sum to one. */
void ensemble_mean_add(double *sum, enum EnsembleMean mean, double weight, const float *predictions,
                       int64_t values);
/* Into predictions (samples, outputs); spoils `sum`. `distributions`: each row is scaled to sum to
 * one. */
void ensemble_mean_finish(double *sum, enum EnsembleMean mean, bool distributions, int64_t samples,
                          int64_t outputs, float *predictions);

#endif
