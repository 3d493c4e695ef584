/* Evaluation of one model or an ensemble on a split: exact for any number of ranks and any split
 * size. The split is cut into fixed blocks, whose results are combined in their order, so that the
 * figures have the same bits whatever the number of ranks. */
#ifndef TRAINER_EVALUATE_EVALUATE_H
#define TRAINER_EVALUATE_EVALUATE_H

#include <stdint.h>

#include "base/ticker.h"
#include "comm/ranks.h"
#include "evaluate/ensemble_mean.h"
#include "evaluate/metrics.h"
#include "evaluate/predictor.h"
#include "run/blocks.h"

/* Predictions of consecutive samples. */
struct DeliveredBlock {
    int result; /* whose: a member's, or member_count: the ensemble's */
    int64_t first, count;
    const float *predictions; /* (count, outputs): probabilities, scores, or values */
    const double *scores;     /* (count, outputs), of which the predictions are made */
    const int32_t *classes;   /* (count), by the scores: those of probabilities that float makes
                                 equal may differ */
};

struct EvaluateRequest {
    const struct Predictor *members; /* all with the same classes or targets */
    int member_count;
    const double *weights; /* member_count, summing to one; NULL: equal */
    enum EnsembleMean mean;
    double temperature; /* divides the mean's log probabilities or log odds; 0: 1, none */
    const struct Metrics *metrics; /* NULL: nothing is measured, because no truth is known */
    const struct Split *split;
    int64_t outputs;
    double threshold; /* of sets of classes: log odds from which on a class is predicted */
    bool ranking;     /* also ROC-AUC and PR-AUC: keeps all scores */
    /* NULL, or called on rank 0 in the samples' order. Its failure stops the evaluation on every
     * rank. */
    int (*sink)(void *context, const struct DeliveredBlock *block, struct Error *error);
    void *context;
    bool sink_members; /* the sink also gets each member's predictions, before the ensemble's */
    /* NULL, or called on every rank before it predicts samples [first, first + count) of the split:
     * makes their images available. Its failure stops the evaluation on every rank. */
    int (*make_ready)(void *context, int64_t first, int64_t count, struct Error *error);
    void *ready_context;
    const struct Ticker *ticker; /* NULL, or told on rank 0 how many samples are done */
    /* NULL, or asked on every rank before each block: is the evaluation to end? If any rank says
     * yes, it fails on all of them with ERROR_STOPPED. */
    bool (*is_interrupted)(void *context);
    void *interrupt_context;
};

/* Fills results[0 … member_count−1] and, last, results[member_count] for the ensemble (of one
 * member without a temperature: the same as the member's; its loss is the first member's loss
 * function of the combined predictions). Errors as those of predictor_run. Collective. */
int evaluate(struct Ranks *ranks, const struct EvaluateRequest *request, struct Evaluation *results,
             struct Error *error);

#endif
