/* How predictions are made: one model, and the split as that model's preprocessing shows it.
 * evaluate/metrics.h measures how good they are. Not collective. */
#ifndef TRAINER_EVALUATE_PREDICTOR_H
#define TRAINER_EVALUATE_PREDICTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "data/loader.h"
#include "evaluate/ensemble_mean.h"
#include "evaluate/test_time.h"
#include "nn/plan.h"

struct Predictor {
    const char *name;      /* for messages: a checkpoint's path, "validation" */
    bool is_from_file;     /* a checkpoint's model */
    struct Plan *plan;     /* an inference plan for the sizes of block_sizes() */
    struct Loader *loader; /* its preprocessing on the split; no shuffling, no augmentation */
    const float *state;
    int64_t parameters;              /* elements at its beginning that are no running statistics */
    const struct Choice *loss;       /* says what its predictions are */
    const struct TargetScale *scale; /* turns its scores into the data set's units */
    int64_t outputs;
    struct TestTime *test_time; /* NULL: the model runs once on each sample */
};

/* Once, before the first run. */
void predictor_prepare(const struct Predictor *predictor);

/* The model's scores (count, outputs), or their mean (evaluate/ensemble_mean.h), for samples
 * [first, first + count) of the split, in its order. Their targets, as the model was trained on
 * them, lie in plan_target() until the next run. If a score is NaN or Inf: ERROR_NUMERIC, or for a
 * model from a file ERROR_DATA if the sample's input is to blame, else ERROR_CHECKPOINT; with the
 * sample and the layer. */
int predictor_run(const struct Predictor *predictor, int64_t first, int64_t count, double *scores,
                  struct Error *error);

/* Are its scores unnormalised log probabilities? */
bool predictor_gives_probabilities(const struct Predictor *predictor);
/* How scores such as its own are averaged. */
struct MeanKind predictor_mean_kind(const struct Predictor *predictor, enum EnsembleMean mean);

#endif
