/* Networks learn targets that are values as (value − mean) / deviation, and their outputs are
 * converted back, so that losses, rates and initialisations do not depend on the targets' units.
 * Mean and deviation are those of the training split;
 * each checkpoint holds them. Not collective. */
#ifndef TRAINER_DATA_PREPROCESSING_TARGET_SCALE_H
#define TRAINER_DATA_PREPROCESSING_TARGET_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "data/dataset/dataset.h"
#include "store/saved.h"

/* the key preprocess.targets */
enum TargetRule { TARGETS_STANDARDISE, TARGETS_NONE };
extern const char *const target_rule_names[];

struct TargetScale {
    int64_t count; /* outputs; 0 if the targets are classes, which are not scaled */
    double *mean, *deviation;
};

/* The mean and the deviation of the population (divided by the count) of each column of `targets`
 * (count, outputs); the deviation is exactly 0 for a column that never varies. `count` is 1 or
 * more. */
void target_statistics(const float *targets, int64_t count, int64_t outputs, double *mean,
                       double *deviation);

/* Makes the scale from the data set's statistics, or from the split `train` if the file has none. A
 * target that never varies is centred and not divided. The caller releases it. */
void target_scale_create(struct TargetScale *scale, enum TargetRule rule,
                         const struct Dataset *dataset, const struct Split *train);
void target_scale_release(struct TargetScale *scale);
/* Whether both are the same, but for rounding. */
bool target_scale_is_like(const struct TargetScale *scale, const struct TargetScale *other);

/* In a checkpoint: /preprocessing/target_mean and target_deviation, one of each for each of
 * /target_names; nothing if the targets are classes. */
extern const struct SavedGroup target_scale_saved;

/* What turns squared differences on the network's scale into those in the targets' units: sets
 * `weights` (count), which add up to 1, and returns u, so that mean over outputs of (difference)² =
 * u · Σ weight · (scaled difference)². */
double target_scale_weights(const struct TargetScale *scale, double *weights);

/* Converts rows of `count` values to the network's scale. `from` may be `to`. */
void target_scale_apply(const struct TargetScale *scale, int64_t rows, const float *from,
                        float *to);
/* Rows of a network's scores to values in the data set's units, and back, in double. */
void target_scale_values(const struct TargetScale *scale, int64_t rows, const double *scores,
                         double *values);
void target_scale_scores(const struct TargetScale *scale, int64_t rows, const double *values,
                         double *scores);

#endif
