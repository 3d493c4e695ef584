/* Whether probabilities are as high as they should be: of the samples that a model calls 80 %
 * certain, 80 % should be right. One temperature T, by which log probabilities are divided, mends
 * most of what is wrong (Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural
 * networks"). An ensemble gets one for its mean, after it was taken. Not collective. */
#ifndef TRAINER_ENSEMBLE_CALIBRATION_H
#define TRAINER_ENSEMBLE_CALIBRATION_H

#include "ensemble/pool.h"
#include "ensemble/reliability.h"

/* Temperatures that are looked for; one at either end means that the data knows none. */
#define TEMPERATURE_LEAST 0.01
#define TEMPERATURE_MOST 100.0

/* Whether the pool's scores are probabilities, which can be calibrated. */
bool calibration_is_possible(const struct Pool *pool);
/* The temperature at which the log loss of `scores` (samples, outputs) is least. */
double calibration_temperature(const struct Pool *pool, const double *scores);

/* The reliability of `scores` (samples, outputs). For classes, a prediction is a sample's most
 * probable class; for sets, each decision is one, whose confidence is the probability that the
 * class is the sample's. */
struct Calibration {
    struct Reliability reliability;
    /* Mean of Σ_k (p_k − y_k)², y the truth; of sets, the mean over the decisions. */
    double brier;
};
struct Calibration calibration_measure(const struct Pool *pool, const double *scores);

#endif
