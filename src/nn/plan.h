/* A plan: the compiled graph. It holds operations, buffers, backend objects and work space, all
 * made before the first step, so that computing with it allocates nothing. */
#ifndef TRAINER_NN_PLAN_H
#define TRAINER_NN_PLAN_H

#include "compute/convolution.h"
#include "nn/loss.h"
#include "nn/model.h"

struct Plan;

/* The tallies of a gradient (base/arena.h), each a shard's part of a sum over the global batch. */
enum {
    TALLY_LOSS,          /* the sum of the samples' weighted losses / batch */
    TALLY_CORRECT,       /* correct predictions */
    TALLY_SAMPLES,       /* samples */
    TALLY_SQUARED_ERROR, /* the weighted sum of squared errors */
    TALLY_WEIGHT,        /* Σ of the samples' weights and masses (nn/loss.h); 0 without weights */
    TALLY_COUNT
};

#define PLAN_SAMPLE_COUNTS 4

struct PlanRequest {
    enum Variant variant;
    /* How activations and their gradients lie in memory. The input, the scores, parameters and
     * their gradients are `real` all the same, as is all arithmetic. */
    enum Precision precision;
    const struct Backend *backend;
    enum ConvolutionRule convolution; /* which kernels serve convolutions */
    bool training;
    /* An inference plan in which random layers draw numbers as in training (Monte Carlo dropout,
     * Gal and Ghahramani 2016): dropout in every form, DropConnect, stochastic depth, fractional
     * pooling. The numbers depend on ShardCall's seed, step (the number of the draw) and first (the
     * sample's place in its split). Batch normalisation uses its running statistics. A training
     * plan always draws. model_is_random says whether the model has any such layer. */
    bool sample_dropout;
    int64_t samples[PLAN_SAMPLE_COUNTS]; /* every number of samples that a shard can have */
    int sample_counts;
    const struct Choice *loss; /* of loss_kinds; kind NULL: scores only */
    /* NULL: the targets are classes, and correct predictions are tallied. Else the weight of each
     * output's squared error, which is tallied. Copied. */
    const double *error_weights;
    /* The targets are sets of classes: a sample is a correct prediction if each of its classes, and
     * no other, has a score of 0 or more. */
    bool sets;
    bool weighted;  /* samples have weights: plan_weights */
    bool no_fusion; /* keep every node an operation of its own: for tests */
    /* Shards of the global batch, and how many of them this plan computes in a step; 0: one. The
     * first matters only for training with a synchronised layer. */
    int64_t shards, own_shards;
    /* Gathers the vectors of all shards in such a layer: from `count` doubles, the vectors of this
     * plan's shards in order, it makes the vectors of all shards in order. Collective, and so then
     * are plan_forward, plan_backward and plan_find_nonfinite. NULL: this plan computes all shards
     * itself. */
    void (*gather)(void *context, const double *mine, int64_t count, double *all);
    void *gather_context;
    /* For each row of the arena: true if its gradient is not needed. Not all of them may be.
     * Operations before the first row that needs one run no backward and give 0 for their
     * gradients; those after it compute theirs all the same. Read by plan_create alone. NULL: none
     * is frozen. */
    const bool *frozen;
    bool input_gradient; /* also compute d(loss)/d(input): for gradient checks */
};

int plan_create(struct Plan **plan, const struct Model *model, const struct PlanRequest *request,
                struct Error *error);
void plan_release(struct Plan *plan);

/* How many shards are computed together, operation by operation, each with activations of its own:
 * one; or, if a layer of a training plan is synchronised, all own_shards; or two (plan_pairs). So
 * many are the `shard_calls` below. */
int64_t plan_shards(const struct Plan *plan);
/* Whether shards are computed in pairs because that saves memory traffic: linear layers, which can
 * serve both in one call, have more parameters than the shard has activations. Backward then leaves
 * the sum of both gradients of the parameters in the first shard's arena; in the second's they are
 * undefined. */
bool plan_pairs(const struct Plan *plan);
/* Selects the shard that plan_input, plan_target, plan_scores, plan_input_gradient and
 * plan_read_scores refer to. Before the first call it is shard 0. */
void plan_select(struct Plan *plan, int64_t shard);

/* Where the caller puts a shard's samples, (samples,H,W,C) `real`, and its targets, (samples,
 * outputs) float. Valid from creation to release; forward may destroy the input. */
void *plan_input(struct Plan *plan);
float *plan_target(struct Plan *plan);
/* And the samples' weights, (samples); NULL unless the plan is weighted. */
float *plan_weights(struct Plan *plan);
/* Do samples or classes have weights? Then the loss and the gradient of a batch, which are sums
 * over its samples / batch, become weighted means by the factor samples / TALLY_WEIGHT. */
bool plan_has_weights(const struct Plan *plan);

/* Call it once a step, after the parameters have changed. `state`: the state arena, in `real`, as
 * in the calls that follow. */
void plan_prepare(struct Plan *plan, const void *state);

/* What one forward and backward of one shard needs besides its samples. */
struct ShardCall {
    int64_t samples, first, batch; /* as in struct Call */
    uint64_t seed, step;           /* of random numbers; a prediction's number is its step */
    const void *state;
    void *gradient; /* training: this shard's arena, all of it overwritten, tallies included */
};

/* Forward through model and loss. Scores stay readable until the next call. */
void plan_forward(struct Plan *plan, const struct ShardCall *shard_calls);
/* Backward, after forward: gradient = d(mean over the global batch of the loss)/d(parameters)
 * restricted to this shard (each sample weighted 1/batch, or its weight/batch), and the
 * tallies. */
void plan_backward(struct Plan *plan, const struct ShardCall *shard_calls);

/* The same, and calls `ready` between operations when more parameters have their gradients: those
 * from element `first` of the arena up to the running statistics. `first` falls with each call. */
void plan_backward_telling(struct Plan *plan, const struct ShardCall *shard_calls,
                           void (*ready)(void *context, int64_t first), void *context);
/* Does the plan gather, within forward and backward? */
bool plan_gathers(const struct Plan *plan);

/* The loss alone, after forward of a training plan and instead of backward, or after
 * plan_find_nonfinite found nothing: the sum of the samples' losses / batch, in double, over the
 * shards that are computed together. */
double plan_loss(struct Plan *plan, const struct ShardCall *shard_calls);

const void *plan_scores(const struct Plan *plan); /* (samples, outputs) real */
/* d(loss)/d(input) of the last backward; NULL unless it was requested. */
const void *plan_input_gradient(const struct Plan *plan);
/* Copies them: (samples, outputs). */
void plan_read_scores(const struct Plan *plan, int64_t samples, double *scores);

/* For diagnosis: computes forward again, operation by operation, on the input in plan_input, and
 * returns the first node whose output holds a NaN or Inf, or NULL. */
const struct Node *plan_find_nonfinite(struct Plan *plan, const struct ShardCall *shard_calls);

/* For describe: bytes. */
struct PlanMemory {
    /* Values, their gradients and what forward saves, of all shards computed together. */
    int64_t activations;
    int64_t scratch, prepared;
};
struct PlanMemory plan_memory(const struct Plan *plan);
/* What computes a pass of a convolution or linear layer, by the index of its node: "onednn",
 * "winograd". NULL: neither of them, or the pass is not called. */
const char *plan_kernels(const struct Plan *plan, int node, enum Pass pass);
/* After fusion. */
int plan_operation_count(const struct Plan *plan);

#endif
