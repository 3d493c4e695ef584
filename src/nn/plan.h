/* A plan: what runs. Operations, buffers, backend objects, work space, all made before the first
 * step; running it allocates nothing. */
#ifndef TRAINER_NN_PLAN_H
#define TRAINER_NN_PLAN_H

#include "nn/loss.h"
#include "nn/model.h"

struct Plan;

#define PLAN_SAMPLE_COUNTS 4

struct PlanRequest {
    enum Variant variant;
    const struct Backend *backend;
    bool training;
    /* An inference plan in which what is random in training stays random (Monte Carlo dropout, Gal
     * and Ghahramani 2016): dropout in every form, DropConnect, stochastic depth, fractional
     * pooling. Their numbers belong to ShardCall's seed, step (the number of the draw) and first
     * (the sample's place in its split). Batch normalisation uses its running statistics. A plan
     * for training samples in any case. model_is_random says whether the model has any of these. */
    bool sample_dropout;
    int64_t samples[PLAN_SAMPLE_COUNTS]; /* every number of samples a shard can have */
    int sample_counts;
    const struct Choice *loss; /* of loss_kinds; kind NULL: scores only */
    /* NULL: the targets are classes, and correct predictions are tallied. Else of each output: the
     * weight of its squared error, which is tallied. Copied. */
    const double *error_weights;
    bool no_merging; /* run every node by itself: for tests */
    /* Shards of the global batch, and how many of them this plan runs; 0: one. They matter to
     * training with a synchronised layer alone. */
    int64_t shards, own_shards;
    /* How the shards of all ranks meet in such a layer: from `count` doubles, those of this plan's
     * shards in order, to those of all shards in order. Collective, as are then forward, backward
     * and plan_find_nonfinite. NULL: this plan runs all shards itself. */
    void (*gather)(void *context, const double *mine, int64_t count, double *all);
    void *gather_context;
    /* Of each row of the arena: its gradient is not asked for. What lies in front of the first that
     * is asked for then runs no backward, and gives 0 for its gradients; behind it they are
     * computed all the same. Not all of them. Read by plan_create alone. NULL: none is frozen. */
    const bool *frozen;
    bool input_gradient; /* also compute d(loss)/d(input): for gradient checks */
};

int plan_create(struct Plan **plan, const struct Model *model, const struct PlanRequest *request,
                struct Error *error);
void plan_release(struct Plan *plan);

/* How many shards run together: one; or, where a layer of a training plan is synchronised, all
 * own_shards, layer by layer, each with activations of its own. `calls` below has so many. */
int64_t plan_shards(const struct Plan *plan);
/* Which of them everything speaks of that is given and read by shard (plan_input, plan_target,
 * plan_scores, plan_sample_losses, plan_input_gradient, plan_predict); at first the first. */
void plan_select(struct Plan *plan, int64_t shard);

/* Where the caller puts a shard's samples, (samples,H,W,C) `real`, and its targets, (samples,
 * outputs) float. Valid from creation to release; forward may destroy the input. */
void *plan_input(struct Plan *plan);
float *plan_target(struct Plan *plan);

/* Once a step, when the parameters have changed. `state`: the state arena, in `real`. */
void plan_prepare(struct Plan *plan, const void *state);

struct ShardCall {
    int64_t samples, first, batch; /* as in struct Call */
    uint64_t seed, step;
    const void *state;
    void *gradient; /* training: this shard's arena, all of it overwritten, tallies included */
};

/* Forward through model and loss. Scores and samples' losses stay readable until the next call. */
void plan_forward(struct Plan *plan, const struct ShardCall *calls);
/* Then backward: gradient = d(mean over the global batch of the loss)/d(parameters) restricted to
 * this shard (each sample weighted 1/batch); tallies: sum of losses / batch, correct
 * predictions or the weighted sum of squared errors, samples. */
void plan_backward(struct Plan *plan, const struct ShardCall *calls);

/* The loss alone, after forward of a training plan and instead of backward: the sum of the samples'
 * losses / batch, in double, over the shards that run together. A call's gradient must be set:
 * forward writes statistics there. */
double plan_loss(struct Plan *plan, const struct ShardCall *calls);

const void *plan_scores(const struct Plan *plan);          /* (samples, outputs) real */
const double *plan_sample_losses(const struct Plan *plan); /* (samples) */
/* d(loss)/d(input) of the last backward; NULL unless it was requested. */
const void *plan_input_gradient(const struct Plan *plan);
void plan_predict(struct Plan *plan, int64_t samples, float *predictions); /* (samples, outputs) */

/* Runs forward again, operation by operation, on the input that lies in plan_input, and returns the
 * first node whose output holds a NaN or Inf, or NULL. For diagnosis. */
const struct Node *plan_find_nonfinite(struct Plan *plan, const struct ShardCall *calls);

/* For describe. */
struct PlanMemory {
    /* bytes: values, their gradients, what forward saves, of all shards that run together */
    int64_t activations;
    int64_t scratch, prepared;
};
struct PlanMemory plan_memory(const struct Plan *plan);
int plan_operation_count(const struct Plan *plan);
const struct Operation *plan_operation(const struct Plan *plan, int index);
/* Seconds spent in each operation since the last reset: {forward, backward}; timing is on only
 * after plan_time(plan, true). */
void plan_time(struct Plan *plan, bool on);
const double *plan_seconds(const struct Plan *plan, int operation);

#endif
