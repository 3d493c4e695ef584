/* Targets that are values reach the network as (value − mean) / deviation, and its outputs come
 * back the other way, so that a loss, a rate and an initialisation mean the same whatever the
 * targets' units. Mean and deviation are those of the training split; they are written into each
 * checkpoint. */
#ifndef TRAINER_DATA_PREPROCESSING_TARGET_SCALE_H
#define TRAINER_DATA_PREPROCESSING_TARGET_SCALE_H

#include <stdint.h>

#include "data/dataset/dataset.h"
#include "store/saved.h"

/* preprocess.targets */
enum TargetRule { TARGETS_STANDARDISE, TARGETS_NONE };
extern const char *const target_rule_names[];

struct TargetScale {
    int64_t count; /* outputs; 0: the targets are classes, nothing is done to them */
    double *mean, *deviation;
};

/* Of each of `outputs` columns: the mean, and the population's deviation, exactly 0 where it never
 * varies. `count` is 1 or more. */
void target_statistics(const float *targets, int64_t count, int64_t outputs, double *mean,
                       double *deviation);

/* From the file's statistics, or, where it has none, from `train`. A target that never varies is
 * centred and left as it is. */
void target_scale_create(struct TargetScale *scale, enum TargetRule rule,
                         const struct Dataset *dataset, const struct Split *train);
void target_scale_release(struct TargetScale *scale);

/* In a checkpoint: /preprocessing/target_mean and target_deviation, one of each for each of
 * /target_names; nothing if the targets are classes. */
extern const struct SavedGroup target_scale_saved;

/* For a root mean squared error over all outputs in the targets' units: the weights of the squares
 * of scaled differences, which sum to one; returns the unit u in
 *   mean over the outputs of (unscaled difference)² = u · Σ weight · (scaled difference)². */
double target_scale_weights(const struct TargetScale *scale, double *weights);

/* Rows of `count` values: to what the network is trained on, and back. `from` may be `to`. */
void target_scale_apply(const struct TargetScale *scale, int64_t rows, const float *from,
                        float *to);
void target_scale_undo(const struct TargetScale *scale, int64_t rows, const float *from, float *to);

#endif
