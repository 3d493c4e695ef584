/* What a plan is made of: plan.c builds it, plan_execute.c executes it. For nn/ alone. */
#ifndef TRAINER_NN_PLAN_PARTS_H
#define TRAINER_NN_PLAN_PARTS_H

#include "compute/bf16_copies.h"
#include "nn/copies.h"
#include "nn/fusion.h"
#include "nn/plan.h"
#include "nn/plan_kernels.h"

/* How one operation is called for one shard. Everything in it is fixed with the plan, except what
 * struct ShardCall sets at each call. */
struct PlannedCall {
    struct Call call;
    struct Copies copies;
    void *add_to[LAYER_INPUTS];  /* where the plan adds call.input_gradient to; NULL: nowhere */
    bool view_adds, view_copies; /* a view whose gradient has other writers too */
    bool serves_pair; /* of a pair's first shard: it can serve both, if they have most samples */
};

/* What each of the shards that are computed together has for itself. */
struct PlanShard {
    struct PlannedCall *calls; /* one for each operation */
    /* The same for backward, and for what runs forward again before it; NULL: `calls` serve. */
    struct PlannedCall *later;
    void **values, **gradients; /* one for each tensor */
    void **again;               /* the values that are made again; NULL: kept */
    float *target, *weights;    /* weights NULL: none */
    /* (samples, inputs) `real`: what the plan rounds before forward, and widens after backward.
     * NULL: values[0] and gradients[0] serve. */
    float *input, *input_gradient;
    double *sample_losses;
};

struct PlanLoss {
    const struct Loss *loss; /* NULL: scores only */
    const void *options;
    double *error_weights; /* (outputs), or NULL */
    bool sets;
};

/* How the shards of the global batch exchange the partial vectors of a synchronised operation. */
struct Synchronisation {
    bool needed;       /* some operation is synchronised */
    double *own, *all; /* this plan's shards' vectors, all shards' */
    int64_t shards;    /* of the global batch */
    void (*gather)(void *context, const double *mine, int64_t count, double *all);
    void *gather_context;
};

/* Memory that the operations compute in. */
struct PlanWorkspace {
    /* Values, gradients and saved bytes of all shards that are computed together: in each buffer
     * the shards' parts follow one another. */
    char *pool;
    char *scratch, *prepared;
    char *copies;      /* the operations' copies (nn/copies.h), one part for each shard */
    size_t copy_bytes; /* of a part */
};

struct Plan {
    const struct Model *model;
    const struct Backend *backend;
    enum Variant variant;
    const struct PlanKernels *kernels, *bf16; /* bf16, and the next, NULL: VARIANT_F64 */
    const struct Bf16Copies *bf16_copies;
    struct PlanLoss loss;
    bool training, stochastic;
    bool recomputes; /* some operations run forward again before backward */
    bool in_turn;    /* as its operations are */
    bool pairs;      /* plan_pairs */
    int64_t samples; /* at most */
    int64_t outputs;
    struct Operations operations;
    struct PlanShard *shards;
    int64_t shard_count; /* computed together */
    int64_t selected;
    struct Synchronisation sync;
    struct PlanWorkspace workspace;
    struct PlanMemory memory;
    struct Stopwatch *stopwatch; /* plan_time */
};

/* Is told of each operation and shard that has values of its own (a view has none, nor has a shard
 * without samples): when plan->shards[shard].values of its output are complete, and when the
 * gradient of its output is, just before its backward. Each may be NULL. */
struct PlanVisitor {
    void (*output)(void *context, int operation, int64_t shard, int64_t samples);
    void (*gradient)(void *context, int operation, int64_t shard, int64_t samples);
    /* As plan_backward_telling says. */
    void (*ready)(void *context, int64_t first);
    void *context;
};

/* plan_forward and plan_backward with a visitor. */
void plan__forward(struct Plan *plan, const struct ShardCall *shard_calls,
                   const struct PlanVisitor *visitor);
void plan__backward(struct Plan *plan, const struct ShardCall *shard_calls,
                    const struct PlanVisitor *visitor);

/* One operation of plan_forward, and of plan_backward, for all shards that are computed together.
 */
void plan__forward_operation(struct Plan *plan, int operation, const struct ShardCall *shard_calls);
void plan__backward_operation(struct Plan *plan, int operation,
                              const struct ShardCall *shard_calls);

#endif
