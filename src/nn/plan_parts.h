/* What a plan is made of: plan.c builds it, plan_execute.c executes it. Inside nn/ only. */
#ifndef TRAINER_NN_PLAN_PARTS_H
#define TRAINER_NN_PLAN_PARTS_H

#include "nn/operations.h"
#include "nn/plan.h"
#include "nn/plan_kernels.h"

/* How one operation is called: everything but the run's own numbers is decided at creation. */
struct PlannedCall {
    struct Call call;
    void *add_to[LAYER_INPUTS];  /* where the plan adds call.input_gradient to; NULL: nowhere */
    bool view_adds, view_copies; /* of a view whose gradient has other writers too */
};

/* What each of the shards that run together has for itself. */
struct PlanShard {
    struct PlannedCall *calls;  /* one an operation */
    void **values, **gradients; /* of each tensor */
    char *pool;                 /* its part of the plan's */
    float *target;
    double *sample_losses;
};

struct Plan {
    const struct Model *model;
    const struct Backend *backend;
    enum Variant variant;
    const struct PlanKernels *kernels;
    const struct Loss *loss;
    const void *loss_options;
    bool training, stochastic, timed;
    int64_t samples; /* at most */
    int64_t outputs;
    struct Operations operations;
    struct PlanShard *shards;
    int64_t shard_count;  /* that run together */
    int64_t batch_shards; /* of the global batch */
    int64_t selected;
    bool synchronised;
    void (*gather)(void *context, const double *mine, int64_t count, double *all);
    void *gather_context;
    double *partials, *all_partials; /* of a synchronised operation: own shards', all shards' */
    double (*seconds)[2];            /* of each operation: forward, backward */
    char *pool, *scratch, *prepared;
    double *error_weights; /* (outputs), or NULL */
    struct PlanMemory memory;
};

#endif
