/* Evaluation of one model or an ensemble on a split: exact for any number of ranks and any split
 * size. The split is cut into fixed blocks, whose results are combined in their order, so that the
 * figures have the same bits whatever the number of ranks. */
#ifndef TRAINER_TRAIN_EVALUATE_H
#define TRAINER_TRAIN_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/ranks.h"
#include "data/loader.h"
#include "nn/plan.h"

#define EVALUATE_BLOCK 200 /* samples */

/* One model and its own view of the data. */
struct Predictor {
    const char *name;      /* for messages: a checkpoint's path, "validation" */
    struct Plan *plan;     /* an inference plan for the sizes of evaluate_sizes() */
    struct Loader *loader; /* its preprocessing on the split; no shuffling, no augmentation */
    const float *state;
};

/* The sample counts that a plan meets on a split of `count` samples; returns how many. */
int evaluate_sizes(int64_t count, int64_t sizes[2]);

struct Evaluation {
    int64_t samples, classes;
    double loss; /* mean of −log p(label) */
    int64_t correct, top5;
    int64_t
        *confusion; /* (classes, classes): [truth][prediction]; released by evaluation_release */
};
void evaluation_release(struct Evaluation *evaluation);

enum EnsembleMean { ENSEMBLE_ARITHMETIC, ENSEMBLE_GEOMETRIC };

struct EvaluateRequest {
    const struct Predictor *members;
    int member_count;
    const double *weights; /* member_count, summing to one; NULL: equal */
    enum EnsembleMean mean;
    int64_t samples, classes;
    /* NULL, or called on rank 0 in the samples' order with the ensemble's probabilities (count,
     * classes) and the labels. Its failure stops the evaluation on every rank. */
    int (*sink)(void *context, int64_t first, int64_t count, const float *probabilities,
                const int32_t *labels, struct Error *error);
    void *context;
};

/* The most probable class, the lowest among equals. */
int64_t evaluate_prediction(const float *probabilities, int64_t classes);

/* Fills members[0 … member_count−1] and, last, members[member_count] for the ensemble (of one
 * member: the same as the member's). ERROR_NUMERIC, with sample and layer, where a score is NaN or
 * Inf. Collective. */
int evaluate(struct Ranks *ranks, const struct EvaluateRequest *request, struct Evaluation *results,
             struct Error *error);

#endif
