/* When each buffer of a plan is alive, and which tensors share one. Time is counted in
 * positions: of n operations, number i runs forward at 2i and backward at 4n - 2i; the loss is at
 * 2n. What a block computes again (nn/recompute.h) lives twice, in two buffers: in its forward, and
 * from just before the block's backward on.
 * Inside nn/ only. */
#ifndef TRAINER_NN_LIFETIMES_H
#define TRAINER_NN_LIFETIMES_H

#include "nn/fusion.h"
#include "nn/placement.h"

struct LifetimesRequest {
    const struct Graph *graph;
    const struct Operations *operations;
    enum Variant variant;
    bool training;
    int64_t samples; /* at most */
};

struct Lifetimes {
    int count;                /* operations */
    struct Buffer *values;    /* of each tensor: its contents */
    struct Buffer *gradients; /* of each tensor: d(loss)/d(contents) */
    struct Buffer *again;     /* of each tensor: its contents when they are made again */
    /* The tensor whose buffer it shares: see lifetimes__root. */
    int *value_root, *gradient_root, *again_root;
    struct Buffer *saved, *saved_again; /* of each operation */
    struct Buffer *through; /* [operation * LAYER_INPUTS + input]: room for a term to be added */
    bool *accumulates;      /* [the same]: an earlier writer's gradient is there already */
    bool *view_aliased;     /* of each operation: both gradients of a view are one buffer */
};

struct Lifetimes lifetimes__find(const struct LifetimesRequest *request);
void lifetimes__release(struct Lifetimes *lives);

int lifetimes__root(const int *roots, int tensor);
/* A layer without forward: its output is its input's memory. */
bool operation__is_view(const struct Operation *operation);
/* Its output has memory of its own: it is neither a view nor deferred. */
bool operation__has_values(const struct Operation *operation);

#endif
