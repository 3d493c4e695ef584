/* The steps of a run one at a time, to try something out: nothing is read from or written to a
 * folder, no callback watches, and no figure ends the run. A step computes the same bits as the
 * run's own with the same weights and rate. */
#ifndef TRAINER_TRAIN_EXPERIMENT_H
#define TRAINER_TRAIN_EXPERIMENT_H

#include "evaluate/metrics.h"
#include "run/check.h"
#include "train/train.h"

struct Experiment;

/* Makes the run of `request` from its beginning, as train() does, whatever is in its folder. Fails
 * as train() fails; *experiment is then NULL. Collective, as is the release. */
int experiment_create(struct Experiment **experiment, struct Ranks *ranks,
                      const struct TrainRequest *request, struct Error *error);
void experiment_release(struct Experiment *experiment); /* NULL is allowed */

/* What the run is made of; owned by the experiment. */
const struct RunOptions *experiment_options(const struct Experiment *experiment);
const struct RunParts *experiment_parts(const struct Experiment *experiment);
enum Variant experiment_variant(const struct Experiment *experiment); /* of the kernels */
/* The weights and running statistics now, (arena_state_elements): the same on every rank. */
const float *experiment_state(const struct Experiment *experiment);
/* Those that the run begins with. */
const float *experiment_initial(const struct Experiment *experiment);
/* Step `step` of the run, from 0: the rate that it would have. */
double experiment_rate(const struct Experiment *experiment, int64_t step);

struct ExperimentStep {
    double loss;     /* the mean over the batch before the update; NaN and Inf are no failures */
    double accuracy; /* the part of its samples that are predicted right; NaN for values */
    double samples;
    double seconds; /* of this process */
    bool finite;    /* loss, gradient, and what the update made */
};

/* Back to the initial weights, the first sample and an optimiser that has seen nothing. */
void experiment_restart(struct Experiment *experiment);
/* Computes the gradient of the next batch, and, unless `rate` is NaN, updates the weights with it.
 * ERROR_DATA if samples cannot be read. Collective; the same on every rank, except for the seconds.
 */
int experiment_step(struct Experiment *experiment, double rate, struct ExperimentStep *step,
                    struct Error *error);
/* The gradient of the last step, scaled as the update takes it: (arena->parameters), valid until
 * the next step or validation. */
const float *experiment_gradient(const struct Experiment *experiment);

/* How good the present weights are on the validation split, which the run must have. The caller
 * releases the evaluation, also after a failure. ERROR_NUMERIC if a score is not finite.
 * Collective. */
int experiment_validate(struct Experiment *experiment, struct Evaluation *evaluation,
                        struct Error *error);

#endif
